package multivariate

import (
	"errors"

	"github.com/presage-pdm/presage/detectors"
)

// The fewest and most metrics of a rule.
const (
	LeastMetrics = 2
	MostMetrics  = mostMetrics
)

// RuleMethod makes charts of stated metrics of a device, for rules of the catalogue. It implements [detectors.Method].
type RuleMethod struct {
	method  *Method
	metrics []string
}

// NewRule returns the method for [LeastMetrics] to [MostMetrics] metrics.
func NewRule(cfg Config, metrics []string) *RuleMethod {
	return &RuleMethod{method: New(cfg), metrics: metrics}
}

// Name implements [detectors.Method].
func (*RuleMethod) Name() string { return "multivariate" }

// Symptomatic implements [detectors.Symptomatic].
func (*RuleMethod) Symptomatic() {}

// Version implements [detectors.Method].
func (*RuleMethod) Version() int { return Version }

// New implements [detectors.Method].
func (r *RuleMethod) New(string, detectors.MetricPlan) detectors.Detector {
	d := &detector{rule: r, chart: r.method.Chart()}
	for _, name := range r.metrics {
		d.chart.Metric(name, "device")
	}
	return d
}

// detector feeds a chart with a row a moment.
type detector struct {
	rule  *RuleMethod
	chart *Chart
}

// Observe implements [detectors.Detector].
func (d *detector) Observe(in *detectors.Input) detectors.Verdict {
	verdict := detectors.Healthy
	if d.chart.on {
		verdict = detectors.Faulty
	}
	if in.Kind != detectors.MomentInput {
		return verdict
	}
	for i, m := range d.chart.metrics {
		if v, at, ok := in.Latest(m.name); ok && (m.n == 0 || at > m.last) {
			d.chart.Observe(i, at, v, detectors.Expectation{})
		}
	}
	for _, dec := range d.chart.Decide(in.Time) {
		verdict = dec.Verdict
	}
	return verdict
}

// Explain implements [detectors.Detector].
func (d *detector) Explain() detectors.Evidence {
	return d.chart.describe(detectors.Worse, d.chart.last).Evidence
}

// AppendState implements [detectors.Detector].
func (d *detector) AppendState(dst []byte) []byte { return d.chart.AppendState(dst) }

// RestoreState implements [detectors.Detector].
func (d *detector) RestoreState(src []byte) error {
	chart := d.rule.method.Chart()
	if err := chart.RestoreState(src); err != nil {
		return err
	}
	if len(chart.metrics) != len(d.rule.metrics) {
		return errOther
	}
	for i, m := range chart.metrics {
		if m.name != d.rule.metrics[i] {
			return errOther
		}
	}
	d.chart = chart
	return nil
}

var errOther = errors.New("the state of a chart of other metrics")
