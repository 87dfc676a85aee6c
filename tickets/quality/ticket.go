package quality

import (
	"strings"
	"time"

	"github.com/presage-pdm/presage/tickets"
)

// Subject is what is held to account: a rule on the devices of a model. Model is empty for devices without one. The rule
// detectors.BaseRule stands for the statistical tier.
type Subject struct {
	Rule  string `json:"rule"`
	Model string `json:"model"`
}

// Ticket is what is judged: one occurrence of a fault that was, or would have been, told. The rule is that of the finding that
// opened it. One that would have been told has neither identity nor resolution, and is never closed.
type Ticket struct {
	Subject
	ID, Number                   string
	Device, Component, FaultCode string
	Open                         bool
	Resolution                   string // of a closed ticket
	Onset, Opened                time.Time
	Closed                       time.Time // zero while open
}

// Own returns what the ticket's own closing code says.
func (t *Ticket) Own() tickets.Label {
	if t.Open {
		return tickets.Unlabelled
	}
	return tickets.LabelOf(t.Resolution)
}

// Closing is what a closed ticket says of its fault.
type Closing struct {
	Device, Component, FaultCode string
	// OnsetAt and ClosedAt bound the time in which a ticket for the same fault is about the same thing.
	OnsetAt, ClosedAt time.Time
	// Confirmed is true when somebody repaired something, false when there was no fault to be found.
	Confirmed bool
}

// Closings returns what closed tickets say; those whose closing code says nothing are left out.
func Closings(closed []tickets.Ticket) []Closing {
	var out []Closing
	for _, t := range closed {
		label := tickets.LabelOf(t.Resolution)
		if t.ClosedAt.IsZero() || label == tickets.Unlabelled {
			continue
		}
		out = append(out, Closing{
			Device: t.Device, Component: t.Component, FaultCode: t.FaultCode, OnsetAt: t.OnsetAt, ClosedAt: t.ClosedAt,
			Confirmed: label == tickets.Confirmed,
		})
	}
	return out
}

// Failure is a breakdown that is known from elsewhere, such as a repair book. It is the same failure when device,
// component, time and code are the same.
type Failure struct {
	Device string `json:"device"`
	// Component is the part that failed; [AnyComponent] when that is not known.
	Component string    `json:"component"`
	FailedAt  time.Time `json:"failed_at"`
	// Code is the fault code or the repair shop's own; it is shown and takes no part in the matching.
	Code string `json:"code,omitempty"`
}

// AnyComponent is the component of what is about the device as a whole. It agrees with every other.
const AnyComponent = "device"

// agree reports whether two components can mean the same part.
func agree(a, b string) bool {
	return a == "" || b == "" || a == AnyComponent || b == AnyComponent || strings.EqualFold(a, b)
}
