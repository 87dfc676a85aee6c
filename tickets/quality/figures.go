package quality

import (
	"cmp"
	"slices"
	"time"

	"github.com/presage-pdm/presage/tickets"
)

// Figures are how well a rule did on the devices of a model, over the tickets it opened within a window.
type Figures struct {
	Subject
	Tickets   int `json:"tickets"`
	Confirmed int `json:"confirmed"`
	Refuted   int `json:"refuted"`
	// Unlabelled tickets are open, recovered by themselves or duplicates: they count neither way.
	Unlabelled int `json:"unlabelled"`
	// Precision is confirmed / (confirmed + refuted); absent without labels. Its interval is that of [Wilson].
	Precision         *float64  `json:"precision,omitempty"`
	PrecisionInterval *Interval `json:"precision_interval,omitempty"`
	// DelaySeconds is the median time from onset to ticket, over the confirmed tickets; absent without one. Of an even number of tickets
	// it is the mean of the middle two.
	DelaySeconds *float64 `json:"delay_seconds,omitempty"`
	// FalsePerDeviceMonth is refuted / (devices x days / 30); absent without devices.
	FalsePerDeviceMonth *float64 `json:"false_per_device_month,omitempty"`
}

// Assess sums outcomes up, by rule, then model. devices tells how many devices a model has now; the window is the time over which the
// tickets were opened.
func Assess(outcomes []Outcome, devices map[string]int, window time.Duration) []Figures {
	by := map[Subject]*Figures{}
	delays := map[Subject][]float64{}
	for i := range outcomes {
		o := &outcomes[i]
		f := by[o.Subject]
		if f == nil {
			f = &Figures{Subject: o.Subject}
			by[o.Subject] = f
		}
		f.Tickets++
		switch o.Label() {
		case tickets.Confirmed:
			f.Confirmed++
			delays[o.Subject] = append(delays[o.Subject], max(0, o.Opened.Sub(o.Onset).Seconds()))
		case tickets.Refuted:
			f.Refuted++
		default:
			f.Unlabelled++
		}
	}
	all := make([]Figures, 0, len(by))
	for subject, f := range by {
		if n := f.Confirmed + f.Refuted; n > 0 {
			p, ci := float64(f.Confirmed)/float64(n), Wilson(f.Confirmed, n)
			f.Precision, f.PrecisionInterval = &p, &ci
		}
		if d := delays[subject]; len(d) > 0 {
			m := median(d)
			f.DelaySeconds = &m
		}
		if months := float64(devices[subject.Model]) * window.Hours() / (30 * 24); months > 0 {
			rate := float64(f.Refuted) / months
			f.FalsePerDeviceMonth = &rate
		}
		all = append(all, *f)
	}
	slices.SortFunc(all, func(a, b Figures) int { return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Model, b.Model)) })
	return all
}

// median sorts values in place; there is at least one.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
