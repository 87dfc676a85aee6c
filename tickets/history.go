package tickets

import (
	"time"

	"github.com/presage-pdm/presage/detectors"
)

// Entry is one line of a ticket's append-only history.
type Entry struct {
	ID     string    `json:"id"` // UUIDv7
	Ticket string    `json:"ticket"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"` // sign-in name, or "presage" for an automatic step
	// Kind is "opened", "evidence", "severity", "assigned", "transition", "comment", "cleared", "reopened", "closed", "refused",
	// "flapping" (the fault came back Times times in Seconds; single times are not noted from here on), "steady" (it does so no more),
	// "held" (maintenance kept the fault from opening the ticket since From; Note is the name of the window).
	Kind string `json:"kind"`
	// From and To are stages, assignees or severities, as Kind says.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Rule is the rule that made an automatic step.
	Rule string `json:"rule,omitempty"`
	Note string `json:"note,omitempty"`
	// Times and Seconds are the figures of a fault that comes and goes.
	Times   int   `json:"times,omitempty"`
	Seconds int64 `json:"seconds,omitempty"`
	// Dispatch tells who was considered and why, on "assigned".
	Dispatch *Dispatch `json:"dispatch,omitempty"`
}

// Dispatch is the outcome of looking for somebody to take a ticket. An empty
// Technician means that the ticket waits in the dispatch queue; Station is then where it would have gone, if anywhere.
type Dispatch struct {
	Region     string `json:"region"`
	Station    string `json:"station"`
	Technician string `json:"technician"`
	// Rung is how far dispatch had to go: "home", "neighbour", "parent",
	// "nationwide", or "pending" when there was nobody.
	Rung   string `json:"rung"`
	Reason Text   `json:"reason"`
	// Candidates are those who were considered, best first, then the excluded; a bounded number of them.
	Candidates []Candidate `json:"candidates"`
}

// Candidate is a technician who was considered.
type Candidate struct {
	Technician string `json:"technician"`
	Name       string `json:"name"`
	Station    string `json:"station"`
	// Score is in [0, 1], larger is better; meaningless when Excluded is set.
	Score float64 `json:"score"`
	// Parts is the score of each criterion that was known, in [0, 1] before weights: "skill",
	// "nearness", "load", "first-time-fix", "parts", "language".
	Parts map[string]float64 `json:"parts,omitempty"`
	// Excluded is the hard filter that failed: "inactive", "model", "skill", "shift", "load"
	// (of the technician) or "capacity" (of the station); empty for the eligible.
	Excluded string `json:"excluded,omitempty"`
}

// Evidence is a finding that belongs to a ticket, or to none and says why not in its Withheld.
type Evidence struct {
	detectors.Finding
	Ticket     string    `json:"ticket,omitempty"`
	RecordedAt time.Time `json:"recorded_at"`
}

// Event is something that happened at the desk, for whoever wants to know:
// webhooks, browsers, notifiers. It leaves in the outbox of the transaction that made it.
type Event struct {
	ID     string `json:"id"` // UUIDv7; consumers drop those they have seen
	Tenant string `json:"tenant"`
	// Type is "ticket.opened", "ticket.updated", "ticket.assigned", "ticket.transitioned", "ticket.closed" or "ticket.reopened", which are
	// about Ticket, or [EventDetectorDropped], which is about Detector.
	Type     string          `json:"type"`
	At       time.Time       `json:"at"`
	Ticket   Ticket          `json:"ticket,omitzero"`
	Detector *DetectorNotice `json:"detector,omitempty"`
	// Quiet events are for screens only: they page nobody.
	Quiet bool `json:"quiet,omitempty"`
}

// EventDetectorDropped tells that a rule was so often wrong that it opens no more tickets.
const EventDetectorDropped = "detector.dropped"

// DetectorNotice is what happened to a rule on the devices of a model.
type DetectorNotice struct {
	Rule   string `json:"rule"`
	Model  string `json:"model"` // empty for devices without one
	Stage  string `json:"stage"` // the one it has now
	Reason string `json:"reason"`
}

// SetTenant tells an event that was read back whose it is: tickets do not carry it in JSON.
func (e *Event) SetTenant(tenant string) {
	e.Tenant = tenant
	if e.Detector == nil {
		e.Ticket.Tenant = tenant
	}
}
