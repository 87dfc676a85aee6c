package quality

import (
	"time"

	"github.com/presage-pdm/presage/tickets"
)

// Subject is what is held to account: a rule on the devices of a model. Model is empty for devices without one. The rule
// detectors.BaseRule stands for the statistical tier.
type Subject struct {
	Rule  string `json:"rule"`
	Model string `json:"model"`
}

// Outcome is a ticket as its rule is judged by it. The rule is that of the finding that opened the ticket.
type Outcome struct {
	Subject
	Ticket, Number string
	Open           bool
	Resolution     string // of a closed ticket
	Onset, Opened  time.Time
	Closed         time.Time // zero while open
}

// Label returns what is known by now.
func (o *Outcome) Label() tickets.Label {
	if o.Open {
		return tickets.Unlabelled
	}
	return tickets.LabelOf(o.Resolution)
}
