package simulation

import (
	"slices"
	"strings"
	"time"
)

// Ticket is what the scoreboard needs to know of a ticket.
type Ticket struct {
	ID, Number                   string
	Device, Component, FaultCode string
	OpenedAt                     time.Time
}

// Score is how the tickets compare with the declared truth.
type Score struct {
	Faults []FaultScore `json:"faults"` // newest first
	// Injected and Ticketed count the faults, FalseTickets the tickets that no fault explains.
	Injected     int `json:"injected"`
	Ticketed     int `json:"ticketed"`
	FalseTickets int `json:"false_tickets"`
	// MedianLeadS is the median of LeadS over the ticketed faults of live operation, in
	// seconds; nil when there is none. Those of the history took hours and would drown them.
	MedianLeadS *float64 `json:"median_lead_s"`
}

// FaultScore is a fault and the ticket it opened.
type FaultScore struct {
	Fault
	// Ticket is the ID of the first ticket that the fault opened, empty when none did yet.
	Ticket       string    `json:"ticket,omitempty"`
	TicketNumber string    `json:"ticket_number,omitempty"`
	TicketedAt   time.Time `json:"ticketed_at,omitzero"`
	// LeadS is the time from the ticket to the call in seconds; negative when the customer was first.
	LeadS *float64 `json:"lead_s,omitempty"`
	// Caught tells that the ticket came before the call.
	Caught bool `json:"caught"`
}

// echo is how long after a repair a ticket is still owed to the fault, in
// times from its start to the call: temperatures fall slowly.
const echo = 1

// Judge holds tickets against declared faults. A fault is ticketed by the first
// ticket on its device, while it lasts, with its fault code or on its component. A
// ticket is false when its device had no fault at the time, whatever it says;
// a second ticket that a fault causes elsewhere on the device is neither.
func Judge(faults []Fault, tickets []Ticket) Score {
	byDevice := map[string][]Ticket{}
	for _, t := range tickets {
		byDevice[t.Device] = append(byDevice[t.Device], t)
	}
	for _, ts := range byDevice {
		slices.SortFunc(ts, func(a, b Ticket) int {
			if c := a.OpenedAt.Compare(b.OpenedAt); c != 0 {
				return c
			}
			return strings.Compare(a.ID, b.ID)
		})
	}
	s := Score{Faults: []FaultScore{}, Injected: len(faults)}
	explained := map[Ticket]bool{}
	var leads []float64
	for _, f := range faults {
		fs := FaultScore{Fault: f}
		for _, t := range byDevice[f.Device] {
			if !f.explains(t) {
				continue
			}
			explained[t] = true
			if fs.Ticket == "" && (t.FaultCode == f.FaultCode || t.Component == f.Component) {
				lead := f.ExpectedCallAt.Sub(t.OpenedAt).Seconds()
				fs.Ticket, fs.TicketNumber, fs.TicketedAt, fs.LeadS, fs.Caught = t.ID, t.Number, t.OpenedAt, &lead, lead > 0
			}
		}
		if fs.LeadS != nil {
			s.Ticketed++
			if !f.Past {
				leads = append(leads, *fs.LeadS)
			}
		}
		s.Faults = append(s.Faults, fs)
	}
	for _, t := range tickets {
		if !explained[t] {
			s.FalseTickets++
		}
	}
	slices.SortStableFunc(s.Faults, func(a, b FaultScore) int { return b.InjectedAt.Compare(a.InjectedAt) })
	s.MedianLeadS = median(leads)
	return s
}

// explains tells whether a ticket on the fault's device falls into its time.
func (f *Fault) explains(t Ticket) bool {
	toCall := f.ExpectedCallAt.Sub(f.InjectedAt)
	return !t.OpenedAt.Before(f.InjectedAt) && !t.OpenedAt.After(f.RepairedAt.Add(echo*toCall))
}

// median returns the median, nil of nothing. It sorts v.
func median(v []float64) *float64 {
	if len(v) == 0 {
		return nil
	}
	slices.Sort(v)
	m := (v[(len(v)-1)/2] + v[len(v)/2]) / 2
	return &m
}
