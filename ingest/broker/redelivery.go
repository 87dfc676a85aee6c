package broker

import (
	"strings"
	"sync/atomic"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// The library answers a subscription with wildcards by collecting every retained message that matches, some 800 bytes each beside
// its text, and drops those that do not fit its queue of 1024. Here they are looked up one by one, and the client is not read
// from until it has taken them: it gets all of them, and they take no memory.

// wish is a new subscription with wildcards, whose retained messages are to be sent.
type wish struct {
	filter string
	qos    byte
}

// takeWish notes a subscription, as it is within the broker, and keeps the library from sending the retained messages of it.
func (c *conn) takeWish(cl *mqtt.Client, f *packets.Subscription) {
	if !strings.ContainsAny(f.Filter, "+#") || mqtt.IsSharedFilter(f.Filter) || strings.HasPrefix(f.Filter, mqtt.SysPrefix) {
		return // one topic, or none, or the few of the library's own
	}
	_, known := cl.State.Subscriptions.Get(f.Filter)
	if f.RetainHandling == 0 || f.RetainHandling == 1 && !known { // MQTT 5.0 section 3.8.3.1
		c.wishes = append(c.wishes, wish{f.Filter, f.Qos})
	}
	f.RetainHandling = 2
}

// OnPacketProcessed sends the retained messages of the subscriptions that were granted, after the SUBACK.
func (h *hook) OnPacketProcessed(cl *mqtt.Client, pk packets.Packet, err error) {
	c := connOf(cl)
	if pk.FixedHeader.Type != packets.Subscribe || c == nil {
		return
	}
	wishes := c.wishes
	c.wishes = c.wishes[:0]
	if err != nil {
		return
	}
	for _, w := range wishes {
		if _, granted := cl.State.Subscriptions.Get(w.filter); granted {
			h.sendRetained(cl, c, w)
		}
	}
}

func (h *hook) sendRetained(cl *mqtt.Client, c *conn, w wish) {
	for _, topic := range h.broker.retained.matching(w.filter) {
		pk, ok := h.broker.server.Topics.Retained.Get(topic)
		if !ok || !h.OnACLCheck(cl, topic, false) {
			continue
		}
		out := pk.Copy(false)
		out.FixedHeader.Retain = true
		out.FixedHeader.Qos = min(out.FixedHeader.Qos, w.qos)
		out.Properties.TopicAlias, out.Properties.TopicAliasFlag = 0, false
		if out.FixedHeader.Qos > 0 && !h.keepUntilAcknowledged(cl, c, &out) {
			out.FixedHeader.Qos = 0 // better than not at all
		}
		if !c.sender.room(c, h.broker.config.QueuedBytes) || cl.WritePacket(out) != nil {
			return
		}
	}
}

// keepUntilAcknowledged gives a message an identifier under which it is held; false when too many are.
func (h *hook) keepUntilAcknowledged(cl *mqtt.Client, c *conn, out *packets.Packet) bool {
	inflight := cl.State.Inflight
	if inflight.Len() >= int(h.broker.server.Options.Capabilities.ReceiveMaximum) {
		return false
	}
	id, err := cl.NextPacketID()
	if err != nil {
		return false
	}
	out.PacketID = uint16(id)
	if inflight.Set(*out) {
		atomic.AddInt64(&h.broker.server.Info.Inflight, 1)
		inflight.DecreaseSendQuota()
	}
	c.queue.hold(out.PacketID, queuedSize(out))
	return true
}

// matching are the topics with a retained message that a filter matches.
func (r *retained) matching(filter string) (topics []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for topic := range r.costs {
		if matches(filter, topic) {
			topics = append(topics, topic)
		}
	}
	return topics
}

// matches tells whether a filter matches a topic (MQTT 5.0 section 4.7).
func matches(filter, topic string) bool {
	if topic == "" || topic[0] == '$' && (filter == "" || filter[0] != '$') {
		return false // a wildcard at the beginning matches no topic of the broker's own
	}
	for {
		f, filterRest, filterMore := strings.Cut(filter, "/")
		if f == "#" {
			return true
		}
		level, topicRest, topicMore := strings.Cut(topic, "/")
		if f != "+" && f != level {
			return false
		}
		if !topicMore {
			return !filterMore || filterRest == "#" // "a/#" matches "a"
		}
		if !filterMore {
			return false
		}
		filter, topic = filterRest, topicRest
	}
}
