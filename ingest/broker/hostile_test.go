package broker

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/presage-pdm/presage/ingest"
)

// cutSubscribe is a SUBSCRIBE of MQTT 5 without the options of its last filter. The library reads beyond its end.
var cutSubscribe = []byte{packets.Subscribe<<4 | 2, 6, 0, 1, 0, 0, 1, 'a'}

func TestAPanicEndsOnlyItsConnection(t *testing.T) {
	b := start(t, nil)
	other := connect(t, b.Broker, 4, "other")
	other.subscribe("wills/#")
	for _, clean := range []bool{true, false} {
		c := connect(t, b.Broker, 5, "a", withWill("wills/a", "gone", false), func(pk *packets.Packet) {
			pk.Connect.Clean = clean
			if !clean {
				pk.Properties.SessionExpiryInterval, pk.Properties.SessionExpiryIntervalFlag = 3600, true
			}
		})
		c.subscribe("x/y")
		if _, err := c.conn.Write(cutSubscribe); err != nil {
			t.Fatal(err)
		}
		c.expectClosed()
		other.expectMessage("wills/a", "gone")
		eventually(t, "the session is kept only when it is to be", func() bool {
			_, known := b.server.Clients.Get("a")
			return known != clean
		})
		other.publish(tele, "x", 1, 1)
		b.desk.next().done(nil)
		other.expectAck(1, 0)
	}
	if n := testutil.ToFloat64(b.metrics.panics); n != 2 {
		t.Errorf("%v panics were counted, want 2", n)
	}
	// The session that was kept takes up where it was.
	c, ack := tryConnect(t, b.Broker, 5, "a", resume)
	if !ack.SessionPresent {
		t.Error("the session is not there any more")
	}
	other.publish("x/y", "still subscribed", 1, 2)
	other.expectAck(2, 0)
	c.expectMessage("x/y", "still subscribed")
}

// FuzzConnection sends any bytes, before or after a CONNECT: the broker ends the connection or not, but it neither hangs nor
// keeps anything of it, and somebody else is served all the same. Only the library's decoding may panic.
func FuzzConnection(f *testing.F) {
	connected := func(version byte, more ...byte) []byte {
		head := []byte{packets.Connect << 4, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60, 0, 1, 'f'}
		if version == 5 {
			head = []byte{packets.Connect << 4, 14, 0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0, 60, 0, 0, 1, 'f'}
		}
		return append(head, more...)
	}
	f.Add(connected(5, cutSubscribe...))
	f.Add(connected(4, packets.Subscribe<<4|2, 6, 0, 1, 0, 1, '#', 0, 0x30, 3, 0, 1, 'a', 0xc0, 0, 0xe0, 0))
	f.Add(connected(5, 0x32, 8, 0, 1, 'a', 0, 1, 3, 0x23, 0, 1))                                        // a topic alias
	f.Add(connected(5, 0x34, 7, 0, 1, 'a', 0, 1, 0, 'x', 0x62, 2, 0, 1))                                // QoS 2, whole
	f.Add(connected(5, packets.Auth<<4, 0, packets.Unsubscribe<<4|2, 3, 0, 1, 0))                       // cut short
	f.Add(connected(4, 0xff, 0x80, 0x80, 0x80, 0x80))                                                   // a length without end
	f.Add(connected(4, bytes.Repeat([]byte{packets.Pingreq << 4, 0}, 100)...))                          // many
	f.Add([]byte{packets.Connect << 4, 5, 0, 4, 'M', 'Q', 'T'})                                         // cut short
	f.Add([]byte{packets.Publish << 4, 3, 0, 1, 'a'})                                                   // out of turn
	f.Add(connected(4, append([]byte{0x30, 0x86, 0x01, 0, 130}, bytes.Repeat([]byte("/"), 132)...)...)) // deep

	log := &stacks{}
	b := start(f, func(c *Config, p *Parts) {
		p.Intake, p.Logger = instant{}, slog.New(slog.NewJSONHandler(log, nil))
		c.Sessions, c.SubscriptionsPerClient, c.RetainedBytes = 100, 50, 1<<20
	})
	b.complaints = newPace(1e6, 1e6)
	honest := connect(f, b.Broker, 4, "honest")
	f.Fuzz(func(t *testing.T, sent []byte) {
		ours, theirs := net.Pipe()
		c := b.admit(b.listeners[0], theirs)
		var drained, served sync.WaitGroup
		drained.Go(func() { io.Copy(io.Discard, ours) })               // until the broker closes
		served.Go(func() { b.serve(c, b.server.EstablishConnection) }) // likewise
		ours.SetWriteDeadline(time.Now().Add(patience))
		ours.Write(sent)
		ours.Close()
		ended := make(chan struct{})
		go func() { served.Wait(); drained.Wait(); close(ended) }() // awaited below
		select {
		case <-ended:
		case <-time.After(patience):
			t.Fatal("the connection does not end")
		}
		eventually(t, "nothing is in flight", func() bool { return b.inFlight.Load() == 0 })
		b.mu.Lock()
		open, strangers := len(b.doors.conns), len(b.doors.strangers)
		b.mu.Unlock()
		if open != 1 || strangers != 0 {
			t.Errorf("%d connections and %d strangers are left", open, strangers)
		}
		honest.t = t
		honest.publish(tele, "x", 1, 7)
		honest.expectAck(7, 0)
		if where := log.outside(); where != "" {
			t.Errorf("panic at %s", where)
		}
	})
}

// stacks is a log that finds panics beside the decoding of the library.
type stacks struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (s *stacks) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lines.Write(p)
}

// outside returns where a panic was that is not known, and forgets what was logged.
func (s *stacks) outside() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.lines.Reset()
	for line := range strings.Lines(s.lines.String()) {
		_, after, ok := strings.Cut(line, `panic({`)
		if !ok {
			continue
		}
		frames := strings.Split(after, `\n`)
		// The last frames of the runtime come before the one that panicked.
		for _, frame := range frames[1:] {
			if strings.HasPrefix(frame, `\t`) || strings.HasPrefix(frame, "runtime.") || strings.HasPrefix(frame, "panic(") {
				continue
			}
			if !strings.Contains(frame, "mochi-mqtt/server/v2/packets") {
				return frame
			}
			break
		}
	}
	return ""
}

// FuzzTake compares the short way of a publish with the library's: what is taken is what the library would have read.
func FuzzTake(f *testing.F) {
	f.Add(byte(0x32), []byte("\x00\x19presage/v1/car-1/telemetry\x00\x01{}"), true)
	f.Add(byte(0x30), []byte("\x00\x19presage/v1/car-1/telemetry{}"), false)
	f.Add(byte(0x3a), []byte("\x00\x0apresage/v1\x00\x01\x00{}"), true)
	var got *ingest.Message
	b := start(f, func(_ *Config, p *Parts) { p.Intake = recorder(func(m ingest.Message) { got = &m }) })
	client := b.server.NewClient(nil, "fuzz", "fuzz", false)
	f.Fuzz(func(t *testing.T, header byte, body []byte, five bool) {
		header = packets.Publish<<4 | header&15
		version := byte(4)
		if five {
			version = 5
		}
		c := newConn(b.Broker, nil)
		c.version.Store(uint32(version))
		c.session = newSession(b.Broker, client, c, Identity{Tenant: "default"})
		got = nil
		if !c.take(frame{header: header, start: 2, length: len(body)}, body) {
			if got != nil {
				t.Fatal("given to the intake, and left to the library")
			}
			return
		}
		pk := packets.Packet{ProtocolVersion: version}
		if err := pk.FixedHeader.Decode(header); err != nil {
			t.Fatalf("taken, but the library says: %v", err)
		}
		pk.FixedHeader.Remaining = len(body)
		if err := pk.PublishDecode(bytes.Clone(body)); err != nil {
			t.Fatalf("taken, but the library says: %v", err)
		}
		if code := pk.PublishValidate(topicAliases); code != packets.CodeSuccess {
			t.Fatalf("taken, but the library says: %v", code)
		}
		if got == nil || got.Topic != pk.TopicName || !bytes.Equal(got.Payload, pk.Payload) {
			t.Fatalf("taken as %+v, the library reads %q on %q", got, pk.Payload, pk.TopicName)
		}
	})
}

// recorder is an intake that shows what it is given.
type recorder func(ingest.Message)

func (r recorder) Accept(_ context.Context, m ingest.Message, done func(error)) {
	m.Payload = bytes.Clone(m.Payload)
	r(m)
	done(context.Canceled) // nobody is to be answered
}

func (r recorder) Refuse(_ context.Context, _ ingest.Message, _ *ingest.RejectError, done func(error)) {
	done(nil)
}
