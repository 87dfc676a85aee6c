package broker

import (
	"strings"
	"sync/atomic"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// The library keeps filters and retained topics in a tree with a node of some 600 bytes for each level, and looks for each level from the
// beginning: a filter of 64 KiB of slashes would cost 40 MB, and seconds in which it holds the lock of all.
const (
	topicLevels = 64
	topicBytes  = 4 << 10
)

// topicAliases is how many topics each side of a connection remembers for the other (MQTT 5.0 section 3.3.2.3.4). The
// library would keep 65,535, of up to 64 KiB each.
const topicAliases = 64

// tooDeep tells whether a topic, or a filter, is longer or has more levels than are kept.
func tooDeep(topic string) bool {
	return len(topic) > topicBytes || strings.Count(topic, "/") >= topicLevels
}

// tooRich tells whether a message has more user properties than are kept: they take several times what they have on the wire.
func tooRich(p *packets.Properties) bool { return len(p.User) > userProperties }

// userProperties is how many a message may have that others are to get.
const userProperties = 256

// refusePlain is what OnPublish returns for a message between others that is not routed. The client is told in
// MQTT 5 with QoS 1; the library has no way to do so in the others, where it is only counted.
func (h *hook) refusePlain(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	h.broker.metrics.notRouted.Inc()
	if cl.Properties.ProtocolVersion == 5 && pk.FixedHeader.Qos == 1 {
		if tooRich(&pk.Properties) {
			return pk, packets.ErrQuotaExceeded
		}
		return pk, packets.ErrTopicNameInvalid
	}
	return pk, packets.CodeSuccessIgnore
}

// OnSubscribe puts the filters of a tenant below its mount, and spoils those that are too many or too deep, so that the
// library refuses them.
func (h *hook) OnSubscribe(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	c := connOf(cl)
	if c == nil || c.session == nil {
		return pk
	}
	c.excess, c.wishes = c.excess[:0], c.wishes[:0]
	left := h.broker.config.SubscriptionsPerClient - cl.State.Subscriptions.Len()
	leftForAll := int64(h.broker.config.Subscriptions) - atomic.LoadInt64(&h.broker.server.Info.Subscriptions)
	for i := range pk.Filters {
		f := &pk.Filters[i]
		f.Filter = mountFilter(c.session.mount, f.Filter)
		if tooDeep(f.Filter) {
			f.Filter = ""
			h.broker.metrics.refusedFilters.Inc()
			continue
		}
		if !mqtt.IsValidFilter(f.Filter, false) {
			continue
		}
		if _, known := cl.State.Subscriptions.Get(f.Filter); !known {
			left--
			leftForAll--
			if left < 0 || leftForAll < 0 {
				f.Filter = ""
				c.excess = append(c.excess, i)
				h.broker.metrics.refusedFilters.Inc()
				continue
			}
		}
		c.takeWish(cl, f)
	}
	return pk
}

// tellExcess gives the filters that were too many their reason code (MQTT 5.0 section 3.9.3). MQTT 3.1.1 has one for all reasons.
func (c *conn) tellExcess(pk *packets.Packet) {
	for _, i := range c.excess {
		if i < len(pk.ReasonCodes) && pk.ReasonCodes[i] == packets.ErrTopicFilterInvalid.Code {
			pk.ReasonCodes[i] = packets.ErrQuotaExceeded.Code
		}
	}
}

// OnUnsubscribe puts the filters of a tenant below its mount.
func (h *hook) OnUnsubscribe(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	if c := connOf(cl); c != nil && c.session != nil {
		for i := range pk.Filters {
			pk.Filters[i].Filter = mountFilter(c.session.mount, pk.Filters[i].Filter)
		}
	}
	return pk
}
