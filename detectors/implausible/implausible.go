// Package implausible finds readings outside what the metric can physically be: a sensor or its wiring is broken.
//
// Bounds are the min and max of the metric's description; a metric without them is not watched. Two readings in a row must be
// outside, since radios garble single ones, and two inside end it. Costs 2 ns a reading and 40 bytes a metric.
package implausible

import (
	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/stat"
)

// Version of the method and its state.
const Version = 1

// needed readings in a row change the verdict.
const needed = 2

// Method makes detectors of implausible values.
type Method struct{}

// New returns the method; its settings are those of the metric.
func New() *Method { return &Method{} }

// Name implements [detectors.Method].
func (*Method) Name() string { return "implausible" }

// Version implements [detectors.Method].
func (*Method) Version() int { return Version }

// New implements [detectors.Method].
func (*Method) New(metric string, plan detectors.MetricPlan) detectors.Detector {
	return &detector{plan: plan, metric: metric}
}

type detector struct {
	plan   detectors.MetricPlan
	metric string
	faulty bool
	run    int // readings in a row that speak against the verdict
	since  int64
	value  float64 // the last one outside
}

// Describe implements [detectors.Described].
func (d *detector) Describe(plan detectors.MetricPlan) {
	d.plan = plan
	if d.faulty && !d.outside(d.value) {
		d.faulty, d.run = false, 0 // the new bounds allow what was found
	}
}

func (d *detector) outside(v float64) bool {
	return d.plan.Min != nil && v < *d.plan.Min || d.plan.Max != nil && v > *d.plan.Max
}

// Observe implements [detectors.Detector].
func (d *detector) Observe(in *detectors.Input) detectors.Verdict {
	out := d.outside(in.Value)
	if out {
		d.value = in.Value
	}
	if out == d.faulty {
		d.run = 0
	} else {
		if d.run == 0 && out {
			d.since = in.Time
		}
		if d.run++; d.run >= needed {
			d.faulty, d.run = out, 0
		}
	}
	if d.faulty {
		return detectors.Faulty
	}
	return detectors.Healthy
}

// Explain implements [detectors.Detector].
func (d *detector) Explain() detectors.Evidence { return d.explain(d.value, d.since) }

// JudgeLate implements [detectors.Late].
func (d *detector) JudgeLate(in *detectors.Input) (detectors.Evidence, bool) {
	if !d.outside(in.Value) {
		return detectors.Evidence{}, false
	}
	return d.explain(in.Value, in.Time), true
}

func (d *detector) explain(value float64, since int64) detectors.Evidence {
	key, bound := detectors.ReasonImplausibleBelow, d.plan.Min
	if bound == nil || value >= *bound {
		key, bound = detectors.ReasonImplausibleAbove, d.plan.Max
	}
	return detectors.Evidence{
		Onset:   since,
		Signals: []detectors.Signal{{Metric: d.metric, Actual: value, Expected: *bound, Low: d.plan.Min, High: d.plan.Max, Share: 1}},
		Reason: detectors.Reason{Key: key, Params: map[string]string{
			"metric": d.metric, "value": detectors.FormatNumber(value), "limit": detectors.FormatNumber(*bound),
		}},
	}
}

// AppendState implements [detectors.Detector].
func (d *detector) AppendState(dst []byte) []byte {
	dst = stat.AppendInt(stat.AppendBool(dst, d.faulty), int64(d.run))
	return stat.AppendFloat(stat.AppendInt(dst, d.since), d.value)
}

// RestoreState implements [detectors.Detector].
func (d *detector) RestoreState(src []byte) error {
	r := stat.NewReader(src)
	d.faulty, d.run, d.since, d.value = r.Bool(), int(r.Int()), r.Int(), r.Float()
	if err := r.Done(); err != nil {
		return err
	}
	d.Describe(d.plan) // it may have been written under other bounds
	return nil
}
