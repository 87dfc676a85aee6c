package broker

import (
	"strings"
	"sync"

	"github.com/mochi-mqtt/server/v2/packets"
)

// retained knows what the retained messages cost, by their topic within the broker.
type retained struct {
	mu    sync.Mutex
	costs map[string]int
	bytes int64
}

func newRetained() *retained { return &retained{costs: map[string]int{}} }

// A retained message costs its text and about so many bytes of the library's: the packet, and nodes of its tree of topics.
const (
	retainedPacket = 1 << 10
	retainedLevel  = 600
)

func retainedCost(pk *packets.Packet) int {
	n := retainedPacket + retainedLevel*(1+strings.Count(pk.TopicName, "/")) + len(pk.TopicName) + len(pk.Payload)
	p := &pk.Properties
	n += len(p.ContentType) + len(p.ResponseTopic) + len(p.CorrelationData)
	for _, u := range p.User {
		n += 32 + len(u.Key) + len(u.Val)
	}
	return n
}

// keep notes that a message is going to be retained; false when that would be too many, or too much.
func (r *retained) keep(topic string, cost, mostTopics int, mostBytes int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, known := r.costs[topic]
	if !known && len(r.costs) >= mostTopics || r.bytes+int64(cost-before) > mostBytes {
		return false
	}
	r.costs[topic] = cost
	r.bytes += int64(cost - before)
	return true
}

func (r *retained) drop(topic string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes -= int64(r.costs[topic])
	delete(r.costs, topic)
}

func (r *retained) size() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bytes
}

// boundRetained lets a message beyond the limits of what is retained be routed without being retained.
func (b *Broker) boundRetained(pk *packets.Packet) {
	switch {
	case !pk.FixedHeader.Retain:
	case len(pk.Payload) == 0: // takes away the one that is there
		b.retained.drop(pk.TopicName)
	case !b.retained.keep(pk.TopicName, retainedCost(pk), b.config.Retained, b.config.RetainedBytes):
		pk.FixedHeader.Retain = false
		b.metrics.notRetained.Inc()
	}
}

// OnRetainedExpired is told of a message whose time, which its publisher set, is over.
func (h *hook) OnRetainedExpired(topic string) { h.broker.retained.drop(topic) }
