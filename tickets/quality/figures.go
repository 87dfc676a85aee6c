package quality

import (
	"cmp"
	"slices"

	"github.com/presage-pdm/presage/tickets"
)

// Known is what the tickets of a span, and the failures and devices of the same tenant, say.
type Known struct {
	// Tickets are those that opened in the span or within the horizon before it.
	Tickets []Ticket
	// Failures are those of devices that are known, with their models.
	Failures []ModelFailure
	// Devices tells how many devices a model has now.
	Devices map[string]int
	// Span has the bounds and the horizon; its Devices are not read.
	Span Span
}

// ModelFailure is a failure of a device of a model.
type ModelFailure struct {
	Failure
	Model string
}

// Figures are how well a rule did on the devices of a model, or all rules together when Rule is empty.
type Figures struct {
	Subject
	Tickets int `json:"tickets"`
	// Confirmed and Refuted tickets were a fault or were none, by their closing code or, without one that tells, a failure that followed.
	Confirmed int `json:"confirmed"`
	Refuted   int `json:"refuted"`
	// Unlabelled tickets are open, recovered by themselves or duplicates, and no failure followed: they count neither way.
	Unlabelled int `json:"unlabelled"`
	// Failures are those of the model's devices, Found those of them that a ticket warned of within the horizon.
	Failures int `json:"failures"`
	Found    int `json:"found"`
	// Precision is confirmed / (confirmed + refuted); absent without labels. Its interval is that of [Wilson].
	Precision         *float64  `json:"precision,omitempty"`
	PrecisionInterval *Interval `json:"precision_interval,omitempty"`
	// Recall is found / failures; absent without failures. A single rule need not find what others do.
	Recall *float64 `json:"recall,omitempty"`
	// DelaySeconds is the median time from onset to ticket, over the confirmed tickets; absent without one. Of an even number of tickets
	// it is the mean of the middle two.
	DelaySeconds *float64 `json:"delay_seconds,omitempty"`
	// Lead is the time from the first ticket to the failure, over those found; absent without one.
	Lead *Quartiles `json:"lead,omitempty"`
	// FalsePerDeviceMonth is refuted / (devices x days / 30); absent without devices or labels.
	FalsePerDeviceMonth *float64 `json:"false_per_device_month,omitempty"`
}

// Assess returns the figures of each rule and model, by rule, then model, and those of each model, by model.
func Assess(k *Known) (rules, models []Figures, err error) {
	byRule, byModel := map[Subject][]Ticket{}, map[Subject][]Ticket{}
	for _, t := range k.Tickets {
		byRule[t.Subject] = append(byRule[t.Subject], t)
		byModel[Subject{Model: t.Model}] = append(byModel[Subject{Model: t.Model}], t)
	}
	failures := map[string][]Failure{}
	for _, f := range k.Failures {
		failures[f.Model] = append(failures[f.Model], f.Failure)
		if _, ticketed := byModel[Subject{Model: f.Model}]; !ticketed {
			byModel[Subject{Model: f.Model}] = nil
		}
	}
	if rules, err = k.assess(byRule, failures); err != nil {
		return nil, nil, err
	}
	models, err = k.assess(byModel, failures)
	return rules, models, err
}

// assess leaves out who neither opened a ticket in the span nor missed a failure.
func (k *Known) assess(by map[Subject][]Ticket, failures map[string][]Failure) ([]Figures, error) {
	all := make([]Figures, 0, len(by))
	for subject, list := range by {
		span := k.Span
		span.Devices = k.Devices[subject.Model]
		s, err := Match(list, failures[subject.Model], nil, span)
		if err != nil {
			return nil, err
		}
		f := Figures{
			Subject: subject, Tickets: s.True + s.False + s.Unknown, Confirmed: s.True, Refuted: s.False, Unlabelled: s.Unknown,
			Failures: s.Failures, Found: s.Found, Precision: s.Precision, Recall: s.Recall, Lead: s.Lead, FalsePerDeviceMonth: s.FalsePerDeviceMonth,
		}
		if f.Tickets == 0 && (subject.Rule != "" || f.Failures == 0) {
			continue
		}
		if f.Precision != nil {
			ci := Wilson(s.True, s.True+s.False)
			f.PrecisionInterval = &ci
		}
		var delays []float64
		for i := range list {
			if s.Labels[i] == tickets.Confirmed && !list[i].Opened.Before(span.From) {
				delays = append(delays, max(0, list[i].Opened.Sub(list[i].Onset).Seconds()))
			}
		}
		if len(delays) > 0 {
			slices.Sort(delays)
			median := float64(quantile(delays, 0.5))
			f.DelaySeconds = &median
		}
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b Figures) int { return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Model, b.Model)) })
	return all, nil
}

// Labels returns what is known of each ticket, in their order.
func (k *Known) Labels() ([]tickets.Label, error) {
	failures := make([]Failure, len(k.Failures))
	for i, f := range k.Failures {
		failures[i] = f.Failure
	}
	s, err := Match(k.Tickets, failures, nil, k.Span)
	return s.Labels, err
}
