package broker

import (
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// served shows that a well-behaved device gets its acknowledgements, each at once.
func served(t *testing.T, b *fixture, c *client, n int) {
	t.Helper()
	for i := range n {
		c.publish(tele, "x", 1, uint16(i+1))
		b.desk.next().done(nil)
		c.expectAck(uint16(i+1), 0)
	}
}

// TestASubscriberThatNeverReads keeps a bounded number of bytes for it, drops the rest, ends it, and slows nobody.
func TestASubscriberThatNeverReads(t *testing.T) {
	for _, qos := range []byte{0, 1} {
		const size = 1 << 20
		b := start(t, func(c *Config, _ *Parts) { c.QueuedBytes, c.WriteTimeout = 8*size, 5*time.Second })
		deaf := connect(t, b.Broker, 4, "deaf")
		deaf.send(packets.Packet{
			FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1}, PacketID: 9,
			Filters: packets.Subscriptions{{Filter: "chat/#", Qos: qos}},
		})
		deaf.expect(packets.Suback)
		good := connect(t, b.Broker, 4, "good")
		good.subscribe("small/#")
		talker := connect(t, b.Broker, 4, "talker")
		before := heap()
		large := strings.Repeat("x", size)
		for i := range 100 {
			talker.publish("chat/a", large, 1, uint16(i+1))
			talker.expectAck(uint16(i+1), 0)
			if i%10 == 0 {
				served(t, b, good, 1)
				talker.publish("small/a", "hello", 0, 0)
				good.expectMessage("small/a", "hello")
			}
		}
		if grown := heap() - before; grown > 24*size {
			t.Errorf("QoS %d: %d MiB are kept for a subscriber that does not read, want 8 and what is being written", qos, grown/size)
		}
		dropped := b.server.Info.Clone().MessagesDropped
		if dropped < 10 { // how many depends on how long the client is waited for
			t.Errorf("QoS %d: %d of 100 messages were dropped", qos, dropped)
		}
		eventually(t, "it is disconnected", func() bool { return b.server.Info.Clone().ClientsConnected == 2 })
		counted(t, b.metrics.deaf, 1)
		served(t, b, good, 10)
	}
}

// heap is what is in use, in bytes.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestTheQueueOfAnAbsentSubscriberIsBounded holds for a session that is kept what fits, and delivers that.
func TestTheQueueOfAnAbsentSubscriberIsBounded(t *testing.T) {
	const size = 100_000
	b := start(t, func(c *Config, _ *Parts) { c.QueuedBytes = 5*size + 10*queuedPacket })
	c := connect(t, b.Broker, 4, "away", resume)
	c.send(packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1}, PacketID: 9,
		Filters: packets.Subscriptions{{Filter: "chat/#", Qos: 1}},
	})
	c.expect(packets.Suback)
	c.conn.Close()
	eventually(t, "it is away", func() bool { return b.server.Info.Clone().ClientsConnected == 0 })
	talker := connect(t, b.Broker, 4, "talker")
	for i := range 8 {
		talker.publish("chat/a", strings.Repeat("x", size), 1, uint16(i+1))
		talker.expectAck(uint16(i+1), 0)
	}
	talker.silent() // between clients a message is acknowledged before it is routed
	if dropped := b.server.Info.Clone().MessagesDropped; dropped != 3 {
		t.Errorf("%d messages were dropped, want 3", dropped)
	}
	// Twice over, since what was acknowledged makes room again.
	for range 2 {
		back := connect(t, b.Broker, 4, "away", resume)
		for range 5 {
			pk := back.expect(packets.Publish)
			back.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}, PacketID: pk.PacketID})
		}
		back.silent()
		back.conn.Close()
		eventually(t, "it is away again", func() bool { return b.server.Info.Clone().ClientsConnected == 1 })
		for i := range 5 {
			talker.publish("chat/a", strings.Repeat("y", size), 1, uint16(i+1))
			talker.expectAck(uint16(i+1), 0)
		}
		talker.silent()
	}
	if dropped := b.server.Info.Clone().MessagesDropped; dropped != 3 {
		t.Errorf("%d messages were dropped, want still 3", dropped)
	}
}

// TestADripInsideAPacket ends who sends a packet byte by byte, whatever its keep-alive, and slows nobody meanwhile.
func TestADripInsideAPacket(t *testing.T) {
	for _, keepAlive := range []uint16{0, 60} {
		for _, size := range []int{20, 400} {
			b := start(t, func(c *Config, _ *Parts) { c.PacketTimeout = time.Second })
			c, ack := tryConnect(t, b.Broker, 4, "drip", func(pk *packets.Packet) { pk.Connect.Keepalive = keepAlive })
			if ack.ReasonCode != 0 {
				t.Fatal(ack)
			}
			good := connect(t, b.Broker, 4, "good")
			served(t, b, c, 20) // packets that are whole begin no clock
			packet := c.encode(publishPacket(tele, strings.Repeat("x", size), 1, 1))
			closed := make(chan struct{})
			go func() { // until the broker closes
				io.Copy(io.Discard, c.conn)
				close(closed)
			}()
			began := time.Now()
			drip := time.NewTicker(100 * time.Millisecond)
			for i := 0; ; i++ {
				select {
				case <-closed:
				case <-drip.C:
					if i < len(packet)-1 {
						c.conn.Write(packet[i : i+1])
					}
					served(t, b, good, 1)
					if time.Since(began) > patience {
						t.Fatal("it may drip for ever")
					}
					continue
				}
				break
			}
			drip.Stop()
			counted(t, b.metrics.stalled, 1)
			b.desk.empty()
		}
	}
}

// TestSteadyTrafficIsNoDrip sends pieces that never end where a packet does, for longer than a packet may take.
func TestSteadyTrafficIsNoDrip(t *testing.T) {
	b := start(t, func(c *Config, p *Parts) { c.PacketTimeout, p.Intake = time.Second, instant{} })
	c := connect(t, b.Broker, 4, "steady")
	packet := c.encode(publishPacket(tele, strings.Repeat("x", 100), 1, 1))
	half := len(packet) / 2
	c.conn.Write(packet[:half])
	for began := time.Now(); time.Since(began) < 3*time.Second; {
		if _, err := c.conn.Write(append(append([]byte{}, packet[half:]...), packet[:half]...)); err != nil {
			t.Fatal(err)
		}
		c.expectAck(1, 0)
	}
	if n := testutil.ToFloat64(b.metrics.stalled); n != 0 {
		t.Errorf("counted as stalled")
	}
}

// TestAHandshakeThatIsNeverFinished ends, with TLS and without, and keeps nobody out.
func TestAHandshakeThatIsNeverFinished(t *testing.T) {
	for _, name := range []string{"plain", "tls"} {
		t.Run(name, func(t *testing.T) {
			b := start(t, func(c *Config, _ *Parts) {
				c.ConnectTimeout = time.Second
				if name == "tls" {
					certificate, _ := selfSigned(t)
					c.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
				}
			})
			for _, beginning := range []string{"", "\x10", "\x10\x0d\x00\x04MQTT\x04", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"} {
				c := dial(t, b.Broker)
				io.WriteString(c.conn, beginning)
				began := time.Now()
				c.expectClosed()
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("%q: open for %s", beginning, took)
				}
			}
			eventually(t, "nothing of them is left", func() bool {
				b.mu.Lock()
				defer b.mu.Unlock()
				return len(b.doors.conns) == 0 && len(b.doors.strangers) == 0
			})
		})
	}
}

// TestAPauseIsKept reads nothing from a client for as long as the intake says, and goes on reading from others.
func TestAPauseIsKept(t *testing.T) {
	b := start(t, nil)
	c := connect(t, b.Broker, 4, "fast")
	good := connect(t, b.Broker, 4, "good")
	const pause = 300 * time.Millisecond
	b.desk.slow.Store(int64(pause))
	began := time.Now()
	c.conn.Write(append(c.encode(publishPacket(tele, "1", 1, 1)), c.encode(publishPacket(tele, "2", 1, 2))...))
	b.desk.next().done(nil)
	c.expectAck(1, 0)
	served(t, b, good, 3)
	b.desk.next().done(nil)
	c.expectAck(2, 0)
	if took := time.Since(began); took < pause {
		t.Errorf("the second message was read after %s, want %s at least", took, pause)
	}
	// A pause holds up neither the end of the connection nor that of the broker.
	b.desk.slow.Store(int64(time.Hour))
	c.publish(tele, "3", 1, 3)
	b.desk.next().done(nil)
	c.expectAck(3, 0)
	ctx := t.Context()
	if err := b.Drain(ctx); err != nil {
		t.Error(err)
	}
}

// TestIdleConnectionsHaveNoBuffer lends buffers only to who has something to read.
func TestIdleConnectionsHaveNoBuffer(t *testing.T) {
	b := start(t, nil)
	var all []*client
	for i := range 20 {
		c := connect(t, b.Broker, 4, string(rune('a'+i)))
		served(t, b, c, 1)
		all = append(all, c)
	}
	eventually(t, "no connection has a buffer", func() bool { return b.lent.Load() == 0 })
	all[0].conn.Write([]byte{packets.Pingreq << 4}) // half a packet is kept
	eventually(t, "one has a buffer", func() bool { return b.lent.Load() == 1 })
	all[0].conn.Write([]byte{0})
	all[0].expect(packets.Pingresp)
	eventually(t, "none has a buffer again", func() bool { return b.lent.Load() == 0 })
	all[0].conn.Write([]byte{packets.Pingreq << 4})
	eventually(t, "one has a buffer again", func() bool { return b.lent.Load() == 1 })
	all[0].conn.Close()
	eventually(t, "it is given back", func() bool { return b.lent.Load() == 0 })
}

// TestAPeerThatVanishes holds that the operating system is asked to find out, also for who has no keep-alive.
func TestAPeerThatVanishes(t *testing.T) {
	b := start(t, nil)
	connect(t, b.Broker, 4, "a", func(pk *packets.Packet) { pk.Connect.Keepalive = 0 })
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.doors.conns {
		checkVanish(t, c.Conn.(*net.TCPConn))
	}
}
