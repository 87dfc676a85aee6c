package web

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/tickets"
)

const (
	// hubMemory is how many messages the hub remembers for browsers that come back; at 2 to 4 kB each it is 4 MB at most.
	hubMemory = 1024
	// streamBuffer is how many messages one slow browser may be behind before it is told to load everything again.
	streamBuffer = 64
)

// Hub hands what happens to everybody who listens. Publishing never blocks: who cannot
// follow is told to start over. It is safe for concurrent use.
type Hub struct {
	boot string // tells the messages of this process from those of the one before

	mu        sync.Mutex
	sequence  uint64
	lost      uint64     // messages that a listener had no room for
	memory    []*message // the newest, oldest first
	listeners map[*listener]struct{}
}

// message is one event of the stream, encoded once for all.
type message struct {
	sequence  uint64
	tenant    string
	operation string // whoever may use it may read the message
	event     string // "ticket", "finding" or "notice"
	data      []byte
	ticket    *tickets.Ticket // set for events of tickets, to ask the workflow who may see it
}

// listener is one open stream.
type listener struct {
	tenant string
	inbox  chan *message // streamBuffer long
	lost   atomic.Bool   // a message did not fit
}

// NewHub returns a hub that has seen nothing.
func NewHub() *Hub {
	return &Hub{boot: access.NewSecret()[:8], listeners: make(map[*listener]struct{})}
}

// Event publishes an event of the desk: as "ticket", or as "notice" when it is about no ticket.
func (h *Hub) Event(e tickets.Event) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	if e.Detector != nil {
		h.publish(&message{tenant: e.Tenant, operation: "list-notices", event: "notice", data: data})
		return nil
	}
	h.publish(&message{tenant: e.Tenant, operation: "list-tickets", event: "ticket", data: data, ticket: &e.Ticket})
	return nil
}

// Finding publishes a finding, ticketed or not.
func (h *Hub) Finding(e tickets.Evidence) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode finding %s: %w", e.ID, err)
	}
	h.publish(&message{tenant: e.Tenant, operation: "list-findings", event: "finding", data: data})
	return nil
}

func (h *Hub) publish(m *message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sequence++
	m.sequence = h.sequence
	if len(h.memory) == hubMemory {
		copy(h.memory, h.memory[1:])
		h.memory = h.memory[:hubMemory-1]
	}
	h.memory = append(h.memory, m)
	for l := range h.listeners {
		if l.tenant != m.tenant {
			continue
		}
		select {
		case l.inbox <- m:
		default:
			l.lost.Store(true)
			h.lost++
		}
	}
}

// counts returns how many messages were published and lost to listeners, and how many wait for them.
func (h *Hub) counts() (messages, lost uint64, waiting int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.listeners {
		waiting += len(l.inbox)
	}
	return h.sequence, h.lost, waiting
}

// listen begins a stream of a tenant. missed are the messages since the last one that the client saw; complete is false when
// that is not known, and the client has to load everything again.
func (h *Hub) listen(tenant, lastID string) (l *listener, missed []*message, complete bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l = &listener{tenant: tenant, inbox: make(chan *message, streamBuffer)}
	h.listeners[l] = struct{}{}
	if lastID == "" {
		return l, nil, true
	}
	seen, ok := h.parseID(lastID)
	if !ok || seen > h.sequence || h.sequence-seen > uint64(len(h.memory)) {
		return l, nil, false
	}
	for _, m := range h.memory[uint64(len(h.memory))-(h.sequence-seen):] {
		if m.tenant == tenant {
			missed = append(missed, m)
		}
	}
	return l, missed, true
}

func (h *Hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.listeners, l)
}

// id is what the browser sends back as Last-Event-ID.
func (h *Hub) id(m *message) string { return h.boot + "-" + strconv.FormatUint(m.sequence, 10) }

// position is the id of the newest message.
func (h *Hub) position() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.boot + "-" + strconv.FormatUint(h.sequence, 10)
}

func (h *Hub) parseID(id string) (uint64, bool) {
	number, ok := strings.CutPrefix(id, h.boot+"-")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(number, 10, 64)
	return n, err == nil
}
