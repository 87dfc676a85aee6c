package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// sender is one connection with its devices: a goroutine that writes and one that reads PUBACKs.
type sender struct {
	c       *client
	form    Form
	values  int
	devices []*device // in turn
	faults  []*fault  // by their time
	turn    int
	payload []byte

	// free holds the packet identifiers that may be used, as many as may be in flight.
	free chan uint16
	mu   sync.Mutex
	// flights is what is in flight, by packet identifier; guarded by mu.
	flights []flight

	sent   int64
	puback histogram
}

// flight is a message without PUBACK: message n of a device, or a crash of a fault.
type flight struct {
	device  *device
	message int
	fault   *fault
	at      time.Time
}

func newSender(c *client, cfg Config) *sender {
	s := &sender{c: c, form: cfg.Form, values: cfg.Values, free: make(chan uint16, cfg.Inflight), flights: make([]flight, cfg.Inflight+1)}
	for id := 1; id <= cfg.Inflight; id++ {
		s.free <- uint16(id)
	}
	return s
}

// patience is how long the generator waits for the acknowledgements of what
// is in flight when the load is over.
const patience = 30 * time.Second

// run writes beside a reader and then waits for what is in flight.
func (s *sender) run(ctx context.Context, write func(ctx context.Context) error) error {
	stop := context.AfterFunc(ctx, func() { s.c.conn.Close() })
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var reader sync.WaitGroup
	reader.Go(func() { // owned by run, which waits for it
		if err := s.read(); err != nil {
			cancel(err)
		}
	})
	err := write(ctx)
	if err == nil {
		err = s.drain(ctx)
	}
	s.c.conn.SetReadDeadline(time.Now()) // ends the reader
	reader.Wait()
	if reset := s.c.conn.SetReadDeadline(time.Time{}); err == nil {
		err = reset
	}
	return err
}

// drain returns when nothing is in flight: every identifier that comes back is one message less.
func (s *sender) drain(ctx context.Context) error {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for range cap(s.free) {
		select {
		case <-s.free:
		case <-timeout.C:
			return fmt.Errorf("messages were not acknowledged within %s", patience)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for id := 1; id <= cap(s.free); id++ {
		s.free <- uint16(id)
	}
	return nil
}

// reading publishes the next message of the device whose turn it is. due, when not zero, is what its times count from.
func (s *sender) reading(ctx context.Context, now, due time.Time) error {
	d := s.devices[s.turn%len(s.devices)]
	s.turn++
	id, err := s.identifier(ctx)
	if err != nil {
		return err
	}
	n, stamp := d.next(now)
	s.payload = s.form.appendReading(s.payload[:0], stamp, n, s.values)
	return s.send(id, d.topic, flight{device: d, message: n, at: due})
}

// crash publishes one crash of a fault.
func (s *sender) crash(ctx context.Context, f *fault, stamp, due time.Time) error {
	id, err := s.identifier(ctx)
	if err != nil {
		return err
	}
	f.published = due
	if due.IsZero() {
		f.published = time.Now()
	}
	s.payload = appendCrash(s.payload[:0], stamp)
	return s.send(id, f.topic, flight{fault: f, at: due})
}

// identifier waits for room in the window.
func (s *sender) identifier(ctx context.Context) (uint16, error) {
	select {
	case id := <-s.free:
		return id, nil
	default:
	}
	if err := s.flush(); err != nil {
		return 0, err
	}
	select {
	case id := <-s.free:
		return id, nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

func (s *sender) send(id uint16, topic string, f flight) error {
	if f.at.IsZero() {
		f.at = time.Now()
	}
	s.mu.Lock()
	s.flights[id] = f
	s.mu.Unlock()
	s.sent++
	if err := s.c.publish(topic, id, s.payload); err != nil {
		return fmt.Errorf("publish to %s: %w", topic, err)
	}
	return nil
}

func (s *sender) flush() error {
	if err := s.c.flush(); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// read takes acknowledgements until run lets the connection's read deadline pass.
func (s *sender) read() error {
	for {
		id, err := s.c.puback()
		if timeout := (interface{ Timeout() bool })(nil); errors.As(err, &timeout) && timeout.Timeout() {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read PUBACK: %w", err)
		}
		if int(id) >= len(s.flights) || id == 0 {
			return fmt.Errorf("PUBACK of packet %d, which was never sent", id)
		}
		s.mu.Lock()
		f := s.flights[id]
		s.flights[id] = flight{}
		s.mu.Unlock()
		switch {
		case f.device != nil:
			f.device.acked.set(f.message)
		case f.fault != nil:
			f.fault.acked = true
		default:
			return fmt.Errorf("PUBACK of packet %d, which was not in flight", id)
		}
		s.puback.add(time.Since(f.at))
		s.free <- id
	}
}
