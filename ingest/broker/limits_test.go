package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func counted(t *testing.T, c prometheus.Collector, want float64) {
	t.Helper()
	eventually(t, fmt.Sprintf("counted %v times", want), func() bool { return testutil.ToFloat64(c) == want })
}

func TestSubscriptionsAreBounded(t *testing.T) {
	deep := strings.Repeat("a/", topicLevels)
	long := strings.Repeat("a", topicBytes+1)
	for _, c := range []struct {
		version     byte
		quota, deep byte
	}{{4, 0x80, 0x80}, {5, packets.ErrQuotaExceeded.Code, packets.ErrTopicFilterInvalid.Code}} {
		b := start(t, func(c *Config, _ *Parts) { c.SubscriptionsPerClient, c.Subscriptions = 3, 5 })
		a := connect(t, b.Broker, c.version, "a")
		ask := func(a *client, filters ...string) []byte {
			t.Helper()
			pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1}, PacketID: 9}
			for _, f := range filters {
				pk.Filters = append(pk.Filters, packets.Subscription{Filter: f})
			}
			a.send(pk)
			return a.expect(packets.Suback).ReasonCodes
		}
		want := []byte{0, c.deep, c.deep, 0, 0, c.quota}
		if got := ask(a, "one", deep, long, "two", "three", "four"); string(got) != string(want) {
			t.Errorf("version %d: got %#v, want %#v", c.version, got, want)
		}
		if got := ask(a, "two", "five"); string(got) != string([]byte{0, c.quota}) {
			t.Errorf("version %d: a filter that is there again counts again: %#v", c.version, got)
		}
		other := connect(t, b.Broker, c.version, "other")
		if got := ask(other, "one", "two", "three"); string(got) != string([]byte{0, 0, c.quota}) {
			t.Errorf("version %d: of all clients: got %#v", c.version, got)
		}
		counted(t, b.metrics.refusedFilters, 5)
		other.publish("three", "x", 1, 1)
		other.expectAck(1, 0)
		a.expectMessage("three", "x")
	}
}

func TestTopicsOfOthersAreBounded(t *testing.T) {
	b := start(t, nil)
	listener := connect(t, b.Broker, 5, "listener")
	listener.subscribe("#")
	c := connect(t, b.Broker, 5, "a")
	deep := strings.Repeat("a/", topicLevels) + "b"
	c.retain(deep, "x", 1)
	c.expectAck(1, packets.ErrTopicNameInvalid.Code)
	rich := publishPacket("chat", "x", 1, 2)
	for range userProperties + 1 {
		rich.Properties.User = append(rich.Properties.User, packets.UserProperty{Key: "k", Val: "v"})
	}
	c.send(rich)
	c.expectAck(2, packets.ErrQuotaExceeded.Code)
	old := connect(t, b.Broker, 4, "old")
	old.publish(deep, "x", 1, 3)
	old.expectAck(3, 0)
	listener.silent()
	counted(t, b.metrics.notRouted, 3)

	// A reading is taken whatever its topic looks like; only others do not get it.
	reading := rich
	reading.TopicName = tele
	c.send(reading)
	b.desk.next().done(nil)
	c.expectAck(2, 0)
	if got := listener.expectMessage(tele, "x"); len(got.Properties.User) != 0 {
		t.Errorf("%d user properties were routed", len(got.Properties.User))
	}
}

func TestTopicAliasesAreBounded(t *testing.T) {
	b := start(t, nil)
	c, ack := tryConnect(t, b.Broker, 5, "a")
	if ack.Properties.TopicAliasMaximum != topicAliases {
		t.Errorf("told that %d topic aliases are taken, want %d", ack.Properties.TopicAliasMaximum, topicAliases)
	}
	pk := publishPacket("chat", "x", 1, 1)
	pk.Properties.TopicAlias, pk.Properties.TopicAliasFlag = topicAliases, true
	c.send(pk)
	c.expectAck(1, 0)
	pk.Properties.TopicAlias = topicAliases + 1
	c.send(pk)
	if rest := c.expectClosed(); len(rest) != 1 || rest[0].ReasonCode != packets.ErrTopicAliasInvalid.Code {
		t.Errorf("got %v, want DISCONNECT with 0x94", rest)
	}
}

func TestRetainedBytesAreBounded(t *testing.T) {
	b := start(t, func(c *Config, _ *Parts) { c.RetainedBytes = 100_000 })
	c := connect(t, b.Broker, 4, "a")
	retain := func(topic string, size int) {
		t.Helper()
		c.retain(topic, strings.Repeat("x", size), 1)
		c.expectAck(1, 0)
	}
	retain("chat/a", 60_000)
	retain("chat/b", 60_000)
	counted(t, b.metrics.notRetained, 1)
	retain("chat/a", 10) // in the place of the large one
	retain("chat/b", 60_000)
	retain("chat/a", 0)
	retain("chat/b", 0)
	counted(t, b.metrics.notRetained, 1)
	if n := b.retained.size(); n != 0 {
		t.Errorf("%d bytes are left of nothing", n)
	}
	retain("chat/c", 60_000)
	b.server.Topics.Retained.Delete("chat/c")
	(&hook{broker: b.Broker}).OnRetainedExpired("chat/c") // as the library does when the time of a message is over
	if n := b.retained.size(); n != 0 {
		t.Errorf("%d bytes are left of what expired", n)
	}
}

func TestSessionsAreBounded(t *testing.T) {
	b := start(t, func(c *Config, _ *Parts) { c.Sessions = 2 })
	stay := func(pk *packets.Packet) {
		resume(pk)
		pk.Properties.SessionExpiryInterval, pk.Properties.SessionExpiryIntervalFlag = 3600, true
	}
	listener := connect(t, b.Broker, 4, "listener")
	listener.subscribe("wills/#")
	for i := range 3 {
		c := connect(t, b.Broker, 5, fmt.Sprint("s", i), stay, withWill("wills/x", fmt.Sprint(i), false), withWillDelay(600))
		c.subscribe(fmt.Sprint("topic/", i))
		c.conn.Close()
		eventually(t, "the client is away", func() bool {
			cl, ok := b.server.Clients.Get(fmt.Sprint("s", i))
			return !ok || cl.Closed() && b.server.Info.Clone().ClientsConnected == 1
		})
	}
	// The third session has ended at once, and with it the delay of its last will.
	listener.expectMessage("wills/x", "2")
	counted(t, b.metrics.sessionsDropped, 1)
	eventually(t, "its subscription is gone", func() bool { return b.server.Info.Clone().Subscriptions == 3 })
	for i, present := range []bool{true, true, false} {
		if _, ack := tryConnect(t, b.Broker, 5, fmt.Sprint("s", i), stay); ack.SessionPresent != present {
			t.Errorf("session %d: present %v, want %v", i, ack.SessionPresent, present)
		}
	}
}

func TestAnExpiredSessionLeavesNothing(t *testing.T) {
	b := start(t, nil)
	c := connect(t, b.Broker, 4, "a", resume)
	c.subscribe("topic/a")
	c.conn.Close()
	eventually(t, "the session expires", func() bool {
		cl, ok := b.server.Clients.Get("a")
		if !ok || !cl.Closed() || b.server.Info.Clone().ClientsConnected != 0 {
			return false
		}
		(&hook{broker: b.Broker}).OnClientExpired(cl) // as the library does after the time it is kept
		return true
	})
	if n := b.server.Info.Clone().Subscriptions; n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
	if to := b.server.Topics.Subscribers("topic/a"); len(to.Subscriptions) != 0 {
		t.Errorf("%d subscribers are left", len(to.Subscriptions))
	}
}

func TestConnectionsOfAnAddressAreBounded(t *testing.T) {
	b := start(t, func(c *Config, _ *Parts) { c.ConnectionsPerAddress = 2 })
	first := connect(t, b.Broker, 4, "a")
	connect(t, b.Broker, 4, "b")
	dial(t, b.Broker).expectClosed()
	counted(t, b.metrics.turnedAway.WithLabelValues("too-many-of-address"), 1)
	first.conn.Close()
	eventually(t, "there is room again", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.doors.conns) == 1
	})
	connect(t, b.Broker, 4, "c")
}

func TestConnectionsOfADeviceAreBounded(t *testing.T) {
	b := start(t, func(c *Config, p *Parts) { c.ConnectionsPerDevice, p.Authenticator = 2, users{} })
	mine := func(id string) (*client, byte) {
		c, ack := tryConnect(t, b.Broker, 4, id, withUser("acme/car-1", "secret"))
		return c, ack.ReasonCode
	}
	first, _ := mine("a")
	mine("b")
	if _, code := mine("c"); code == 0 {
		t.Error("a third connection of the device was let in")
	}
	counted(t, b.metrics.turnedAway.WithLabelValues("too-many-of-device"), 1)
	connect(t, b.Broker, 4, "d", withUser("acme/car-2", "secret"))
	connect(t, b.Broker, 4, "e", withUser("globex/car-1", "secret"))
	connect(t, b.Broker, 4, "f", withUser("acme", "secret"))
	first.conn.Close()
	eventually(t, "there is room again", func() bool { _, code := mine("c"); return code == 0 })
}

// TestStrangersMakeRoom opens connections that say nothing: they go, and whoever says who they are comes in.
func TestStrangersMakeRoom(t *testing.T) {
	b := start(t, func(c *Config, _ *Parts) { c.Handshakes = 4 })
	first := connect(t, b.Broker, 4, "first")
	for range 50 {
		dial(t, b.Broker)
	}
	counted(t, b.metrics.turnedAway.WithLabelValues("too-many-handshakes"), 46)
	first.silent() // who has said so is no stranger
	// An honest one loses a fourth of its draws against four strangers, if it is slow; it comes in all the same.
	eventually(t, "an honest client is let in", func() bool {
		c := dial(t, b.Broker)
		c.version = 4
		pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Connect}, ProtocolVersion: 4,
			Connect: packets.ConnectParams{ProtocolName: []byte("MQTT"), Clean: true, ClientIdentifier: "honest"}}
		if _, err := c.conn.Write(c.encode(pk)); err != nil {
			return false
		}
		ack, err := c.receive(patience)
		return err == nil && ack.FixedHeader.Type == packets.Connack && ack.ReasonCode == 0
	})
}

func TestControlPacketsAreBounded(t *testing.T) {
	b := start(t, nil)
	c := connect(t, b.Broker, 5, "a")
	head := []byte{packets.Subscribe<<4 | 2, 0x80, 0x80, 0x40, 0, 9, 0} // 1 MiB
	if _, err := c.conn.Write(head); err != nil {
		t.Fatal(err)
	}
	if rest := c.expectClosed(); len(rest) != 1 || rest[0].ReasonCode != packets.ErrPacketTooLarge.Code {
		t.Errorf("got %v, want DISCONNECT with 0x95", rest)
	}
	counted(t, b.metrics.tooLarge, 1)
}
