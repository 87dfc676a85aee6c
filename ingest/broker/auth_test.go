package broker

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/presage-pdm/presage/fleet/access"
)

// keyring knows the devices by their names; the password is "secret". A name such as "gw=press-*,robot-1" is a gateway.
type keyring struct {
	t       testing.TB
	expires time.Time
}

func (k keyring) Authenticate(_ context.Context, c Credentials) (Identity, error) {
	if string(c.Password) != "secret" {
		return Identity{}, &RefusedError{Reason: "unknown-token", Device: c.Username, Detail: "nobody has this token"}
	}
	device, devices, _ := strings.Cut(c.Username, "=")
	id := Identity{Device: device, Credential: "token:" + device, Expires: k.expires}
	if devices != "" {
		var err error
		if id.Devices, err = access.NewScope(strings.Split(devices, ",")); err != nil {
			k.t.Error(err)
		}
	}
	return id, nil
}

func withKeys(_ *Config, p *Parts) { p.Authenticator = keyring{} }

// TestDeviceTopics tries every way to reach the topics of another device.
func TestDeviceTopics(t *testing.T) {
	b := start(t, withKeys)
	victim := connect(t, b.Broker, 5, "v", withUser("car-2", "secret"))
	if code := victim.subscribe("presage/v1/car-2/#"); code != 0 {
		t.Fatalf("subscribe to its own: got %#x", code)
	}
	victim.silent()
	anybody := connect(t, b.Broker, 5, "any")
	anybody.retain("presage/v1/car-2/state", "kept", 1)
	b.desk.next().done(nil)
	victim.expectMessage("presage/v1/car-2/state", "kept")

	c := connect(t, b.Broker, 5, "a", withUser("car-1", "secret"))
	for _, filter := range []string{
		"#", "+/#", "presage/#", "presage/v1/#", "presage/v1/+/#", "presage/+/car-2/#", "presage/v1/car-2/#", "presage/v1/car-2/state",
		"+/v1/car-1/#", "presage/+/car-1/telemetry", "presage/v1/car-1x/#", "presage/v1//#",
		"$share/g/#", "$share/g/presage/v1/car-2/#", "$SHARE/g/presage/v1/car-2/#", "$share/presage/v1/car-1/#", "$SYS/#", "$SYS/broker/clients/total",
		"chat", "plant/#", "plant/line", "spBv1.0/#",
	} {
		if code := c.subscribe(filter); code < 0x80 {
			t.Errorf("subscribe to %q: granted with %#x", filter, code)
		}
	}
	for i, topic := range []string{
		"presage/v1/car-2/telemetry", "presage/v1/car-2/state", "presage/v2/car-1/telemetry", "presage/v1//telemetry",
		"presage/v1/car-1x/telemetry", "Presage/v1/car-1/telemetry", "chat", "$SYS/broker/version", "$share/g/presage/v1/car-1/telemetry",
	} {
		id := uint16(i + 1)
		c.publish(topic, "x", 1, id)
		if strings.HasPrefix(topic, "$SYS/") {
			c.silent() // the library drops them without a word
			continue
		}
		c.expectAck(id, 0x87)
	}
	c.retain("presage/v1/car-2/state", "forged", 90)
	c.expectAck(90, 0x87)
	c.retain("presage/v1/car-2/state", "", 91) // would delete it
	c.expectAck(91, 0x87)
	c.publish("presage/v1/car-2/telemetry", "x", 2, 92)
	if pk := c.expect(packets.Pubrec); pk.ReasonCode != 0x87 {
		t.Errorf("QoS 2: got %#x", pk.ReasonCode)
	}
	c.publish("presage/v1/car-2/telemetry", "x", 0, 0)
	c.silent()
	victim.silent()
	b.desk.empty()

	again := connect(t, b.Broker, 5, "v2", withUser("car-2", "secret"))
	again.subscribe("presage/v1/car-2/state")
	again.expectMessage("presage/v1/car-2/state", "kept")
}

// TestForeignTopicAlias sets an alias with a topic that is refused, and with none, and then uses it.
func TestForeignTopicAlias(t *testing.T) {
	for _, first := range []string{"presage/v1/car-2/telemetry", ""} {
		b := start(t, withKeys)
		all := connect(t, b.Broker, 4, "all")
		all.subscribe("#")
		c := connect(t, b.Broker, 5, "a", withUser("car-1", "secret"))
		aliased := func(topic string, id uint16) {
			pk := publishPacket(topic, "x", 1, id)
			pk.Properties.TopicAlias, pk.Properties.TopicAliasFlag = 3, true
			c.send(pk)
		}
		if first != "" {
			aliased(first, 1)
			c.expectAck(1, 0x87)
		}
		aliased("", 2)
		last := c.expectClosed()
		if len(last) != 1 || last[0].FixedHeader.Type != packets.Disconnect || last[0].ReasonCode != 0x82 {
			t.Errorf("after %q: got %v, want DISCONNECT with code 0x82", first, last)
		}
		all.silent()
		b.desk.empty()
	}
}

// TestClientIdentifierOfAnother: a device that takes the client identifier of another gets neither its session nor its place.
func TestClientIdentifierOfAnother(t *testing.T) {
	b := start(t, withKeys)
	first := connect(t, b.Broker, 4, "same", withUser("car-2", "secret"), resume)
	first.subscribe("presage/v1/car-2/command")
	second := connect(t, b.Broker, 4, "same", withUser("car-1", "secret"), resume)
	first.silent() // still connected
	if err := b.Publish(t.Context(), "default", "presage/v1/car-2/command", []byte("go"), 0, false); err != nil {
		t.Fatal(err)
	}
	first.expectMessage("presage/v1/car-2/command", "go")
	second.silent()
}

// TestGateway speaks for itself and its devices, and for no others.
func TestGateway(t *testing.T) {
	b := start(t, withKeys)
	c := connect(t, b.Broker, 5, "g", withUser("gw=press-*,robot-1", "secret"))
	for i, device := range []string{"gw", "press-", "press-7", "robot-1"} {
		c.publish("presage/v1/"+device+"/telemetry", "x", 1, uint16(i+1))
		h := b.desk.next()
		if h.Sender != "gw" || !h.SpeaksFor(h.Topic, device) || h.SpeaksFor(h.Topic, "robot-2") {
			t.Errorf("%s: the intake is told sender %q", device, h.Sender)
		}
		h.done(nil)
		c.expectAck(uint16(i+1), 0)
		if code := c.subscribe("presage/v1/" + device + "/command"); code != 0 {
			t.Errorf("subscribe for %s: got %#x", device, code)
		}
	}
	for i, device := range []string{"press", "robot-12", "gw2", "car-1"} {
		c.publish("presage/v1/"+device+"/telemetry", "x", 1, uint16(i+50))
		c.expectAck(uint16(i+50), 0x87)
	}
	if code := c.subscribe("presage/v1/+/command"); code != 0x87 {
		t.Errorf("subscribe to all devices: got %#x", code)
	}
	b.desk.empty()
	// What waits for a gateway is not handed out when it has lost the devices.
	old := connect(t, b.Broker, 4, "durable", withUser("gw2=press-*", "secret"), resume)
	old.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1}, PacketID: 9, Filters: packets.Subscriptions{{Filter: "presage/v1/press-7/command", Qos: 1}}})
	old.expect(packets.Suback)
	old.conn.Close()
	eventually(t, "the gateway is away", func() bool { return atomic.LoadInt64(&b.server.Info.ClientsConnected) == 1 })
	if err := b.Publish(t.Context(), "default", "presage/v1/press-7/command", []byte("go"), 1, false); err != nil {
		t.Fatal(err)
	}
	connect(t, b.Broker, 4, "durable", withUser("gw2=robot-*", "secret"), resume).silent()
}

// TestPayloadNamesDevice: where only the payload names the device, the topic is open to all and the intake has the last word.
func TestPayloadNamesDevice(t *testing.T) {
	b := start(t, func(c *Config, p *Parts) {
		withKeys(c, p)
		p.Topics = payloadTopics{}
	})
	c := connect(t, b.Broker, 5, "a", withUser("car-1", "secret"))
	c.publish("plant/line", "x", 1, 1)
	h := b.desk.next()
	if h.SpeaksFor == nil || h.SpeaksFor("plant/line", "car-2") || !h.SpeaksFor("plant/line", "car-1") || h.SpeaksFor("plant/line", "") || h.SpeaksFor("plant/line", "car-1:x") {
		t.Error("the intake is not told for whom the connection speaks")
	}
	h.done(nil)
	c.expectAck(1, 0)
	if code := c.subscribe("plant/line"); code != 0x87 {
		t.Errorf("subscribe to the data of everybody: got %#x", code)
	}
	anybody := connect(t, b.Broker, 5, "any")
	anybody.publish("plant/line", "x", 1, 1)
	if h := b.desk.next(); h.SpeaksFor != nil || h.Sender != "" {
		t.Error("a connection that speaks for any device is asked about them")
	} else {
		h.done(nil)
	}
}

type payloadTopics struct{ topics }

func (payloadTopics) Takes(topic string, payload []byte) bool {
	return strings.HasPrefix(topic, "plant/") || topics{}.Takes(topic, payload)
}

// TestWithdraw ends the connections of a credential and of no other.
func TestWithdraw(t *testing.T) {
	b := start(t, withKeys)
	v5 := connect(t, b.Broker, 5, "a", withUser("car-1", "secret"), withWill("presage/v1/car-1/state", "offline", false))
	v4 := connect(t, b.Broker, 4, "b", withUser("car-1", "secret"))
	other := connect(t, b.Broker, 5, "c", withUser("car-2", "secret"))
	anybody := connect(t, b.Broker, 5, "d")
	if n := b.Withdraw("token:car-1", time.Now().Add(time.Hour)); n != 2 {
		t.Errorf("%d connections will end, want 2", n)
	}
	v5.silent()
	if n := b.Withdraw("token:car-1", time.Now()); n != 2 {
		t.Errorf("%d connections end, want 2", n)
	}
	if last := v5.expectClosed(); len(last) != 1 || last[0].FixedHeader.Type != packets.Disconnect || last[0].ReasonCode != 0x87 {
		t.Errorf("got %v, want DISCONNECT with code 0x87", last)
	}
	v4.expectClosed()
	other.silent()
	anybody.silent()
	if h := b.desk.next(); string(h.Payload) != "offline" {
		t.Errorf("got %q", h.Payload)
	} else {
		h.done(nil)
	}
	if got := testutil.ToFloat64(b.metrics.dismissed); got != 2 {
		t.Errorf("%v connections were counted", got)
	}
	// One that was let in before, and is counted in after.
	if _, ack := tryConnect(t, b.Broker, 5, "e", withUser("car-1", "secret")); ack.ReasonCode != 0x86 {
		t.Errorf("got %#x, want it refused", ack.ReasonCode)
	}
	eventually(t, "nobody is remembered but car-2", func() bool {
		b.members.mu.Lock()
		defer b.members.mu.Unlock()
		return len(b.members.of) == 1
	})
}

// TestWithdrawWhoDoesNotRead ends the connection of a client that takes nothing and so cannot be told.
func TestWithdrawWhoDoesNotRead(t *testing.T) {
	b := start(t, withKeys)
	c := connect(t, b.Broker, 5, "a", withUser("car-1", "secret"))
	c.subscribe("presage/v1/car-1/#")
	big := strings.Repeat("x", 1<<20)
	for range 64 { // more than the buffers of both sides
		if err := b.Publish(t.Context(), "default", "presage/v1/car-1/command", []byte(big), 0, false); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	b.Withdraw("token:car-1", began)
	eventually(t, "the connection is forgotten", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.doors.conns) == 0
	})
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestIdentityExpires ends a connection when what it signed in with expires.
func TestIdentityExpires(t *testing.T) {
	expires := time.Now().Add(300 * time.Millisecond)
	b := start(t, func(_ *Config, p *Parts) { p.Authenticator = keyring{expires: expires} })
	c := connect(t, b.Broker, 5, "a", withUser("car-1", "secret"))
	last := c.expectClosed()
	if len(last) != 1 || last[0].ReasonCode != 0xA0 {
		t.Errorf("got %v, want DISCONNECT with code 0xa0", last)
	}
	if time.Now().Before(expires) {
		t.Error("the connection ended too early")
	}
}

// TestTwoListeners speaks plain MQTT on loopback without credentials, and TLS beside it.
func TestTwoListeners(t *testing.T) {
	certificate, roots := selfSigned(t)
	b := start(t, func(c *Config, p *Parts) {
		withKeys(c, p)
		c.TLS, c.TLSAddress = &tls.Config{Certificates: []tls.Certificate{certificate}}, "127.0.0.1:0"
	})
	connect(t, b.Broker, 4, "plain").silent()
	conn, err := tls.Dial("tcp", b.TLSAddr().String(), &tls.Config{RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	for _, change := range []func(*Config){
		func(c *Config) { c.TLSAddress = "127.0.0.1:0" },                                       // no certificate
		func(c *Config) { c.TLS = &tls.Config{}; c.TLSAddress = "8883" },                       // no host
		func(c *Config) { c.TLS = &tls.Config{}; c.TLSAddress = "0.0.0.0:8883" },               // nobody knows the clients
		func(c *Config) { c.Address, c.TLS, c.TLSAddress = ":1883", &tls.Config{}, "[::1]:1" }, // likewise
	} {
		config := DefaultConfig()
		change(&config)
		if _, err := New(config, Parts{Topics: topics{}}); err == nil {
			t.Errorf("%+v is allowed", config)
		}
	}
}

// TestSparkplugNode speaks for what is behind it, and a device that is called like a group, or like the beginning of a node, does not.
func TestSparkplugNode(t *testing.T) {
	for _, c := range []struct {
		device, topic, names string
		want                 bool
	}{
		{"g:n", "spBv1.0/g/NDATA/n", "g:n", true},
		{"g:n", "spBv1.0/g/DDATA/n/pump", "g:n:pump", true},
		{"g:n", "spBv1.0/g/DCMD/n/#", "g:n:#", true},
		{"g:n", "spBv1.0/g/DDATA/n2/pump", "g:n2:pump", false},
		{"g:n", "spBv1.0/g/NDATA/+", "g:+", false},
		{"g:n", "spBv1.0/+/NDATA/n", "+:n", false},
		{"g:n", "presage/v1/g:n:pump/telemetry", "g:n:pump", false},
		{"g", "spBv1.0/g/NDATA/n", "g:n", false},
		{"g", "spBv1.0/g/NDATA/#", "g:#", false},
		{"g:n:pump", "spBv1.0/g/DDATA/n/pump", "g:n:pump", true},
		{"g:n:pump", "spBv1.0/g/NDATA/n", "g:n", false},
		{"g:n", "spBv1.0/oops", "", false},
	} {
		if got := (Identity{Device: c.device}).speaksFor(c.topic, c.names); got != c.want {
			t.Errorf("%s on %s for %s: %v, want %v", c.device, c.topic, c.names, got, c.want)
		}
	}
}

// TestWithdrawalsAreForgotten, and a fleet that changes at once costs each credential no more than one alone.
func TestWithdrawalsAreForgotten(t *testing.T) {
	m, now := newMembers(), time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)
	for i := range 100_000 {
		m.withdraw(fmt.Sprint("token:", i), now, now, time.Minute)
	}
	if m.withdraw("token:x", now, now.Add(2*time.Minute), time.Minute); len(m.withdrawn) != 1 {
		t.Errorf("%d withdrawals are remembered", len(m.withdrawn))
	}
}
