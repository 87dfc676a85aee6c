package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Config says how hard to load which broker.
type Config struct {
	Broker      string        // URL, mqtt://user:password@host:1883
	Duration    time.Duration // of the load
	Connections int           // each one a device of its own
	Inflight    int           // messages without PUBACK at once, a connection
	Values      int           // metrics in a message
	// Start is the time stamp of every device's first reading; the next ones
	// follow a millisecond apart.
	Start time.Time
	// Prefix of the device ids.
	Prefix string
}

// DefaultConfig is the load that performance figures are quoted for.
func DefaultConfig() Config {
	return Config{Duration: 10 * time.Second, Connections: 50, Inflight: 100, Values: 10, Prefix: "bench"}
}

func (c *Config) validate() error {
	for _, bound := range []struct {
		name         string
		value, least int
		most         int
	}{
		{"connections", c.Connections, 1, 20_000},
		{"inflight", c.Inflight, 1, 60_000},
		{"values", c.Values, 1, 1000},
	} {
		if bound.value < bound.least || bound.value > bound.most {
			return fmt.Errorf("%s: %d is not within %d and %d", bound.name, bound.value, bound.least, bound.most)
		}
	}
	if c.Duration <= 0 {
		return fmt.Errorf("duration: %s is not positive", c.Duration)
	}
	return nil
}

// Load is what was sent and acknowledged.
type Load struct {
	Elapsed time.Duration
	Sent    int64
	Acked   int64
	puback  histogram
	// acked tells, by device, which of its messages were acknowledged.
	acked map[string]*bitset
}

// Puback returns the q-quantile of the time from writing a message to its PUBACK.
func (l *Load) Puback(q float64) time.Duration { return l.puback.quantile(q) }

// Generate publishes for the configured time and waits for what is in flight.
func Generate(ctx context.Context, cfg Config) (*Load, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	devices := make([]*sender, cfg.Connections)
	for i := range devices {
		id := fmt.Sprintf("%s-%05d", cfg.Prefix, i)
		c, err := dial(ctx, cfg.Broker, id)
		if err != nil {
			return nil, err
		}
		defer c.close()
		devices[i] = newSender(c, id, cfg)
	}
	began := time.Now()
	end := began.Add(cfg.Duration)
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range devices {
		group.Go(func() error { return s.run(ctx, end) })
	}
	err := group.Wait()
	load := &Load{Elapsed: time.Since(began), acked: make(map[string]*bitset, len(devices))}
	for _, s := range devices {
		load.Sent += s.sent
		load.Acked += int64(s.puback.total)
		load.puback.merge(&s.puback)
		load.acked[s.device] = &s.acked
	}
	return load, err
}

// sender is one device: a goroutine that writes and one that reads PUBACKs.
type sender struct {
	c      *client
	device string
	topic  string
	start  int64 // Unix milliseconds
	values int

	// free holds the packet identifiers that may be used, as many as may be in flight.
	free chan uint16
	mu   sync.Mutex
	// flights is what is in flight, by packet identifier; guarded by mu.
	flights []flight

	sent   int64
	puback histogram
	acked  bitset
}

type flight struct {
	message int64
	at      time.Time
}

func newSender(c *client, device string, cfg Config) *sender {
	s := &sender{
		c: c, device: device, topic: "presage/v1/" + device + "/telemetry",
		start: cfg.Start.UnixMilli(), values: cfg.Values,
		free: make(chan uint16, cfg.Inflight), flights: make([]flight, cfg.Inflight+1),
	}
	for id := 1; id <= cfg.Inflight; id++ {
		s.free <- uint16(id)
	}
	return s
}

// patience is how long the generator waits for the acknowledgements of what
// is in flight when the load is over.
const patience = 30 * time.Second

func (s *sender) run(ctx context.Context, end time.Time) error {
	stop := context.AfterFunc(ctx, func() { s.c.conn.Close() })
	defer stop()
	var reader sync.WaitGroup
	var readErr error
	reader.Add(1)
	go func() { // owned by run, which waits for it
		defer reader.Done()
		readErr = s.read()
	}()
	writeErr := s.write(ctx, end)
	if writeErr == nil {
		// Every identifier that comes back is one message less in flight.
		timeout := time.NewTimer(patience)
		defer timeout.Stop()
	drain:
		for range cap(s.free) {
			select {
			case <-s.free:
			case <-timeout.C:
				writeErr = fmt.Errorf("%s: messages were not acknowledged within %s", s.device, patience)
				break drain
			case <-ctx.Done():
				writeErr = ctx.Err()
				break drain
			}
		}
	}
	s.c.conn.SetReadDeadline(time.Now()) // ends the reader
	reader.Wait()
	if writeErr != nil {
		return errors.Join(writeErr, readErr)
	}
	return nil
}

// write publishes until end, flushing whenever the window is full.
func (s *sender) write(ctx context.Context, end time.Time) error {
	payload := make([]byte, 0, 64+24*s.values)
	for {
		var id uint16
		select {
		case id = <-s.free:
		default:
			if err := s.c.flush(); err != nil {
				return fmt.Errorf("%s: publish: %w", s.device, err)
			}
			select {
			case id = <-s.free:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		now := time.Now()
		if now.After(end) {
			s.free <- id
			if err := s.c.flush(); err != nil {
				return fmt.Errorf("%s: publish: %w", s.device, err)
			}
			return nil
		}
		payload = appendReading(payload[:0], s.start+s.sent, s.sent, s.values)
		s.mu.Lock()
		s.flights[id] = flight{s.sent, now}
		s.mu.Unlock()
		s.sent++
		if err := s.c.publish(s.topic, id, payload); err != nil {
			return fmt.Errorf("%s: publish: %w", s.device, err)
		}
	}
}

// read takes acknowledgements until the connection's read deadline.
func (s *sender) read() error {
	for {
		id, err := s.c.puback()
		if err != nil {
			return fmt.Errorf("%s: read PUBACK: %w", s.device, err)
		}
		if int(id) >= len(s.flights) || id == 0 {
			return fmt.Errorf("%s: PUBACK of packet %d, which was never sent", s.device, id)
		}
		s.mu.Lock()
		f := s.flights[id]
		s.mu.Unlock()
		s.puback.add(time.Since(f.at))
		s.acked.set(f.message)
		s.free <- id
	}
}

// appendReading appends the payload of message n: metrics m0, m1, ... around a
// value that tells the message apart.
func appendReading(dst []byte, ts, n int64, values int) []byte {
	dst = append(dst, `{"ts":`...)
	dst = strconv.AppendInt(dst, ts, 10)
	dst = append(dst, `,"values":{`...)
	for m := range values {
		if m > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `"m`...)
		dst = strconv.AppendInt(dst, int64(m), 10)
		dst = append(dst, `":`...)
		dst = strconv.AppendInt(dst, n, 10)
		dst = append(dst, '.')
		dst = strconv.AppendInt(dst, int64(m%10), 10)
	}
	return append(dst, "}}"...)
}

// bitset is a set of small numbers.
type bitset struct {
	words []uint64
	n     int64
}

func (b *bitset) set(i int64) {
	for int(i/64) >= len(b.words) {
		b.words = append(b.words, 0)
	}
	if w := &b.words[i/64]; *w&(1<<(i%64)) == 0 {
		*w |= 1 << (i % 64)
		b.n++
	}
}

func (b *bitset) has(i int64) bool {
	return i >= 0 && int(i/64) < len(b.words) && b.words[i/64]&(1<<(i%64)) != 0
}
