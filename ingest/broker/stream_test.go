package broker

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/presage-pdm/presage/ingest"
)

// TestAnyCut sends the same packets cut in many ways: all of them arrive, in order, and each is
// acknowledged, whether it is taken out of the stream or goes through the library.
func TestAnyCut(t *testing.T) {
	for _, version := range []byte{4, 5} {
		b := start(t, nil)
		var kinds []packets.Packet
		add := func(pk packets.Packet) { kinds = append(kinds, pk) }
		add(publishPacket(tele, "small", 1, 1))
		retained := publishPacket("presage/v1/car-1/state", "retained", 1, 2)
		retained.FixedHeader.Retain = true
		add(retained)
		add(publishPacket(tele, "large "+strings.Repeat("x", 3*readBuffer), 1, 3))
		add(publishPacket(tele, "fits exactly "+strings.Repeat("y", readBuffer-80), 1, 4))
		again := publishPacket(tele, "again", 1, 5)
		again.FixedHeader.Dup = true
		add(again)
		with := publishPacket(tele, "with properties", 1, 6)
		with.Properties.User = []packets.UserProperty{{Key: "a", Val: "b"}}
		add(with)
		add(publishPacket("presage/v1/other/telemetry", "another topic", 1, 7))
		for _, step := range []int{1, 2, 3, 7, 100, 4096, 8191, 8192, 8193, 1 << 20} {
			c := connect(t, b.Broker, version, fmt.Sprint("c", step))
			var all []byte
			for _, pk := range kinds {
				all = append(all, c.encode(pk)...)
			}
			sent := make(chan error, 1)
			go func() { // received below
				for rest := all; len(rest) > 0; {
					n := min(step, len(rest))
					if _, err := c.conn.Write(rest[:n]); err != nil {
						sent <- err
						return
					}
					rest = rest[n:]
				}
				sent <- nil
			}()
			for _, pk := range kinds {
				h := b.desk.next()
				if h.Topic != pk.TopicName || !bytes.Equal(h.Payload, pk.Payload) {
					t.Fatalf("version %d, step %d: got %d bytes on %s, want %d on %s", version, step, len(h.Payload), h.Topic, len(pk.Payload), pk.TopicName)
				}
				h.done(nil)
				c.expectAck(pk.PacketID, 0)
			}
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			c.silent()
		}
	}
}

func TestKeepAlive(t *testing.T) {
	b := start(t, nil)
	c, ack := tryConnect(t, b.Broker, 4, "a", func(pk *packets.Packet) { pk.Connect.Keepalive = 1 })
	if ack.ReasonCode != 0 {
		t.Fatal(ack)
	}
	c.publish(tele, "x", 0, 0) // taken out of the stream, and then nothing
	b.desk.next().done(nil)
	if rest := c.expectClosed(); len(rest) != 0 {
		t.Errorf("got %v", rest)
	}
}

func TestWrongPublishes(t *testing.T) {
	for name, raw := range map[string][]byte{
		"QoS 3":             {0x36, 5, 0, 1, 'a', 0, 1},
		"no identifier":     {0x32, 5, 0, 1, 'a', 0, 0},
		"topic cut off":     {0x32, 4, 0, 9, 'a', 'b'},
		"no topic":          {0x30, 1, 0},
		"wildcard":          append([]byte{0x32, 16, 0, 12}, "presage/v1/#\x00\x01"...),
		"topic not UTF-8":   append([]byte{0x32, 13, 0, 9}, "presage/\xff\x00\x01"...),
		"NUL in the topic":  append([]byte{0x32, 13, 0, 9}, "presage/\x00\x00\x01"...),
		"length of 5 bytes": {0x32, 0xff, 0xff, 0xff, 0xff, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, nil)
			c := connect(t, b.Broker, 4, "a")
			if _, err := c.conn.Write(raw); err != nil {
				t.Fatal(err)
			}
			c.expectClosed()
			b.desk.empty()
		})
	}
}

// FuzzStream shows that any bytes from a client are cut into the same packets however they
// arrive, and that nothing is read beyond them.
func FuzzStream(f *testing.F) {
	f.Add([]byte{0x30, 3, 0, 1, 'a', 0xc0, 0, 0x32, 0xff, 0xff, 0xff, 0xff, 1}, 3)
	f.Add(bytes.Repeat([]byte{0x30, 0x80, 0x40}, 4000), 5000)
	f.Fuzz(func(t *testing.T, sent []byte, step int) {
		step = max(1, min(step, readBuffer))
		cut := func(step int) (sizes []int) {
			var s stream
			from := bytes.NewReader(sent)
			skip := 0
			for {
				if skip > 0 && s.buffered() > 0 {
					n := min(skip, s.buffered())
					s.skip(n)
					skip -= n
					continue
				}
				if skip == 0 {
					switch frame, state := s.front(); state {
					case malformed:
						return append(sizes, -1)
					case complete:
						if frame.size() < 2 || frame.start > 5 {
							t.Fatalf("frame %+v", frame)
						}
						s.topic(frame)
						sizes = append(sizes, frame.size())
						skip = frame.size()
						continue
					}
				}
				n, err := oneStep{from, step}.Read(s.room(func() *buffer { return new(buffer) }))
				s.received(n)
				if err != nil {
					return sizes
				}
				if s.release() != nil {
					t.Fatal("a buffer was given back with something in it")
				}
			}
		}
		if a, b := fmt.Sprint(cut(step)), fmt.Sprint(cut(readBuffer)); a != b {
			t.Fatalf("cut into %s with steps of %d, into %s otherwise", a, step, b)
		}
	})
}

type oneStep struct {
	from *bytes.Reader
	step int
}

func (o oneStep) Read(p []byte) (int, error) { return o.from.Read(p[:min(len(p), o.step)]) }

// instant is an intake that costs nothing, for benchmarks of the broker alone.
type instant struct{}

func (instant) Accept(_ context.Context, _ ingest.Message, done func(error)) { done(nil) }

func (instant) Refuse(_ context.Context, _ ingest.Message, _ *ingest.RejectError, done func(error)) {
	done(nil)
}

// BenchmarkPublish measures one connection with up to a thousand messages in flight, client included.
func BenchmarkPublish(b *testing.B) {
	broker := start(b, func(_ *Config, p *Parts) { p.Intake = instant{} })
	c := connect(b, broker.Broker, 4, "a")
	const group = 100
	var all []byte
	for i := range group {
		all = append(all, c.encode(publishPacket(tele, strings.Repeat("x", 200), 1, uint16(i+1)))...)
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if n%group != 0 {
			continue
		}
		if _, err := c.conn.Write(all); err != nil {
			b.Fatal(err)
		}
		for range group {
			for range 4 {
				if _, err := c.read.ReadByte(); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}
