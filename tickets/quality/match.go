package quality

import (
	"fmt"
	"slices"
	"time"

	"github.com/presage-pdm/presage/tickets"
)

// Span is what is judged: the tickets and the failures in [From, To) of Devices devices.
type Span struct {
	From, To time.Time
	Devices  int
	// Horizon is how long before a failure a ticket may open and still count as its warning.
	Horizon time.Duration
	// Complete takes the failures to be all that there were in the span, if there is one: a ticket that no label reaches and whose horizon
	// ended within the span was false. Otherwise it is unlabelled.
	Complete bool
}

// DeviceMonths is how many months of thirty days the devices were watched, together.
func (s Span) DeviceMonths() float64 {
	return s.To.Sub(s.From).Hours() / (24 * 30) * float64(s.Devices)
}

// Score is how well tickets did. A quantity that nothing is known for is nil.
type Score struct {
	// Failures is how many failures lie in the span, Confirmed and Denied how many closing codes of other tickets.
	Failures  int `json:"failures"`
	Confirmed int `json:"confirmed"`
	Denied    int `json:"denied"`

	True    int `json:"true_tickets"`
	False   int `json:"false_tickets"`
	Unknown int `json:"unknown_tickets"`
	// Found is how many of Failures and Confirmed at least one ticket told of.
	Found int `json:"found"`

	// Precision is True / (True + False), and Recall Found / (Failures + Confirmed).
	Precision *float64 `json:"precision,omitempty"`
	Recall    *float64 `json:"recall,omitempty"`
	// Lead is the time from the first warning to the failure, over the imported failures that were found.
	Lead *Quartiles `json:"lead,omitempty"`
	// FalsePerDeviceMonth is False / [Span.DeviceMonths], when anything is labelled.
	FalsePerDeviceMonth *float64 `json:"false_per_device_month,omitempty"`

	// Labels are those of the tickets, in their order.
	Labels []tickets.Label `json:"-"`
}

// Match compares tickets with labels. A ticket's own closing code counts first; then one of another ticket, which reaches the
// tickets of the same device, component and fault code that open between its onset and its closing; then a failure, which reaches the tickets of
// its device and component that open in the horizon before it, its own time included. Who looked at the machine knows better.
//
// A ticket that opened outside of the span is labelled and can find a failure; it counts neither as true nor as false.
func Match(all []Ticket, failures []Failure, closings []Closing, span Span) (Score, error) {
	if !span.From.Before(span.To) || span.Devices < 0 || span.Horizon <= 0 {
		return Score{}, fmt.Errorf("match labels: span %s to %s with %d devices and horizon %s: the end must be after the start and the horizon positive",
			span.From.Format(time.RFC3339), span.To.Format(time.RFC3339), span.Devices, span.Horizon)
	}
	byDevice := map[string][]int{}
	for i := range all {
		byDevice[all[i].Device] = append(byDevice[all[i].Device], i)
	}
	s := Score{Labels: make([]tickets.Label, len(all))}
	s.failures(all, byDevice, failures, span)
	s.closings(all, byDevice, closings, span)
	for i := range all {
		s.count(i, &all[i], span)
	}
	s.Precision = ratio(s.True, s.True+s.False)
	s.Recall = ratio(s.Found, s.Failures+s.Confirmed)
	if months := span.DeviceMonths(); s.True+s.False+s.Failures+s.Confirmed+s.Denied > 0 && months > 0 {
		rate := float64(s.False) / months
		s.FalsePerDeviceMonth = &rate
	}
	return s, nil
}

// count settles the label of a ticket and counts it.
func (s *Score) count(i int, t *Ticket, span Span) {
	if own := t.Own(); own != tickets.Unlabelled {
		s.Labels[i] = own
	}
	if s.Labels[i] == tickets.Unlabelled && span.Complete && s.Failures > 0 && !t.Opened.Add(span.Horizon).After(span.To) {
		s.Labels[i] = tickets.Refuted
	}
	if t.Opened.Before(span.From) || !t.Opened.Before(span.To) {
		return
	}
	switch s.Labels[i] {
	case tickets.Confirmed:
		s.True++
	case tickets.Refuted:
		s.False++
	default:
		s.Unknown++
	}
}

// failures marks the tickets that warned of a failure and gathers the lead times.
func (s *Score) failures(all []Ticket, byDevice map[string][]int, failures []Failure, span Span) {
	var leads []float64
	for _, f := range failures {
		if f.FailedAt.Before(span.From) || !f.FailedAt.Before(span.To) {
			continue
		}
		s.Failures++
		first := time.Time{}
		for _, i := range byDevice[f.Device] {
			t := &all[i]
			if t.Opened.After(f.FailedAt) || t.Opened.Before(f.FailedAt.Add(-span.Horizon)) || !agree(t.Component, f.Component) {
				continue
			}
			s.Labels[i] = tickets.Confirmed
			if first.IsZero() || t.Opened.Before(first) {
				first = t.Opened
			}
		}
		if !first.IsZero() {
			s.Found++
			leads = append(leads, f.FailedAt.Sub(first).Seconds())
		}
	}
	if len(leads) > 0 {
		slices.Sort(leads)
		s.Lead = &Quartiles{quantile(leads, 0.25), quantile(leads, 0.5), quantile(leads, 0.75)}
	}
}

// closings marks the tickets that a closing code speaks of.
func (s *Score) closings(all []Ticket, byDevice map[string][]int, closings []Closing, span Span) {
	for _, c := range closings {
		if c.OnsetAt.Before(span.From) || !c.OnsetAt.Before(span.To) {
			continue
		}
		found := false
		for _, i := range byDevice[c.Device] {
			t := &all[i]
			if t.Component != c.Component || t.FaultCode != c.FaultCode || t.Opened.Before(c.OnsetAt) || t.Opened.After(c.ClosedAt) {
				continue
			}
			found = true
			s.Labels[i] = tickets.Refuted
			if c.Confirmed {
				s.Labels[i] = tickets.Confirmed
			}
		}
		switch {
		case !c.Confirmed:
			s.Denied++
		case found:
			s.Found++
			fallthrough
		default:
			s.Confirmed++
		}
	}
}

func ratio(part, whole int) *float64 {
	if whole == 0 {
		return nil
	}
	r := float64(part) / float64(whole)
	return &r
}
