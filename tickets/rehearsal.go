package tickets

import (
	"slices"
	"time"

	"github.com/presage-pdm/presage/detectors"
)

// Rehearsal joins findings into tickets by the rules of the [Desk], in memory, for what would have been. Findings come in the
// order in which they were found. Nobody closes a ticket of a rehearsal, so one whose fault cleared counts as closed
// from then on: when the fault returns within the hold it is reopened, later it is followed by a new one. It is used by one goroutine.
type Rehearsal struct {
	hold    time.Duration
	current map[Key]*Rehearsed
	tickets []*Rehearsed
}

// Rehearsed is a ticket that would have opened. Of its ticket Device, Component, FaultCode, Severity, OnsetAt, OpenedAt,
// LastSeenAt, ClearedAt, Occurrences and Reopened are set; it has no identity, workflow or place.
type Rehearsed struct {
	Ticket
	// First is the finding that opened it.
	First detectors.Finding
}

// NewRehearsal returns one without tickets. hold is [Config].ReopenWithin.
func NewRehearsal(hold time.Duration) *Rehearsal {
	return &Rehearsal{hold: hold, current: map[Key]*Rehearsed{}}
}

// Take judges one finding.
func (r *Rehearsal) Take(f *detectors.Finding) {
	key := Key{f.Tenant, f.Device, component(f), f.FaultCode}
	s := r.current[key]
	var t *Ticket
	if s != nil {
		t = &s.Ticket
	}
	switch judge(t, f, r.hold) {
	case open, recur:
		s = &Rehearsed{First: *f, Ticket: Ticket{
			Tenant: f.Tenant, Kind: Fault, Device: f.Device, Component: key.Component, FaultCode: f.FaultCode, Severity: f.Severity,
			Category: CategoryNew, OnsetAt: onset(f), OpenedAt: moment(f), LastSeenAt: eventTime(f), Occurrences: 1, Backfill: f.Backfill,
		}}
		s.First.Signals, s.First.Events = slices.Clone(f.Signals), slices.Clone(f.Events) // the engine's own end with its next call
		r.current[key] = s
		r.tickets = append(r.tickets, s)
	case reopen:
		t.Reopened++
		t.Occurrences++
		t.Category, t.ClearedAt, t.ClosedAt = CategoryNew, time.Time{}, time.Time{}
		t.again(f)
	case join, promote:
		if f.Phase == detectors.Raised {
			t.Occurrences++
		}
		t.again(f)
	case clears, recovers:
		if !before(f, t.LastSeenAt) {
			t.Category, t.ClearedAt, t.ClosedAt = CategoryDone, eventTime(f), moment(f)
		}
	}
}

// again notes more evidence of a rehearsed ticket.
func (t *Ticket) again(f *detectors.Finding) {
	t.Severity = max(t.Severity, f.Severity)
	if at := eventTime(f); at.After(t.LastSeenAt) {
		t.LastSeenAt = at
	}
	if at := onset(f); at.Before(t.OnsetAt) {
		t.OnsetAt = at
	}
}

// Tickets returns the tickets in the order in which they opened.
func (r *Rehearsal) Tickets() []*Rehearsed { return r.tickets }
