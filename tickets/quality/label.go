package quality

import (
	"time"

	"github.com/presage-pdm/presage/tickets"
)

// Label is what became known of a ticket.
type Label string

// The labels of a ticket.
const (
	Confirmed Label = "confirmed" // there was a fault
	Refuted   Label = "refuted"   // there was none
	// Unlabelled tickets are open, or closed in a way that says nothing about the detector: a fault that went away before
	// anybody looked may have been one or not, and a duplicate is counted where it was first.
	Unlabelled Label = ""
)

// LabelOf returns what a closing code says about the detector that opened the ticket.
func LabelOf(resolution string) Label {
	switch resolution {
	case tickets.ResolutionRepaired:
		return Confirmed
	case tickets.ResolutionNoFaultFound:
		return Refuted
	}
	return Unlabelled
}

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
func (o *Outcome) Label() Label {
	if o.Open {
		return Unlabelled
	}
	return LabelOf(o.Resolution)
}
