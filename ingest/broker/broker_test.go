package broker

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/presage-pdm/presage/ingest"
)

// held is a message that the intake of a test holds until the test decides its fate.
type held struct {
	ingest.Message
	why  *ingest.RejectError // of Refuse
	done func(error)
}

// desk is an intake that does what the test tells it.
type desk struct {
	t        testing.TB
	incoming chan held
	slow     atomic.Int64 // nanoseconds, for the sender of the next message
}

func newDesk(t testing.TB) *desk {
	return &desk{t: t, incoming: make(chan held, 4096)} // more than any test sends
}

func (d *desk) Accept(_ context.Context, m ingest.Message, done func(error)) {
	m.Payload = append([]byte(nil), m.Payload...)
	if pause := d.slow.Swap(0); pause > 0 {
		m.Slow(time.Duration(pause))
	}
	d.incoming <- held{Message: m, done: done}
}

func (d *desk) Refuse(_ context.Context, m ingest.Message, why *ingest.RejectError, done func(error)) {
	d.incoming <- held{Message: m, why: why, done: done}
}

func (d *desk) next() held {
	d.t.Helper()
	select {
	case h := <-d.incoming:
		return h
	case <-time.After(patience):
		d.t.Fatal("the intake got no message")
		panic("unreachable")
	}
}

func (d *desk) empty() {
	d.t.Helper()
	select {
	case h := <-d.incoming:
		d.t.Fatalf("the intake got %q on %s", h.Payload, h.Topic)
	default:
	}
}

// topics takes presage/v1/{device}/...
type topics struct{}

func (topics) Takes(topic string, payload []byte) bool {
	return strings.HasPrefix(topic, "presage/") && len(payload) > 0
}

func (topics) DeviceOf(topic string) string {
	rest, ok := strings.CutPrefix(topic, "presage/v1/")
	if !ok {
		return ""
	}
	device, _, _ := strings.Cut(rest, "/")
	return device
}

// PayloadNamesDevice is true of plant/...
func (topics) PayloadNamesDevice(topic string) bool { return strings.HasPrefix(topic, "plant/") }

// users knows acme and globex, and the device car-1 of acme.
type users struct{}

func (users) Authenticate(_ context.Context, c Credentials) (Identity, error) {
	if string(c.Password) != "secret" {
		return Identity{}, ErrCredentials
	}
	tenant, device, _ := strings.Cut(c.Username, "/")
	return Identity{Tenant: tenant, Device: device}, nil
}

type fixture struct {
	*Broker
	desk     *desk
	registry *prometheus.Registry
}

func start(t testing.TB, change func(*Config, *Parts)) *fixture {
	t.Helper()
	f := &fixture{desk: newDesk(t), registry: prometheus.NewRegistry()}
	config, parts := DefaultConfig(), Parts{Intake: f.desk, Topics: topics{}, Registerer: f.registry}
	config.Address = "127.0.0.1:0"
	if change != nil {
		change(&config, &parts)
	}
	var err error
	if f.Broker, err = New(config, parts); err != nil {
		t.Fatal(err)
	}
	if err := f.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for len(f.desk.incoming) > 0 {
			f.desk.next().done(nil)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

const tele = "presage/v1/car-1/telemetry"

func TestAckOnlyWhenDurable(t *testing.T) {
	for _, version := range []byte{4, 5} {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			b := start(t, nil)
			c := connect(t, b.Broker, version, "a")
			c.publish(tele, "one", 1, 1)
			c.publish(tele, "two", 1, 2)
			first, second := b.desk.next(), b.desk.next()
			if string(first.Payload) != "one" || first.Tenant != "default" || first.Client != "a" || first.Topic != tele || first.Arrival == 0 {
				t.Errorf("got %+v", first.Message)
			}
			c.silent()
			second.done(nil)
			c.expectAck(2, 0)
			first.done(nil)
			c.expectAck(1, 0)
			c.silent()
		})
	}
}

func TestAcksOfAGroupAreWrittenTogether(t *testing.T) {
	b := start(t, nil)
	c := connect(t, b.Broker, 4, "a")
	const n = 500
	var all []byte
	for i := range n {
		all = append(all, c.encode(publishPacket(tele, "x", 1, uint16(i+1)))...)
	}
	if _, err := c.conn.Write(all); err != nil {
		t.Fatal(err)
	}
	var group []held
	for range n {
		group = append(group, b.desk.next())
	}
	for _, h := range group {
		h.done(nil)
	}
	for i := range n {
		c.expectAck(uint16(i+1), 0)
	}
	c.silent()
	eventually(t, "the acknowledgements are counted", func() bool { return testutil.ToFloat64(b.metrics.acks) == n })
	if writes := testutil.ToFloat64(b.metrics.ackWrites); writes > n/4 {
		t.Errorf("%v writes for %d acknowledgements", writes, n)
	}
}

func TestQoS0(t *testing.T) {
	b := start(t, nil)
	s := connect(t, b.Broker, 4, "listener")
	s.subscribe("presage/#")
	c := connect(t, b.Broker, 4, "a")
	c.publish(tele, "x", 0, 0)
	h := b.desk.next()
	s.silent()
	h.done(nil)
	s.expectMessage(tele, "x")
	c.silent()
}

func TestQoS2(t *testing.T) {
	b := start(t, nil)
	s := connect(t, b.Broker, 4, "listener")
	s.subscribe("presage/#")
	for _, version := range []byte{4, 5} {
		c := connect(t, b.Broker, version, "a")
		c.publish(tele, "x", 2, 7)
		h := b.desk.next()
		s.silent()
		h.done(nil)
		if pk := c.expect(packets.Pubrec); pk.PacketID != 7 || pk.ReasonCode != 0 {
			t.Errorf("version %d: got %v", version, pk)
		}
		s.expectMessage(tele, "x")
		c.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pubrel, Qos: 1}, PacketID: 7})
		if pk := c.expect(packets.Pubcomp); pk.PacketID != 7 {
			t.Errorf("version %d: got %v", version, pk)
		}

		// One that is refused is received, and goes nowhere.
		c.publish(tele, "bad", 2, 8)
		h = b.desk.next()
		h.Refused(&ingest.RejectError{Reason: "malformed-json"})
		h.done(nil)
		want := byte(0)
		if version == 5 {
			want = packets.ErrPayloadFormatInvalid.Code
		}
		if pk := c.expect(packets.Pubrec); pk.PacketID != 8 || pk.ReasonCode != want {
			t.Errorf("version %d: got %v, want code %#x", version, pk, want)
		}
		s.silent()
	}
}

func TestRefusedMessages(t *testing.T) {
	for _, c := range []struct {
		reason string
		code   byte
	}{
		{ingest.ReasonRefusedDevice, 0x87},
		{ingest.ReasonUnknownDevice, 0x87},
		{"bad-topic", 0x90},
		{"malformed-json", 0x99},
		{ingest.ReasonTooLarge, 0x97},
	} {
		t.Run(c.reason, func(t *testing.T) {
			b := start(t, nil)
			s := connect(t, b.Broker, 4, "listener")
			s.subscribe("#")
			for _, version := range []byte{4, 5} {
				client := connect(t, b.Broker, version, "a")
				client.publish(tele, "x", 1, 3)
				h := b.desk.next()
				h.Refused(&ingest.RejectError{Reason: c.reason})
				h.done(nil)
				want := c.code
				if version == 4 {
					want = 0 // 3.1.1 has no codes: acknowledged, so that it does not come back
				}
				client.expectAck(3, want)
				s.silent()
			}
		})
	}
}

// TestNotDurable holds that what could not be made durable is never acknowledged, nor anything of the connection after it.
func TestNotDurable(t *testing.T) {
	for _, version := range []byte{4, 5} {
		b := start(t, nil)
		c := connect(t, b.Broker, version, "a")
		for i := range 3 {
			c.publish(tele, fmt.Sprint(i), 1, uint16(i+1))
		}
		first, second, third := b.desk.next(), b.desk.next(), b.desk.next()
		first.done(nil)
		c.expectAck(1, 0)
		second.done(errors.New("disk full"))
		rest := c.expectClosed()
		third.done(nil)
		switch {
		case version == 4 && len(rest) != 0:
			t.Errorf("version 4: got %v", rest)
		case version == 5 && (len(rest) != 1 || rest[0].FixedHeader.Type != packets.Disconnect || rest[0].ReasonCode != 0x97):
			t.Errorf("version 5: got %v, want DISCONNECT with 0x97", rest)
		}
	}
}

func TestBackPressure(t *testing.T) {
	b := start(t, func(c *Config, _ *Parts) { c.InFlight = 4 })
	c := connect(t, b.Broker, 4, "greedy")
	for i := range 10 {
		c.publish(tele, fmt.Sprint(i), 1, uint16(i+1))
	}
	other := connect(t, b.Broker, 4, "other")
	var waiting []held
	for range 4 {
		waiting = append(waiting, b.desk.next())
	}
	other.silent() // the broker goes on
	b.desk.empty() // and has read nothing more of the greedy one
	for i := range 10 {
		waiting[i].done(nil)
		c.expectAck(uint16(i+1), 0)
		if i+4 < 10 {
			waiting = append(waiting, b.desk.next())
		}
	}
	eventually(t, "nothing is in flight", func() bool { return b.inFlight.Load() == 0 })
}

func TestPlainTopicsAreRouted(t *testing.T) {
	b := start(t, nil)
	s := connect(t, b.Broker, 5, "listener")
	s.subscribe("chat/+")
	c := connect(t, b.Broker, 5, "a")
	c.publish("chat/room", "hello", 1, 1)
	c.expect(packets.Puback)
	s.expectMessage("chat/room", "hello")
	b.desk.empty()
}

func TestRetained(t *testing.T) {
	const state = "presage/v1/car-1/state"
	b := start(t, nil)
	c := connect(t, b.Broker, 4, "a")
	c.retain(state, `{"online":true}`, 1)
	h := b.desk.next()
	early := connect(t, b.Broker, 4, "early")
	early.subscribe(state)
	early.silent() // not durable, not retained
	h.done(nil)
	c.expectAck(1, 0)
	if pk := early.expectMessage(state, `{"online":true}`); pk.FixedHeader.Retain {
		t.Error("a live message has the retain flag")
	}
	late := connect(t, b.Broker, 4, "late")
	late.subscribe(state)
	if pk := late.expectMessage(state, `{"online":true}`); !pk.FixedHeader.Retain {
		t.Error("a retained message lacks the retain flag")
	}
	c.retain(state, "", 2) // deletes it, past the intake
	c.expect(packets.Puback)
	b.desk.empty()
	last := connect(t, b.Broker, 4, "last")
	last.subscribe(state)
	last.silent()
}

func TestRetainedIsBounded(t *testing.T) {
	b := start(t, func(c *Config, _ *Parts) { c.Retained = 0 })
	before := b.server.Topics.Retained.Len()
	c := connect(t, b.Broker, 4, "a")
	c.retain("chat/1", "x", 1)
	c.expect(packets.Puback)
	c.retain(tele, "x", 2)
	b.desk.next().done(nil)
	c.expectAck(2, 0)
	c.silent()
	if err := b.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := b.server.Topics.Retained.Len(); after != before {
		t.Errorf("%d topics are retained, want %d", after, before)
	}
	if n := testutil.ToFloat64(b.metrics.notRetained); n != 2 {
		t.Errorf("%v counted, want 2", n)
	}
}

func TestNoLocal(t *testing.T) {
	b := start(t, nil)
	c := connect(t, b.Broker, 5, "a")
	c.send(packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1},
		PacketID:    1, Filters: packets.Subscriptions{{Filter: "presage/#", NoLocal: true}},
	})
	c.expect(packets.Suback)
	c.publish(tele, "x", 1, 2)
	b.desk.next().done(nil)
	c.expectAck(2, 0)
	c.silent()
}

func TestTopicAlias(t *testing.T) {
	b := start(t, func(_ *Config, p *Parts) { p.Authenticator = users{} })
	c := connect(t, b.Broker, 5, "a", withUser("acme/car-1", "secret"))
	for i, topic := range []string{tele, ""} {
		pk := publishPacket(topic, "x", 1, uint16(i+1))
		pk.Properties.TopicAlias, pk.Properties.TopicAliasFlag = 3, true
		c.send(pk)
		h := b.desk.next()
		if h.Topic != tele || h.Tenant != "acme" {
			t.Errorf("publish %d: got topic %q of %q", i, h.Topic, h.Tenant)
		}
		h.done(nil)
		c.expectAck(uint16(i+1), 0)
	}
}

func TestWill(t *testing.T) {
	const state, offline = "presage/v1/car-1/state", `{"online":false}`
	t.Run("lost connection", func(t *testing.T) {
		b := start(t, nil)
		s := connect(t, b.Broker, 4, "listener")
		s.subscribe(state)
		c := connect(t, b.Broker, 4, "car", withWill(state, offline, true))
		c.conn.Close()
		h := b.desk.next()
		if h.Topic != state || string(h.Payload) != offline {
			t.Errorf("got %q on %q", h.Payload, h.Topic)
		}
		s.silent()
		h.done(nil)
		s.expectMessage(state, offline)
		late := connect(t, b.Broker, 4, "late")
		late.subscribe(state)
		late.expectMessage(state, offline)
	})
	t.Run("orderly end", func(t *testing.T) {
		b := start(t, nil)
		c := connect(t, b.Broker, 4, "car", withWill(state, offline, true))
		c.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Disconnect}})
		c.expectClosed()
		if err := b.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.desk.empty()
	})
	t.Run("disconnect with will", func(t *testing.T) {
		b := start(t, nil)
		c := connect(t, b.Broker, 5, "car", withWill(state, offline, true))
		c.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Disconnect}, ReasonCode: packets.CodeDisconnectWillMessage.Code})
		if h := b.desk.next(); string(h.Payload) != offline {
			t.Errorf("got %q", h.Payload)
		} else {
			h.done(nil)
		}
	})
	t.Run("takeover comes before what the new connection says", func(t *testing.T) {
		b := start(t, nil)
		connect(t, b.Broker, 4, "car", withWill(state, offline, true))
		again := connect(t, b.Broker, 4, "car", withWill(state, offline, true))
		again.publish(state, `{"online":true}`, 1, 1)
		first, second := b.desk.next(), b.desk.next()
		if string(first.Payload) != offline || string(second.Payload) != `{"online":true}` {
			t.Errorf("got %q, then %q", first.Payload, second.Payload)
		}
		first.done(nil)
		second.done(nil)
		again.expectAck(1, 0)
	})
	t.Run("our own end is not theirs", func(t *testing.T) {
		b := start(t, nil)
		c := connect(t, b.Broker, 4, "car", withWill(state, offline, true))
		if err := b.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := b.Broker.Close(); err != nil {
			t.Fatal(err)
		}
		c.expectClosed()
		b.desk.empty()
	})
	t.Run("a plain topic", func(t *testing.T) {
		b := start(t, nil)
		s := connect(t, b.Broker, 4, "listener")
		s.subscribe("bye")
		connect(t, b.Broker, 4, "car", withWill("bye", "x", false)).conn.Close()
		s.expectMessage("bye", "x")
	})
	t.Run("delayed, and the client is back in time", func(t *testing.T) {
		b := start(t, nil)
		c := connect(t, b.Broker, 5, "car", withWill(state, offline, true), withWillDelay(3600))
		c.conn.Close()
		eventually(t, "the will waits", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return len(b.wills) == 1 })
		connect(t, b.Broker, 5, "car", resume)
		b.mu.Lock()
		waiting := len(b.wills)
		b.mu.Unlock()
		if waiting != 0 {
			t.Errorf("%d wills still wait", waiting)
		}
		b.desk.empty()
	})
	t.Run("delayed", func(t *testing.T) {
		b := start(t, nil)
		connect(t, b.Broker, 5, "car", withWill(state, offline, true), withWillDelay(1)).conn.Close()
		h := b.desk.next()
		if string(h.Payload) != offline {
			t.Errorf("got %q", h.Payload)
		}
		h.done(nil)
	})
}

func TestTooLarge(t *testing.T) {
	for _, version := range []byte{4, 5} {
		b := start(t, nil)
		c := connect(t, b.Broker, version, "a")
		huge := c.encode(publishPacket(tele, strings.Repeat("x", 10<<20), 1, 1))
		if _, err := c.conn.Write(huge); err != nil {
			t.Fatalf("version %d: the broker does not let the packet be sent: %v", version, err)
		}
		h := b.desk.next()
		if h.why == nil || h.why.Reason != ingest.ReasonTooLarge || h.why.Device != "car-1" || h.Topic != tele || len(h.Payload) != 0 {
			t.Errorf("version %d: got %+v, %+v", version, h.Message, h.why)
		}
		h.done(nil)
		rest := c.expectClosed()
		switch {
		case version == 4 && len(rest) != 0:
			t.Errorf("version 4: got %v", rest)
		case version == 5 && (len(rest) != 1 || rest[0].FixedHeader.Type != packets.Disconnect || rest[0].ReasonCode != 0x95):
			t.Errorf("version 5: got %v, want DISCONNECT with 0x95", rest)
		}
		if n := testutil.ToFloat64(b.metrics.tooLarge); n != 1 {
			t.Errorf("version %d: %v counted, want 1", version, n)
		}
	}
}

func TestMaximumPacketSizeIsTold(t *testing.T) {
	b := start(t, nil)
	_, ack := tryConnect(t, b.Broker, 5, "a")
	if ack.Properties.MaximumPacketSize != uint32(b.config.PacketBytes) || ack.Properties.ReceiveMaximum != uint16(b.config.InFlight) {
		t.Errorf("got maximum packet size %d and receive maximum %d", ack.Properties.MaximumPacketSize, ack.Properties.ReceiveMaximum)
	}
}

func TestLargeFirstPacket(t *testing.T) {
	b := start(t, nil)
	c := dial(t, b.Broker)
	c.conn.Write([]byte{packets.Connect << 4, 0xff, 0xff, 0x3f, 0, 4}) // 1 MiB to come
	if rest := c.expectClosed(); len(rest) != 0 {
		t.Errorf("got %v", rest)
	}
}

func TestConnectTimeout(t *testing.T) {
	b := start(t, func(c *Config, _ *Parts) { c.ConnectTimeout = 50 * time.Millisecond })
	dial(t, b.Broker).expectClosed()
}

func TestConnectionLimit(t *testing.T) {
	b := start(t, func(c *Config, _ *Parts) { c.Connections = 2 })
	connect(t, b.Broker, 4, "a")
	connect(t, b.Broker, 4, "b")
	for version, want := range map[byte]byte{4: 3, 5: 0x89} {
		if _, ack := tryConnect(t, b.Broker, version, "c"); ack.ReasonCode != want {
			t.Errorf("version %d: got code %#x, want %#x", version, ack.ReasonCode, want)
		}
	}
}

func TestCredentials(t *testing.T) {
	for _, c := range []struct {
		name     string
		required bool
		options  []connectOption
		v4, v5   byte
	}{
		{"anonymous on loopback", false, nil, 0, 0},
		{"anonymous when required", true, nil, 5, 0x86},
		{"right", true, []connectOption{withUser("acme", "secret")}, 0, 0},
		{"wrong", true, []connectOption{withUser("acme", "guess")}, 5, 0x86},
		{"wrong on loopback", false, []connectOption{withUser("acme", "guess")}, 5, 0x86},
	} {
		b := start(t, func(config *Config, p *Parts) { config.RequireCredentials, p.Authenticator = c.required, users{} })
		for version, want := range map[byte]byte{4: c.v4, 5: c.v5} {
			if _, ack := tryConnect(t, b.Broker, version, "x", c.options...); ack.ReasonCode != want {
				t.Errorf("%s, version %d: got code %#x, want %#x", c.name, version, ack.ReasonCode, want)
			}
		}
	}
}

func TestPublicAddressNeedsCredentials(t *testing.T) {
	for _, address := range []string{"0.0.0.0:1883", ":1883", "192.0.2.1:1883", "[::]:1883"} {
		config := DefaultConfig()
		config.Address = address
		if _, err := New(config, Parts{Topics: topics{}}); err == nil || !strings.Contains(err.Error(), address) {
			t.Errorf("%s: got %v, want an error that names it", address, err)
		}
		if _, err := New(config, Parts{Topics: topics{}, Authenticator: users{}}); err != nil {
			t.Errorf("%s with credentials: %v", address, err)
		}
	}
}

func TestDeviceMayOnlySpeakForItself(t *testing.T) {
	b := start(t, func(_ *Config, p *Parts) { p.Authenticator = users{} })
	c := connect(t, b.Broker, 5, "a", withUser("acme/car-1", "secret"))
	c.publish("presage/v1/car-2/telemetry", "x", 1, 1)
	c.expectAck(1, 0x87)
	c.publish("chat", "x", 1, 2)
	c.expectAck(2, 0x87)
	if code := c.subscribe("presage/v1/+/telemetry"); code != 0x87 {
		t.Errorf("subscribe to all devices: got %#x", code)
	}
	if code := c.subscribe("#"); code != 0x87 {
		t.Errorf("subscribe to everything: got %#x", code)
	}
	if code := c.subscribe("presage/v1/car-1/command"); code != 0 {
		t.Errorf("subscribe to its own: got %#x", code)
	}
	b.desk.empty()
	c.publish(tele, "x", 1, 3)
	h := b.desk.next()
	if h.Tenant != "acme" {
		t.Errorf("got tenant %q", h.Tenant)
	}
	h.done(nil)
	c.expectAck(3, 0)

	old := connect(t, b.Broker, 4, "b", withUser("acme/car-1", "secret"))
	old.publish("presage/v1/car-2/telemetry", "x", 1, 1)
	old.expectClosed() // 3.1.1 cannot say it otherwise
	b.desk.empty()

	// Nor may a last will speak for another.
	connect(t, b.Broker, 5, "w", withUser("acme/car-1", "secret"), withWill("presage/v1/car-2/state", "x", false)).conn.Close()
	connect(t, b.Broker, 5, "w2", withUser("acme/car-1", "secret"), withWill("presage/v1/car-1/state", "mine", false)).conn.Close()
	if h := b.desk.next(); string(h.Payload) != "mine" {
		t.Errorf("got %q on %s", h.Payload, h.Topic)
	} else {
		h.done(nil)
	}
}

func TestTenantsAreApart(t *testing.T) {
	b := start(t, func(_ *Config, p *Parts) { p.Authenticator = users{} })
	acme := connect(t, b.Broker, 4, "same-id", withUser("acme", "secret"))
	globex := connect(t, b.Broker, 4, "same-id", withUser("globex", "secret"))
	nobody := connect(t, b.Broker, 4, "same-id")
	acme.silent() // nobody took the session over
	for _, c := range []*client{acme, globex, nobody} {
		c.subscribe("#")
	}
	shared := connect(t, b.Broker, 5, "shared")
	shared.subscribe("$share/g/#")

	acme.publish(tele, "x", 1, 1)
	h := b.desk.next()
	if h.Tenant != "acme" || h.Topic != tele {
		t.Errorf("got %q of %q", h.Topic, h.Tenant)
	}
	h.done(nil)
	got := map[byte]packets.Packet{}
	for range 2 { // the acknowledgement, and the message, which acme hears itself
		pk, err := acme.receive(patience)
		if err != nil {
			t.Fatal(err)
		}
		got[pk.FixedHeader.Type] = pk
	}
	if got[packets.Publish].TopicName != tele {
		t.Errorf("got %v", got)
	}
	globex.retain("chat", "secret", 1)
	globex.expect(packets.Puback)
	globex.expectMessage("chat", "secret")
	for _, c := range []*client{acme, nobody, shared} {
		c.silent()
	}
	late := connect(t, b.Broker, 4, "late")
	late.subscribe("#")
	for {
		pk := func() packets.Packet {
			late.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pingreq}})
			pk, err := late.receive(patience)
			if err != nil {
				t.Fatal(err)
			}
			return pk
		}()
		if pk.FixedHeader.Type == packets.Pingresp {
			break
		}
		t.Errorf("got %q on %q", pk.Payload, pk.TopicName)
	}
	if err := b.Publish(t.Context(), "globex", "command", []byte("go"), 1, false); err != nil {
		t.Fatal(err)
	}
	globex.expectMessage("command", "go")
}

func TestDrain(t *testing.T) {
	b := start(t, nil)
	c := connect(t, b.Broker, 4, "a")
	idle := connect(t, b.Broker, 5, "idle")
	mute := dial(t, b.Broker)
	c.publish(tele, "x", 1, 1)
	h := b.desk.next()

	drained := make(chan error, 1)
	go func() { drained <- b.Drain(t.Context()) }() // received below
	eventually(t, "the broker drains", b.draining.Load)
	c.publish(tele, "too late", 1, 2)
	select {
	case err := <-drained:
		t.Fatalf("drained with a message in flight: %v", err)
	default:
	}
	h.done(nil)
	c.expectAck(1, 0) // while the connection is still open
	if err := <-drained; err != nil {
		t.Fatal(err)
	}
	b.desk.empty()
	if err := b.Broker.Close(); err != nil {
		t.Fatal(err)
	}
	if rest := c.expectClosed(); len(rest) > 1 { // the library says DISCONNECT to 3.1.1, too
		t.Errorf("got %v", rest)
	}
	if rest := idle.expectClosed(); len(rest) != 1 || rest[0].ReasonCode != 0x8b {
		t.Errorf("got %v, want DISCONNECT with 0x8b", rest)
	}
	mute.expectClosed()
	b.desk.empty()
}

func TestDrainGivesUp(t *testing.T) {
	b := start(t, nil)
	c := connect(t, b.Broker, 4, "a")
	c.publish(tele, "x", 1, 1)
	h := b.desk.next()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	if err := b.Drain(ctx); err == nil || !strings.Contains(err.Error(), "1 messages in flight: enough") {
		t.Errorf("got %v", err)
	}
	if err := b.Broker.Close(); err != nil {
		t.Fatal(err)
	}
	h.done(nil) // after the end: no harm
	c.expectClosed()
	if n := b.inFlight.Load(); n != 0 {
		t.Errorf("%d in flight", n)
	}
}

// TestTLS publishes over TLS, where a packet that is too large is answered, too.
func TestTLS(t *testing.T) {
	certificate, roots := selfSigned(t)
	b := start(t, func(c *Config, _ *Parts) { c.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}} })
	plain := dial(t, b.Broker)
	plain.conn.Write([]byte("\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02hi"))
	for _, pk := range plain.expectClosed() { // an alert of TLS may be read as a packet
		if pk.FixedHeader.Type == packets.Connack {
			t.Error("a connection without TLS was granted")
		}
	}
	conn, err := tls.Dial("tcp", b.Addr().String(), &tls.Config{RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &client{t: t, conn: conn, read: bufio.NewReader(conn), version: 5}
	c.send(packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Connect}, ProtocolVersion: 5,
		Connect: packets.ConnectParams{ProtocolName: []byte("MQTT"), Clean: true, Keepalive: 60, ClientIdentifier: "a"},
	})
	c.expect(packets.Connack)
	c.publish(tele, "x", 1, 1)
	b.desk.next().done(nil)
	c.expectAck(1, 0)
	conn.Write(c.encode(publishPacket(tele, strings.Repeat("x", 5<<20), 1, 2)))
	b.desk.next().done(nil)
	if pk := c.expect(packets.Disconnect); pk.ReasonCode != 0x95 {
		t.Errorf("got code %#x", pk.ReasonCode)
	}
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// TestManyClients publishes from many connections at once and settles in any order.
func TestManyClients(t *testing.T) {
	b := start(t, nil)
	const clients, each = 20, 100
	var settle sync.WaitGroup
	settle.Go(func() {
		var group []held
		for i := range clients * each {
			group = append(group, b.desk.next())
			if len(group) == 64 || i == clients*each-1 {
				for j := len(group) - 1; j >= 0; j-- {
					group[j].done(nil)
				}
				group = group[:0]
			}
		}
	})
	var publish sync.WaitGroup
	for i := range clients {
		c := connect(t, b.Broker, 4+byte(i%2), fmt.Sprint("c", i))
		publish.Go(func() {
			var all []byte
			for j := range each {
				all = append(all, c.encode(publishPacket(fmt.Sprintf("presage/v1/d%d/telemetry", i), "x", 1, uint16(j+1)))...)
			}
			if _, err := c.conn.Write(all); err != nil {
				t.Error(err)
				return
			}
			seen := map[uint16]bool{}
			for range each {
				pk, err := c.receive(patience)
				if err != nil || pk.FixedHeader.Type != packets.Puback || seen[pk.PacketID] {
					t.Errorf("client %d: got %v, %v", i, pk, err)
					return
				}
				seen[pk.PacketID] = true
			}
		})
	}
	publish.Wait()
	settle.Wait()
}

// eventually waits until something is so that only another goroutine can bring about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}
