// Package stuck finds a sensor that reads exactly the same value for longer than it ever did.
//
// It assumes that the metric usually moves: at least one reading in five differed from the one before it, and thirty
// did. The run of equal readings must last a stated time, thirty readings, and twenty times the longest run seen so far, and must
// not stand at the smallest or largest value ever read, where healthy machines rest (speed 0, a full tank). It fails on sensors that
// freeze at such a value, and on coarse ones, which it does not judge. Costs 3 ns a reading and 120 bytes a metric.
package stuck

import (
	"math"
	"strconv"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/stat"
)

// Version of the method and its state.
const Version = 1

const (
	minRun     = 30   // equal readings in a row
	minChanges = 30   // changes seen before anything is judged
	movesShare = 0.2  // share of readings that differ from the one before
	formRun    = 10   // equal readings in a row from which it may be about to be stuck
	formFor    = 3    // times the stated time after which it is no longer about to be
	longest    = 20   // times the longest run so far
	memory     = 1e5  // readings after which older ones count half
	forgetRun  = 0.99 // of the longest run, per run: an old one fades over a hundred runs
)

// Config sets how long a value must stand still.
type Config struct{ For time.Duration }

// Method makes detectors of stuck sensors.
type Method struct{ cfg Config }

// New returns the method with a setting.
func New(cfg Config) *Method { return &Method{cfg} }

// Name implements [detectors.Method].
func (*Method) Name() string { return "stuck" }

// Version implements [detectors.Method].
func (*Method) Version() int { return Version }

// New implements [detectors.Method].
func (m *Method) New(metric string, _ detectors.MetricPlan) detectors.Detector {
	return &detector{cfg: &m.cfg, metric: metric}
}

type detector struct {
	cfg            *Config
	metric         string
	total, changes float64
	low, high      float64
	value          float64
	run, longest   float64 // readings
	since, last    int64
	faulty         bool
}

// Observe implements [detectors.Detector].
func (d *detector) Observe(in *detectors.Input) detectors.Verdict {
	switch {
	case d.total == 0:
		d.low, d.high, d.value, d.since = in.Value, in.Value, in.Value, in.Time
	case in.Value != d.value:
		d.changes++
		if d.faulty {
			d.run = 0 // what was wrong teaches nothing
		}
		d.longest = max(d.longest*forgetRun, d.run)
		d.run, d.value, d.since, d.faulty = 0, in.Value, in.Time, false
		d.low, d.high = min(d.low, in.Value), max(d.high, in.Value)
	}
	d.last = in.Time
	d.run++
	if !d.faulty {
		d.faulty = d.run >= minRun && d.run > longest*d.longest && d.judged() && in.Time-d.since >= d.cfg.For.Milliseconds()
	}
	if !d.faulty {
		if d.total++; d.total >= memory {
			d.total, d.changes = d.total/2, d.changes/2
		}
		return detectors.Healthy
	}
	return detectors.Faulty
}

// judged tells that the metric usually moves, and stands where it may be stuck.
func (d *detector) judged() bool {
	return d.changes >= minChanges && d.changes >= movesShare*(d.total-d.run) && d.value > d.low && d.value < d.high
}

// Forming implements [detectors.Forming]: the metric has stood still for longer than ever, but not yet for long enough.
func (d *detector) Forming() bool {
	return !d.faulty && d.run >= formRun && d.run > d.longest && d.judged() && d.last-d.since < formFor*d.cfg.For.Milliseconds()
}

// Explain implements [detectors.Detector].
func (d *detector) Explain() detectors.Evidence {
	low, high := d.low, d.high
	params := map[string]string{
		"metric": d.metric, "value": detectors.FormatNumber(d.value), "seconds": strconv.FormatInt((d.last-d.since)/1000, 10),
		"readings": strconv.FormatFloat(d.run, 'f', 0, 64),
	}
	if most := math.Ceil(d.longest); most >= 2 {
		params["most"] = detectors.FormatNumber(most)
		params["usual"] = strconv.FormatFloat(float64(d.last-d.since)/1000*(most-1)/max(1, d.run-1), 'f', 0, 64)
	}
	return detectors.Evidence{
		Onset:   d.since,
		Signals: []detectors.Signal{{Metric: d.metric, Actual: d.value, Expected: (low + high) / 2, Low: &low, High: &high, Share: 1}},
		Reason:  detectors.Reason{Key: detectors.ReasonStuck, Params: params},
	}
}

func (d *detector) floats() []*float64 {
	return []*float64{&d.total, &d.changes, &d.low, &d.high, &d.value, &d.run, &d.longest}
}

// AppendState implements [detectors.Detector].
func (d *detector) AppendState(dst []byte) []byte {
	for _, f := range d.floats() {
		dst = stat.AppendFloat(dst, *f)
	}
	return stat.AppendBool(stat.AppendInt(stat.AppendInt(dst, d.since), d.last), d.faulty)
}

// RestoreState implements [detectors.Detector].
func (d *detector) RestoreState(src []byte) error {
	r := stat.NewReader(src)
	r.Floats(d.floats()...)
	d.since, d.last, d.faulty = r.Int(), r.Int(), r.Bool()
	return r.Done()
}
