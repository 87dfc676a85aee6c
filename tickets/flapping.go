package tickets

import (
	"context"
	"fmt"
	"time"

	"github.com/presage-pdm/presage/detectors"
)

// Flap tells of a fault that comes and goes. Its times are event times except Seen.
type Flap struct {
	// Flapping is set while the fault comes and goes: nobody is told of each time then.
	Flapping bool `json:"flapping"`
	// Times counts how often it came back since Since, the last time at Last. Zero before it flapped the first time.
	Times int       `json:"times,omitempty"`
	Since time.Time `json:"since,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Recent are the newest returns while it does not flap, at most as many as make it do so.
	Recent []time.Time `json:"recent,omitempty"`
	// Seen is when the desk last saw it come or go while flapping, by the wall clock.
	Seen time.Time `json:"seen,omitzero"`
}

// flaps reports whether the fault of a ticket comes and goes.
func (t *Ticket) flaps() bool { return t.Flap != nil && t.Flap.Flapping }

// returned notes that the fault of a ticket is back after it had gone, and reports whether it flaps.
func (w *work) returned(s *sheet, f *detectors.Finding) bool {
	after, within := w.desk.cfg.FlappingAfter, w.desk.cfg.FlappingWithin
	if after <= 0 {
		return false
	}
	t, at := &s.ticket, eventTime(f)
	var flap Flap // a copy: the one before may be on its way out with an event
	if t.Flap != nil {
		flap = *t.Flap
	}
	t.Flap = &flap
	s.dirty = true
	if flap.Flapping {
		flap.Times++
		flap.Last, flap.Seen = later(flap.Last, at), w.now
		return true
	}
	recent := append([]time.Time{}, flap.Recent...)
	recent = append(recent, at)
	flap.Recent = recent[max(0, len(recent)-after):]
	if len(flap.Recent) < after || at.Sub(flap.Recent[0]) > within {
		return false
	}
	flap = Flap{Flapping: true, Times: after, Since: flap.Recent[0], Last: at, Seen: w.now}
	s.event("ticket.updated", !f.Backfill)
	s.note(Entry{Kind: "flapping", Times: flap.Times, Seconds: int64(flap.Last.Sub(flap.Since) / time.Second), Rule: rule(f)})
	return true
}

// went notes that a fault that comes and goes is gone again.
func (w *work) went(s *sheet) {
	flap := *s.ticket.Flap
	flap.Seen = w.now
	s.ticket.Flap = &flap
}

// SettleFlapping ends the flapping of faults that neither came nor went for long enough, and returns how many they were. A fault that is still
// there is told of then. Call it now and then.
func (d *Desk) SettleFlapping(ctx context.Context, tenant string) (settled int, err error) {
	for {
		quiet := d.now().Add(-d.cfg.FlappingWithin)
		ids, err := d.cfg.Store.Flapping(ctx, tenant, quiet, reportChunk)
		if err != nil {
			return settled, fmt.Errorf("list flapping tickets: %w", err)
		}
		n := 0
		err = d.update(ctx, tenant, Fence{}, func(ctx context.Context, tx Tx) error {
			w := d.newWork(tx, tenant)
			n = 0
			for _, id := range ids {
				s, err := w.byID(ctx, id)
				if err != nil {
					return fmt.Errorf("flapping ticket %s: %w", id, err)
				}
				if s.ticket.flaps() && !s.ticket.Flap.Seen.After(quiet) {
					w.steady(s)
					n++
				}
			}
			return w.finish(ctx)
		})
		if err != nil {
			return settled, err
		}
		if settled += n; len(ids) < reportChunk || n == 0 {
			return settled, nil
		}
	}
}

// steady ends the flapping of a ticket.
func (w *work) steady(s *sheet) {
	t := &s.ticket
	flap := *t.Flap
	flap.Flapping = false
	t.Flap = &flap
	s.dirty = true
	s.event("ticket.updated", t.Open() && t.ClearedAt.IsZero() && !t.Backfill)
	s.note(Entry{Kind: "steady", Times: flap.Times, Seconds: int64(flap.Last.Sub(flap.Since) / time.Second)})
}
