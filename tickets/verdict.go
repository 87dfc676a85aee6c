package tickets

import (
	"time"

	"github.com/presage-pdm/presage/detectors"
)

// verdict is what a finding means to the ticket of its fault.
type verdict int

const (
	// alone: the finding is kept and belongs to no ticket.
	alone verdict = iota
	// late: the finding belongs to a closed ticket and changes nothing.
	late
	// join: the finding is more evidence for the open ticket.
	join
	// promote: the fault of a backfilled ticket is still there in live data.
	promote
	// clears: the fault of the open ticket is no longer seen.
	clears
	// recovers: the fault of a backfilled ticket went away by itself.
	recovers
	// reopen: the fault of a ticket closed a short while ago is back.
	reopen
	// open: a new ticket.
	open
	// recur: a new ticket that follows one closed long ago.
	recur
)

// judge says what a finding means to t, the open ticket of its fault or else
// the one closed last; nil when the fault never had a ticket. A fault that
// returns within hold of closing reopens its ticket.
//
// A live finding is placed by its arrival, because people close tickets by our
// clock; a backfilled one by its event time, because backfilled tickets live in it.
func judge(t *Ticket, f *detectors.Finding, hold time.Duration) verdict {
	if f.Withheld != "" {
		return alone
	}
	if t == nil {
		if f.Phase == detectors.Cleared {
			return alone
		}
		return open
	}
	if t.Open() {
		switch {
		case f.Phase == detectors.Cleared && t.Backfill && !before(f, t.LastSeenAt):
			return recovers
		case f.Phase == detectors.Cleared:
			return clears
		case t.Backfill && !f.Backfill:
			return promote
		}
		return join
	}
	at := moment(f)
	switch {
	case f.Phase == detectors.Cleared && before(f, t.OnsetAt):
		return alone
	case f.Phase == detectors.Cleared:
		return late
	case f.Backfill && eventTime(f).Before(t.OnsetAt.Add(-hold)):
		return open // an older fault, told of only now
	case !at.After(t.ClosedAt):
		return late
	case at.Sub(t.ClosedAt) <= hold:
		return reopen
	}
	return recur
}

// moment is when a finding counts as having happened at the desk.
func moment(f *detectors.Finding) time.Time {
	if f.Backfill {
		return eventTime(f)
	}
	return time.UnixMilli(f.Arrival).UTC()
}

func eventTime(f *detectors.Finding) time.Time { return time.UnixMilli(f.Time).UTC() }

func before(f *detectors.Finding, t time.Time) bool { return eventTime(f).Before(t) }
