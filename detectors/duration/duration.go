// Package duration finds a metric that keeps a value longer than allowed, such as a pump that
// is still on after two hours.
//
// It assumes that the device reports the value again and again, or at least at its changes. It fails when the value changes and
// comes back between two readings. Costs 2 ns a reading and 32 bytes a metric.
package duration

import (
	"strconv"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/stat"
)

// Version of the method and its state.
const Version = 1

// Config sets what may not last.
type Config struct {
	Equals float64
	Longer time.Duration
}

// Method makes detectors of one duration.
type Method struct{ cfg Config }

// New returns the method with a setting.
func New(cfg Config) *Method { return &Method{cfg} }

// Name implements [detectors.Method].
func (*Method) Name() string { return "duration" }

// Version implements [detectors.Method].
func (*Method) Version() int { return Version }

// New implements [detectors.Method].
func (m *Method) New(metric string, _ detectors.MetricPlan) detectors.Detector {
	return &detector{cfg: &m.cfg, metric: metric}
}

type detector struct {
	cfg         *Config
	metric      string
	on          bool
	since, last int64
}

// Observe implements [detectors.Detector].
func (d *detector) Observe(in *detectors.Input) detectors.Verdict {
	on := in.Value == d.cfg.Equals
	if on && !d.on {
		d.since = in.Time
	}
	d.on, d.last = on, in.Time
	if on && in.Time-d.since > d.cfg.Longer.Milliseconds() {
		return detectors.Faulty
	}
	return detectors.Healthy
}

// Explain implements [detectors.Detector].
func (d *detector) Explain() detectors.Evidence {
	return detectors.Evidence{
		Onset:   d.since,
		Signals: []detectors.Signal{{Metric: d.metric, Actual: d.cfg.Equals, Expected: d.cfg.Equals, Share: 1}},
		Reason: detectors.Reason{Key: detectors.ReasonDuration, Params: map[string]string{
			"metric": d.metric, "value": detectors.FormatNumber(d.cfg.Equals),
			"seconds": strconv.FormatInt((d.last-d.since)/1000, 10), "limit": strconv.FormatInt(int64(d.cfg.Longer.Seconds()), 10),
		}},
	}
}

// AppendState implements [detectors.Detector].
func (d *detector) AppendState(dst []byte) []byte {
	return stat.AppendInt(stat.AppendInt(stat.AppendBool(dst, d.on), d.since), d.last)
}

// RestoreState implements [detectors.Detector].
func (d *detector) RestoreState(src []byte) error {
	r := stat.NewReader(src)
	d.on, d.since, d.last = r.Bool(), r.Int(), r.Int()
	return r.Done()
}
