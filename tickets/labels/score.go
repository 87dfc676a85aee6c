package labels

import (
	"fmt"
	"slices"
	"time"
)

// Span is what is judged: the tickets and the failures in [From, To) of Devices devices.
type Span struct {
	From, To time.Time
	Devices  int
	// Horizon is how long before a failure a ticket may open and still count as its warning.
	Horizon time.Duration
}

// DeviceMonths is how many months of thirty days the devices were watched, together.
func (s Span) DeviceMonths() float64 {
	return s.To.Sub(s.From).Hours() / (24 * 30) * float64(s.Devices)
}

// Outcome is what the labels say of one ticket.
type Outcome string

// The outcomes.
const (
	True    Outcome = "true"    // a failure followed within the horizon, or the closing code confirms it
	False   Outcome = "false"   // the closing code denies it, or failures are known and none followed
	Unknown Outcome = "unknown" // no label reaches it: nothing is known, or the horizon is not over yet
)

// Score is how well tickets did. A quantity that nothing is known for is nil.
type Score struct {
	// Failures is how many failures lie in the span, Confirmed and Denied how many closing codes.
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

	// Outcomes are those of the tickets, in their order.
	Outcomes []Outcome `json:"-"`
}

// Quartiles of times. They are order statistics interpolated linearly at (n-1)q, type 7 of Hyndman and Fan (1996).
type Quartiles struct {
	Lower  Seconds `json:"lower_seconds"`
	Median Seconds `json:"median_seconds"`
	Upper  Seconds `json:"upper_seconds"`
}

// Seconds is a time in seconds.
type Seconds float64

// Duration returns the same time to the nanosecond.
func (s Seconds) Duration() time.Duration { return time.Duration(float64(s) * float64(time.Second)) }

// Match compares tickets with labels. A closing code reaches the tickets of the same device, component and fault code that open
// between its onset and its closing. A failure reaches the tickets of its device and component that open in the horizon before
// it, its own time included. A closing code counts before a failure: who looked at the machine knows better.
//
// Once failures were imported for the span, the import is taken to be complete: a ticket that no label reaches and whose horizon
// ended within the span was false. Without imported failures it is unknown.
func Match(all []Ticket, failures []Failure, closings []Closing, span Span) (Score, error) {
	if !span.From.Before(span.To) || span.Devices < 0 || span.Horizon <= 0 {
		return Score{}, fmt.Errorf("match labels: span %s to %s with %d devices and horizon %s: the end must be after the start and the horizon positive",
			span.From.Format(time.RFC3339), span.To.Format(time.RFC3339), span.Devices, span.Horizon)
	}
	byDevice := map[string][]int{}
	for i, t := range all {
		byDevice[t.Device] = append(byDevice[t.Device], i)
	}
	s := Score{Outcomes: make([]Outcome, len(all))}
	s.failures(all, byDevice, failures, span)
	s.closings(all, byDevice, closings, span)
	for i := range all {
		if s.Outcomes[i] == "" {
			s.Outcomes[i] = Unknown
			if s.Failures > 0 && !all[i].OpenedAt.Add(span.Horizon).After(span.To) {
				s.Outcomes[i] = False
			}
		}
		switch s.Outcomes[i] {
		case True:
			s.True++
		case False:
			s.False++
		default:
			s.Unknown++
		}
	}
	s.Precision = ratio(s.True, s.True+s.False)
	s.Recall = ratio(s.Found, s.Failures+s.Confirmed)
	if months := span.DeviceMonths(); s.Failures+s.Confirmed+s.Denied > 0 && months > 0 {
		rate := float64(s.False) / months
		s.FalsePerDeviceMonth = &rate
	}
	return s, nil
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
			if t.OpenedAt.After(f.FailedAt) || t.OpenedAt.Before(f.FailedAt.Add(-span.Horizon)) || !agree(t.Component, f.Component) {
				continue
			}
			s.Outcomes[i] = True
			if first.IsZero() || t.OpenedAt.Before(first) {
				first = t.OpenedAt
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
			if t.Component != c.Component || t.FaultCode != c.FaultCode || t.OpenedAt.Before(c.OnsetAt) || t.OpenedAt.After(c.ClosedAt) {
				continue
			}
			found = true
			s.Outcomes[i] = False
			if c.Confirmed {
				s.Outcomes[i] = True
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

// quantile of sorted values, of which there is at least one.
func quantile(sorted []float64, q float64) Seconds {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return Seconds(sorted[len(sorted)-1])
	}
	return Seconds(sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i]))
}
