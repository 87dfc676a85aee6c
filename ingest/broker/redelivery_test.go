package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"
)

// TestEveryRetainedMessageIsDelivered subscribes to more topics than the library's queue holds, and to more
// bytes than may wait for a client: all of them come, once each, and others are served meanwhile.
func TestEveryRetainedMessageIsDelivered(t *testing.T) {
	b := start(t, func(c *Config, p *Parts) { c.QueuedBytes, p.Authenticator = 64<<10, users{} })
	talker := connect(t, b.Broker, 4, "talker")
	const topics = 3000
	text := strings.Repeat("x", 200)
	for i := range topics {
		talker.retain(fmt.Sprintf("chat/%d/state", i), text, 1)
		talker.expectAck(1, 0)
	}
	stranger := connect(t, b.Broker, 4, "stranger", withUser("acme", "secret"))
	stranger.retain("chat/secret/state", "secret", 1)
	stranger.expectAck(1, 0)
	talker.silent() // the last one is routed, too
	for _, qos := range []byte{0, 1} {
		c := connect(t, b.Broker, 4, fmt.Sprint("c", qos))
		c.send(packets.Packet{
			FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1}, PacketID: 9,
			Filters: packets.Subscriptions{{Filter: "chat/+/state", Qos: qos}, {Filter: "none/#", Qos: qos}},
		})
		c.expect(packets.Suback)
		served(t, b, talker, 3)
		seen := map[string]bool{}
		for range topics {
			pk := c.expect(packets.Publish)
			if seen[pk.TopicName] || !pk.FixedHeader.Retain || string(pk.Payload) != text || pk.FixedHeader.Qos > qos {
				t.Fatalf("got %+v on %q", pk.FixedHeader, pk.TopicName)
			}
			if seen[pk.TopicName] = true; pk.FixedHeader.Qos == 1 {
				c.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}, PacketID: pk.PacketID})
			}
		}
		c.silent()
	}
	// Who subscribes to everything and does not read is not waited for by others.
	deaf := connect(t, b.Broker, 4, "deaf")
	deaf.send(packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1}, PacketID: 9, Filters: packets.Subscriptions{{Filter: "#"}},
	})
	served(t, b, talker, 3)
}

func TestRetainHandling(t *testing.T) {
	b := start(t, nil)
	talker := connect(t, b.Broker, 4, "talker")
	talker.retain("chat/a", "x", 1)
	talker.expectAck(1, 0)
	talker.silent()
	c := connect(t, b.Broker, 5, "c")
	for _, step := range []struct {
		handling byte
		sent     bool
	}{{2, false}, {1, false}, {0, true}, {0, true}} {
		c.send(packets.Packet{
			FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1}, PacketID: 9,
			Filters: packets.Subscriptions{{Filter: "chat/+", RetainHandling: step.handling}},
		})
		c.expect(packets.Suback)
		if step.sent {
			c.expectMessage("chat/a", "x")
		}
		c.silent()
	}
	fresh := connect(t, b.Broker, 5, "fresh")
	fresh.send(packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1}, PacketID: 9,
		Filters: packets.Subscriptions{{Filter: "chat/#", RetainHandling: 1}},
	})
	fresh.expect(packets.Suback)
	fresh.expectMessage("chat/a", "x")
	fresh.silent()
}

// FuzzMatches compares the matching of filters with that of the library, which differs for "+/#": the
// library leaves out what ends at the "+", against MQTT 5.0 section 4.7.1.2.
func FuzzMatches(f *testing.F) {
	for _, c := range [][2]string{{"a/+/c", "a/b/c"}, {"a/#", "a"}, {"#", "$x/y"}, {"+/y", "$x/y"}, {"$x/#", "$x/y"}, {"+", "a"}, {"+/+", "/"}, {"a/+", "a"}, {"/#", "/a"}} {
		f.Add(c[0], c[1])
	}
	b := start(f, nil)
	f.Fuzz(func(t *testing.T, filter, topic string) {
		if topic == "" || strings.ContainsAny(topic, "+#") || strings.HasPrefix(topic, "$SYS") || !strings.ContainsAny(filter, "+#") ||
			strings.HasSuffix(filter, "+/#") || tooDeep(filter) || tooDeep(topic) {
			return
		}
		for i, level := range strings.Split(filter, "/") {
			if len(level) > 1 && strings.ContainsAny(level, "+#") || level == "#" && i != strings.Count(filter, "/") {
				return // a wildcard is a whole level, and "#" the last one
			}
		}
		b.server.Topics.Subscribe("fuzz", packets.Subscription{Filter: filter})
		_, want := b.server.Topics.Subscribers(topic).Subscriptions["fuzz"]
		b.server.Topics.Unsubscribe(filter, "fuzz")
		if strings.HasPrefix(strings.ToLower(filter), "$share/") {
			return
		}
		if got := matches(filter, topic); got != want {
			t.Errorf("%q matches %q: %v, the library says %v", filter, topic, got, want)
		}
	})
}
