// Package limit finds a metric above or below a bound.
//
// It holds once every reading over a stated time was beyond the bound, and ends when a reading is back at the
// clearing value, which may lie further on the healthy side. It assumes nothing. It fails silently while nothing is reported: a
// gap neither starts nor ends anything, and the time runs on over it, so that a device that reports more rarely than
// the stated time is judged by two readings in a row. Costs 3 ns a reading and 32 bytes a metric.
package limit

import (
	"math"
	"strconv"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/stat"
)

// Version of the method and its state.
const Version = 1

// Config sets a limit.
type Config struct {
	Bound float64
	Above bool // beyond the bound is above it, else below
	// Clear is where the condition ends: Bound, or a value on its healthy side.
	Clear float64
	// For is how long readings must be beyond the bound; 0 is one reading.
	For time.Duration
}

// Method makes limits with one setting.
type Method struct{ cfg Config }

// New returns the method with a setting.
func New(cfg Config) *Method { return &Method{cfg} }

// Name implements [detectors.Method].
func (*Method) Name() string { return "limit" }

// Version implements [detectors.Method].
func (*Method) Version() int { return Version }

// New implements [detectors.Method].
func (m *Method) New(metric string, _ detectors.MetricPlan) detectors.Detector {
	return &detector{cfg: &m.cfg, metric: metric}
}

// Band implements [detectors.Banded].
func (m *Method) Band() (low, high float64) {
	if m.cfg.Above {
		return math.Inf(-1), m.cfg.Bound
	}
	return m.cfg.Bound, math.Inf(1)
}

type detector struct {
	cfg    *Config
	metric string
	beyond bool // the last reading was, or has not come back to Clear
	faulty bool
	since  int64
	last   int64
	value  float64
}

func (c *Config) isBeyond(v, bound float64) bool {
	if c.Above {
		return v > bound
	}
	return v < bound
}

// Observe implements [detectors.Detector].
func (d *detector) Observe(in *detectors.Input) detectors.Verdict {
	d.last, d.value = in.Time, in.Value
	switch {
	case d.faulty:
		d.faulty = d.cfg.isBeyond(in.Value, d.cfg.Clear) || d.cfg.isBeyond(in.Value, d.cfg.Bound)
		d.beyond = d.faulty
	case !d.cfg.isBeyond(in.Value, d.cfg.Bound):
		d.beyond = false
	default:
		if !d.beyond {
			d.beyond, d.since = true, in.Time
		}
		d.faulty = in.Time-d.since >= d.cfg.For.Milliseconds()
	}
	if d.faulty {
		return detectors.Faulty
	}
	return detectors.Healthy
}

// Explain implements [detectors.Detector].
func (d *detector) Explain() detectors.Evidence {
	return d.cfg.explain(d.metric, d.value, d.since, d.last)
}

// JudgeLate implements [detectors.Late]: a limit that must last cannot be judged by one reading.
func (d *detector) JudgeLate(in *detectors.Input) (detectors.Evidence, bool) {
	if d.cfg.For > 0 || !d.cfg.isBeyond(in.Value, d.cfg.Bound) {
		return detectors.Evidence{}, false
	}
	return d.cfg.explain(d.metric, in.Value, in.Time, in.Time), true
}

func (c *Config) explain(metric string, value float64, since, now int64) detectors.Evidence {
	bound := c.Bound
	s := detectors.Signal{Metric: metric, Actual: value, Expected: c.Clear, Share: 1}
	key := detectors.ReasonLimitBelow
	if c.Above {
		key, s.High = detectors.ReasonLimitAbove, &bound
	} else {
		s.Low = &bound
	}
	return detectors.Evidence{Onset: since, Signals: []detectors.Signal{s}, Reason: detectors.Reason{Key: key, Params: map[string]string{
		"metric": metric, "value": detectors.FormatNumber(value), "limit": detectors.FormatNumber(bound),
		"over": detectors.FormatNumber(math.Abs(value - bound)), "percent": detectors.FormatPercent(value-bound, bound),
		"seconds": strconv.FormatInt((now-since)/1000, 10),
	}}}
}

// AppendState implements [detectors.Detector].
func (d *detector) AppendState(dst []byte) []byte {
	dst = stat.AppendBool(stat.AppendBool(dst, d.beyond), d.faulty)
	dst = stat.AppendInt(stat.AppendInt(dst, d.since), d.last)
	return stat.AppendFloat(dst, d.value)
}

// RestoreState implements [detectors.Detector].
func (d *detector) RestoreState(src []byte) error {
	r := stat.NewReader(src)
	d.beyond, d.faulty, d.since, d.last, d.value = r.Bool(), r.Bool(), r.Int(), r.Int(), r.Float()
	return r.Done()
}
