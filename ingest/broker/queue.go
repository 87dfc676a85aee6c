package broker

import (
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// queue knows how many bytes wait for one subscriber. The library bounds messages only, and a message may be large.
type queue struct {
	waiting atomic.Int64 // bytes in the library's queue of a client that is connected

	mu      sync.Mutex
	held    map[uint16]int // by packet identifier: sent with QoS 1 or 2 and not acknowledged, or kept until the client is back
	bytes   int            // of held
	counted time.Time      // when held was last counted anew
}

// queuedPacket is about what the library needs for a message in a queue, beside its payload.
const queuedPacket = 1 << 10

func queuedSize(pk *packets.Packet) int { return queuedPacket + len(pk.Payload) }

// enter counts a message in; false when there is no room beside it and what is being sent. A message alone always has room.
func (q *queue) enter(size, most int, sending int64) bool {
	if before := q.waiting.Load() + sending; before > 0 && before+int64(size) > int64(most) {
		return false
	}
	q.waiting.Add(int64(size))
	return true
}

// leave counts a message out. What was never counted in, such as retained messages of a new subscription, takes the count to 0 at worst.
func (q *queue) leave(size int) {
	if q.waiting.Add(-int64(size)) < 0 {
		q.waiting.Store(0)
	}
}

func (q *queue) hold(id uint16, size int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held == nil {
		q.held = map[uint16]int{}
	}
	q.bytes += size - q.held[id]
	q.held[id] = size
}

func (q *queue) free(id uint16) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bytes -= q.held[id]
	delete(q.held, id)
}

// fits tells whether one more message may be held for a client. The library does not tell of every message that it lets go,
// so before one is refused they are counted, not more often than once a second.
func (q *queue) fits(cl *mqtt.Client, size, most int, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bytes > 0 && q.bytes+size > most && now.Sub(q.counted) >= time.Second {
		q.counted = now
		clear(q.held)
		q.bytes = 0
		for _, pk := range cl.State.Inflight.GetAll(false) {
			n := queuedSize(&pk)
			q.held[pk.PacketID] = n
			q.bytes += n
		}
	}
	return q.bytes == 0 || q.bytes+size <= most
}

// everything is the shared subscription of nobody to all topics. With it the library asks OnSelectSubscribers about
// every message that it routes, which it does only for messages that have a shared subscription.
const everything = "$share/\xff/#"

func (b *Broker) watchQueues() {
	b.server.Topics.Subscribe("\xff", packets.Subscription{Filter: everything})
}

// OnSelectSubscribers leaves out the subscribers for whom too many bytes wait already. Of those that share a subscription one is
// chosen, if possible one that is there.
func (h *hook) OnSelectSubscribers(to *mqtt.Subscribers, pk packets.Packet) *mqtt.Subscribers {
	delete(to.Shared, everything)
	if len(to.Shared) > 0 {
		for _, group := range to.Shared {
			h.preferPresent(group)
		}
		to.SelectShared()
		to.MergeSharedSelected()
		clear(to.Shared)
		clear(to.SharedSelected)
	}
	now := time.Now()
	for id, sub := range to.Subscriptions {
		if !h.queueFor(id, sub, &pk, now) {
			delete(to.Subscriptions, id)
			atomic.AddInt64(&h.broker.server.Info.MessagesDropped, 1)
		}
	}
	return to
}

// preferPresent leaves the members out that are away, unless all are.
func (h *hook) preferPresent(group map[string]packets.Subscription) {
	var away []string
	for id := range group {
		if cl, ok := h.broker.server.Clients.Get(id); !ok || cl.Closed() {
			away = append(away, id)
		}
	}
	if len(away) == len(group) {
		return
	}
	for _, id := range away {
		delete(group, id)
	}
}

// queueFor counts a message into the queue of a subscriber; false when it has no room. What the library does not
// deliver for another reason is left to it.
func (h *hook) queueFor(id string, sub packets.Subscription, pk *packets.Packet, now time.Time) bool {
	cl, ok := h.broker.server.Clients.Get(id)
	if !ok || sub.NoLocal && pk.Origin == id || !h.OnACLCheck(cl, pk.TopicName, false) {
		return true
	}
	c := connOf(cl)
	if c == nil {
		return true
	}
	size, most := queuedSize(pk), h.broker.config.QueuedBytes
	if min(sub.Qos, pk.FixedHeader.Qos) > 0 {
		if cl.State.Inflight.Len() >= int(h.broker.server.Options.Capabilities.MaximumInflight) || !c.queue.fits(cl, size, most, now) {
			return false
		}
	}
	return cl.Closed() || c.queue.enter(size, most, c.sender.size.Load())
}

// OnPublishDropped is told of a message for which the library's queue had no room.
func (h *hook) OnPublishDropped(cl *mqtt.Client, pk packets.Packet) {
	if c := connOf(cl); c != nil {
		c.queue.leave(queuedSize(&pk))
	}
}

// OnQosPublish is told of a message that is held until the subscriber acknowledges it.
func (h *hook) OnQosPublish(cl *mqtt.Client, pk packets.Packet, _ int64, _ int) {
	if c := connOf(cl); c != nil && pk.FixedHeader.Type == packets.Publish {
		c.queue.hold(pk.PacketID, queuedSize(&pk))
	}
}

// OnQosComplete and OnQosDropped are told of the end of that.
func (h *hook) OnQosComplete(cl *mqtt.Client, pk packets.Packet) {
	if c := connOf(cl); c != nil {
		c.queue.free(pk.PacketID)
	}
}

// OnQosDropped is like OnQosComplete.
func (h *hook) OnQosDropped(cl *mqtt.Client, pk packets.Packet) { h.OnQosComplete(cl, pk) }
