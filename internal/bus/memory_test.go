package bus

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/presage-pdm/presage/tickets"
)

// memory is an outbox and a store of deliveries that lives as long as a test.
// The stores in use are held to the same behaviour by their own suite.
type memory struct {
	mu         sync.Mutex
	wake       chan struct{}
	rows       []*row
	deliveries map[string]*tickets.Delivery // by endpoint and event
	keeps      int
	broken     error       // of every call, when set
	lose       bool        // claims are lost: KeepEvents keeps nothing
	taken      chan string // events whose delivery was taken
}

type row struct {
	event tickets.Event
	owner string
	until time.Time
}

func newMemory() *memory {
	return &memory{wake: make(chan struct{}, 1), deliveries: map[string]*tickets.Delivery{}, taken: make(chan string, 100)}
}

// put appends events named e-0, e-1, ...
func (m *memory) put(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range n {
		id := fmt.Sprintf("e-%d", len(m.rows))
		m.rows = append(m.rows, &row{event: tickets.Event{ID: id, Tenant: "default", Type: "ticket.opened", Ticket: tickets.Ticket{Number: id}}})
	}
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *memory) left() (ids []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rows {
		if r != nil {
			ids = append(ids, r.event.ID)
		}
	}
	return ids
}

func (m *memory) Wake() <-chan struct{} { return m.wake }

func (m *memory) ClaimEvents(ctx context.Context, owner string, now time.Time, lease time.Duration, limit int) (events []tickets.Event, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := cmp.Or(ctx.Err(), m.broken); err != nil {
		return nil, err
	}
	for _, r := range m.rows {
		if r != nil && len(events) < limit && !r.until.After(now) {
			r.owner, r.until = owner, now.Add(lease)
			events = append(events, r.event)
		}
	}
	return events, nil
}

func (m *memory) each(owner string, ids []string, do func(i int, r *row)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, r := range m.rows {
		if r != nil && r.owner == owner && slices.Contains(ids, r.event.ID) {
			do(i, r)
		}
	}
}

func (m *memory) KeepEvents(_ context.Context, owner string, until time.Time, ids []string) (kept int, err error) {
	m.each(owner, ids, func(_ int, r *row) {
		if !m.lose {
			r.until = until
			kept++
		}
		m.keeps++
	})
	return kept, nil
}

func (m *memory) FinishEvents(_ context.Context, owner string, ids []string) error {
	m.each(owner, ids, func(i int, _ *row) { m.rows[i] = nil })
	return nil
}

func (m *memory) ReleaseEvents(_ context.Context, owner string, ids []string) error {
	m.each(owner, ids, func(_ int, r *row) { r.owner, r.until = "", time.Time{} })
	return nil
}

func (m *memory) PutDelivery(_ context.Context, endpoint string, e tickets.Event, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return m.broken
	}
	if _, ok := m.deliveries[endpoint+e.ID]; !ok {
		m.deliveries[endpoint+e.ID] = &tickets.Delivery{Tenant: e.Tenant, Endpoint: endpoint, Event: e, State: tickets.DeliveryPending, CreatedAt: now, NextAt: now}
	}
	return nil
}

func (m *memory) ClaimDeliveries(_ context.Context, endpoint string, now time.Time, lease time.Duration, limit int) (due []tickets.Delivery, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.deliveries {
		if d.Endpoint == endpoint && d.State == tickets.DeliveryPending && !d.NextAt.After(now) && len(due) < limit {
			d.Attempts++
			d.NextAt = now.Add(lease)
			due = append(due, *d)
		}
	}
	return due, nil
}

func (m *memory) DeliveryTaken(_ context.Context, d tickets.Delivery) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.deliveries, d.Endpoint+d.Event.ID)
	m.taken <- d.Event.ID
	return nil
}

func (m *memory) DeliveryFailed(_ context.Context, d tickets.Delivery, reason string, next time.Time, dead bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	stored := m.deliveries[d.Endpoint+d.Event.ID]
	stored.LastError, stored.NextAt = reason, next
	if dead {
		stored.State = tickets.DeliveryDead
	}
	return nil
}

// delivery returns what is kept of an event, nil when it was taken.
func (m *memory) delivery(endpoint, event string) *tickets.Delivery {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d, ok := m.deliveries[endpoint+event]; ok {
		copied := *d
		return &copied
	}
	return nil
}
