package bench

import (
	"context"
	"time"
)

// warmUp publishes a reading of every device, and of every device that is to break all crashes but the last.
func (s *sender) warmUp(ctx context.Context) error {
	for range s.devices {
		if err := s.reading(ctx, time.Now(), time.Time{}); err != nil {
			return err
		}
	}
	for _, f := range s.faults {
		for n := range crashes - 1 {
			at := time.Now()
			// Before the last one, each in its own millisecond.
			if err := s.crash(ctx, f, at.Add(time.Duration(n-crashes)*time.Millisecond), at); err != nil {
				return err
			}
		}
	}
	return s.flush()
}

// publish is the closed loop: it publishes until end, flushing whenever the window is full.
func (s *sender) publish(ctx context.Context, end time.Time) error {
	faults := s.faults
	for {
		now := time.Now()
		if now.After(end) {
			return s.flush()
		}
		if len(faults) > 0 && !now.Before(faults[0].due) {
			if err := s.crash(ctx, faults[0], now, time.Time{}); err != nil {
				return err
			}
			faults = faults[1:]
			continue
		}
		if err := s.reading(ctx, now, time.Time{}); err != nil {
			return err
		}
	}
}

// offer is the open loop: it publishes when messages are due, late ones at once.
func (s *sender) offer(ctx context.Context, p pace) error {
	faults := s.faults
	for n := 0; n < p.count || len(faults) > 0; {
		// Which comes first: the next reading or the next crash.
		due, crash := time.Time{}, len(faults) > 0
		if n < p.count {
			due = p.due(n)
			crash = crash && faults[0].due.Before(due)
		}
		if crash {
			due = faults[0].due
		}
		now := time.Now()
		if wait := due.Sub(now); wait > 0 {
			if err := s.flush(); err != nil {
				return err
			}
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			continue
		}
		var err error
		if crash {
			err = s.crash(ctx, faults[0], now, due)
			faults = faults[1:]
		} else {
			err = s.reading(ctx, now, due)
			n++
		}
		if err != nil {
			return err
		}
	}
	return s.flush()
}
