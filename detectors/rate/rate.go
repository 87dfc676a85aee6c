// Package rate finds a metric that rises or falls faster than it should.
//
// The change is taken between the newest reading and the newest one that is at least a stated span older, and scaled to
// the unit of the bound, so that neither fast nor slow reporting fools it. It assumes that a reading is not noise alone: choose the span
// long enough. A gap of more than ten spans starts afresh. It fails by being late: a jump holds for as
// long as the span still covers it. Costs 10 ns a reading and 340 bytes a metric.
package rate

import (
	"math"
	"strconv"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/stat"
)

// Version of the method and its state.
const Version = 1

// Config sets a rate.
type Config struct {
	// Bound is the change of the metric in Per; with Above a rise beyond it is found, else a change below it, so that a fall has a negative bound.
	Bound float64
	Above bool
	Per   time.Duration
	// Span is what the change is taken over, at least.
	Span time.Duration
}

const (
	memory     = 256 // changes, after which older ones fade, for what is usual
	leastUsual = 30  // changes that tell what is usual
)

// kept bounds the readings that are remembered over the span.
const kept = 16

// Method makes detectors of one rate.
type Method struct{ cfg Config }

// New returns the method with a setting.
func New(cfg Config) *Method { return &Method{cfg} }

// Name implements [detectors.Method].
func (*Method) Name() string { return "rate" }

// Version implements [detectors.Method].
func (*Method) Version() int { return Version }

// New implements [detectors.Method].
func (m *Method) New(metric string, _ detectors.MetricPlan) detectors.Detector {
	return &detector{cfg: &m.cfg, metric: metric}
}

type point struct {
	time  int64
	value float64
}

type detector struct {
	cfg    *Config
	metric string
	past   []point // oldest first
	faulty bool
	from   point // what the change is taken from
	now    point
	usual  float64 // mean size of the change in Per while it is allowed
	seen   uint64  // changes that the mean is of, at most memory
}

// Observe implements [detectors.Detector].
func (d *detector) Observe(in *detectors.Input) detectors.Verdict {
	span := max(1, d.cfg.Span.Milliseconds())
	d.now = point{in.Time, in.Value}
	if n := len(d.past); n > 0 && in.Time-d.past[n-1].time > 10*span {
		d.past, d.faulty = d.past[:0], false
	}
	// Keep one point that is old enough, and thin the others to what the memory holds.
	for len(d.past) > 1 && in.Time-d.past[1].time >= span {
		d.past = append(d.past[:0], d.past[1:]...)
	}
	if len(d.past) > 0 && in.Time-d.past[0].time >= span {
		change := (in.Value - d.past[0].value) * float64(d.cfg.Per.Milliseconds()) / float64(in.Time-d.past[0].time)
		beyond := change < d.cfg.Bound
		if d.cfg.Above {
			beyond = change > d.cfg.Bound
		}
		if beyond && !d.faulty {
			d.from = d.past[0]
		}
		d.faulty = beyond
		if !beyond {
			d.seen = min(d.seen+1, memory)
			d.usual += (math.Abs(change) - d.usual) / float64(d.seen)
		}
	}
	if n := len(d.past); n == 0 || n < kept && in.Time-d.past[n-1].time >= span/(kept-2) {
		d.past = append(d.past, d.now)
	}
	if d.faulty {
		return detectors.Faulty
	}
	return detectors.Healthy
}

// Explain implements [detectors.Detector].
func (d *detector) Explain() detectors.Evidence {
	per := float64(d.cfg.Per.Milliseconds())
	elapsed := float64(max(1, d.now.time-d.from.time))
	change := (d.now.value - d.from.value) * per / elapsed
	expected := d.from.value + d.cfg.Bound*elapsed/per
	key, size, limit := detectors.ReasonRateBelow, -change, -d.cfg.Bound
	s := detectors.Signal{Metric: d.metric, Actual: d.now.value, Expected: d.from.value, Share: 1, Low: &expected}
	if d.cfg.Above {
		key, size, limit = detectors.ReasonRateAbove, change, d.cfg.Bound
		s.Low, s.High = nil, &expected
	}
	params := map[string]string{
		"metric": d.metric, "rate": detectors.FormatNumber(size), "limit": detectors.FormatNumber(limit),
		"per": strconv.FormatInt(int64(d.cfg.Per.Seconds()), 10), "value": detectors.FormatNumber(d.now.value),
	}
	if d.seen >= leastUsual {
		params["usual"] = detectors.FormatRoughly(d.usual)
	}
	return detectors.Evidence{Onset: d.from.time, Signals: []detectors.Signal{s}, Reason: detectors.Reason{Key: key, Params: params}}
}

// AppendState implements [detectors.Detector].
func (d *detector) AppendState(dst []byte) []byte {
	dst = stat.AppendBool(dst, d.faulty)
	dst = stat.AppendUint(dst, uint64(len(d.past)))
	for _, p := range append([]point{d.from, d.now}, d.past...) {
		dst = stat.AppendFloat(stat.AppendInt(dst, p.time), p.value)
	}
	return stat.AppendUint(stat.AppendFloat(dst, d.usual), d.seen)
}

// RestoreState implements [detectors.Detector]. A state of before the usual change was kept ends with the readings.
func (d *detector) RestoreState(src []byte) error {
	r := stat.NewReader(src)
	d.faulty = r.Bool()
	n := r.Count(kept)
	d.from, d.now = point{r.Int(), r.Float()}, point{r.Int(), r.Float()}
	d.past = nil
	for range n {
		d.past = append(d.past, point{r.Int(), r.Float()})
	}
	d.usual, d.seen = 0, 0
	if len(r.Rest()) > 0 {
		d.usual, d.seen = r.Finite(), uint64(r.Count(memory))
	}
	return r.Done()
}
