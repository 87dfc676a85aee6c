// Package changepoint finds the moment from which a metric has another level, however small the change, once enough readings speak for it.
//
// # What it detects
//
// A lasting change of the mean, up or down, by a stated number of standard deviations or more: the two-sided cumulative sum (CUSUM) of
// Page (1954), on what is left of each reading after the level and the first autocorrelation of the metric's own past were taken
// out. No test that errs as rarely finds a change of that size sooner in the worst case (Moustakides 1986). The onset is where the
// sum began to rise.
//
// # What it assumes
//
// Residuals of a first-order autoregression that are independent and normal. The alarm level h follows from how many readings may pass between two false
// alarms, by the approximation of Siegmund (1985) with the overshoot of 1.166. Residuals are cut at four standard deviations, so that
// outliers of heavy tails count as four. Residuals of a sensor that rounds coarsely are no normal ones: their standard deviation is at least that of the rounding.
//
// # How it fails
//
// It says nothing before 200 readings, and what is wrong by then is normal. Daily cycles and changes of operation are changes of level: put it on metrics that have
// neither. A longer memory than that of one reading makes false alarms more frequent than stated. A slow drift is learned as normal when it stays below half the
// stated change within the memory of 5,000 readings. What does not change at all is not judged.
//
// While a change holds one reading in ten is learned, so that what stays becomes normal in the end. Costs about 0.1 us a reading and 180 bytes a metric.
package changepoint

import (
	"math"
	"strconv"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/stat"
)

// Version of the method and its state.
const Version = 1

const (
	warmUp     = 200   // readings learned before anything is judged
	memory     = 5000  // readings after which older ones count half
	cut        = 4     // standard deviations that a residual counts at most
	overshoot  = 1.166 // of a sum of normal steps beyond its bound, twice 0.583 (Siegmund 1985)
	off        = 0.6   // share of the alarm level below which a change has passed
	most       = 1.5   // alarm levels that a sum reaches at most, so that a change that has passed ends soon
	learnEvery = 10    // of so many readings, one is learned while a change holds
	mostAuto   = 0.95  // autocorrelation that is taken out at most
)

// Config sets which changes are found and how often one that is none.
type Config struct {
	// Shift is the change of level to be found, in standard deviations of the residuals.
	Shift float64
	// Between is how many readings lie between two false alarms on average.
	Between float64
}

// DefaultConfig returns one standard deviation and ten million readings.
func DefaultConfig() Config { return Config{Shift: 1, Between: 1e7} }

// Method makes detectors of changes.
type Method struct {
	drift float64 // half the shift: what a residual must exceed to speak for a change
	level float64 // of the sum at which it is an alarm
}

// New returns the method with a setting. Shift must be above 0 and Between above 1.
func New(cfg Config) *Method {
	k := cfg.Shift / 2
	return &Method{drift: k, level: level(k, 2*cfg.Between)} // either side has half of the false alarms
}

// level returns the bound of a one-sided sum with reference value k that is reached once in so many readings (Siegmund 1985).
func level(k, between float64) float64 {
	low, high := 0.0, 1000/k
	for range 60 {
		b := (low + high) / 2
		if x := 2 * k * (b + overshoot); math.Expm1(x)-x < 2*k*k*between {
			low = b
		} else {
			high = b
		}
	}
	return low
}

// Name implements [detectors.Method].
func (*Method) Name() string { return "changepoint" }

// Symptomatic implements [detectors.Symptomatic].
func (*Method) Symptomatic() {}

// Version implements [detectors.Method].
func (*Method) Version() int { return Version }

// New implements [detectors.Method].
func (m *Method) New(metric string, _ detectors.MetricPlan) detectors.Detector {
	return &detector{method: m, metric: metric, step: math.Inf(1)}
}

type detector struct {
	method *Method
	metric string

	n, mean, m2, auto float64 // readings learned, their mean, squared deviations and those times the one before
	last              float64 // reading
	step              float64 // smallest change ever seen
	learned           uint8   // readings since one was learned, while a change holds
	seen              bool
	up, down          side
	faulty            bool
}

// side is the sum of what speaks for a change to one side.
type side struct {
	sum    float64
	since  int64   // when it began to rise
	count  float64 // readings since
	values float64 // sum of them
}

func (s *side) add(residual, bound float64, time int64, value float64) {
	if s.sum = min(s.sum+residual, bound); s.sum <= 0 {
		*s = side{}
		return
	}
	if s.count == 0 {
		s.since = time
	}
	s.count++
	s.values += value
}

// Observe implements [detectors.Detector].
func (d *detector) Observe(in *detectors.Input) detectors.Verdict {
	if math.IsNaN(in.Value) || math.IsInf(in.Value, 0) {
		return d.verdict()
	}
	if d.seen && in.Value != d.last {
		d.step = min(d.step, math.Abs(in.Value-d.last))
	}
	if d.n >= warmUp && !math.IsInf(d.step, 1) {
		d.judge(in.Time, in.Value)
	}
	d.learned++
	if !d.faulty || d.learned >= learnEvery {
		d.learn(in.Value)
	}
	d.last, d.seen = in.Value, true
	return d.verdict()
}

func (d *detector) verdict() detectors.Verdict {
	if d.faulty {
		return detectors.Faulty
	}
	return detectors.Healthy
}

// judge adds the residual of a reading to the sums.
func (d *detector) judge(time int64, value float64) {
	r := d.correlation()
	sd := max(math.Sqrt(d.m2/(d.n-1)*(1-r*r)), d.step/math.Sqrt(12))
	z := (value - d.mean - r*(d.last-d.mean)) / sd
	z = max(-cut, min(cut, z))
	bound := most * d.method.level
	d.up.add(z-d.method.drift, bound, time, value)
	d.down.add(-z-d.method.drift, bound, time, value)
	switch sum := max(d.up.sum, d.down.sum); {
	case sum >= d.method.level:
		d.faulty = true
	case sum < off*d.method.level:
		d.faulty = false
	}
}

func (d *detector) correlation() float64 {
	if d.m2 == 0 {
		return 0
	}
	return max(0, min(mostAuto, d.auto/d.m2))
}

func (d *detector) learn(value float64) {
	d.learned = 0
	if d.n >= memory {
		d.n, d.m2, d.auto = d.n/2, d.m2/2, d.auto/2
	}
	d.n++
	deviation := value - d.mean
	d.mean += deviation / d.n
	d.m2 += deviation * (value - d.mean)
	if d.seen {
		d.auto += (value - d.mean) * (d.last - d.mean)
	}
}

// Explain implements [detectors.Detector].
func (d *detector) Explain() detectors.Evidence {
	s, key := &d.up, detectors.ReasonChangeUp
	if d.down.sum > d.up.sum {
		s, key = &d.down, detectors.ReasonChangeDown
	}
	sd := math.Sqrt(d.m2 / max(1, d.n-1))
	low, high := d.mean-3*sd, d.mean+3*sd
	now := s.values / max(1, s.count)
	return detectors.Evidence{
		Onset:   s.since,
		Signals: []detectors.Signal{{Metric: d.metric, Actual: now, Expected: d.mean, Low: &low, High: &high, Share: 1}},
		Reason: detectors.Reason{Key: key, Params: map[string]string{
			"metric": d.metric, "value": detectors.FormatNumber(now), "expected": detectors.FormatNumber(d.mean), "count": strconv.FormatFloat(s.count, 'f', 0, 64),
		}},
	}
}

func (d *detector) floats() []*float64 {
	return []*float64{
		&d.n, &d.mean, &d.m2, &d.auto, &d.last, &d.step,
		&d.up.sum, &d.up.count, &d.up.values, &d.down.sum, &d.down.count, &d.down.values,
	}
}

// AppendState implements [detectors.Detector].
func (d *detector) AppendState(dst []byte) []byte {
	for _, f := range d.floats() {
		dst = stat.AppendFloat(dst, *f)
	}
	dst = stat.AppendInt(stat.AppendInt(dst, d.up.since), d.down.since)
	return stat.AppendBool(stat.AppendBool(append(dst, d.learned), d.seen), d.faulty)
}

// RestoreState implements [detectors.Detector].
func (d *detector) RestoreState(src []byte) error {
	r := stat.NewReader(src)
	r.Floats(d.floats()...)
	d.up.since, d.down.since, d.learned = r.Int(), r.Int(), r.Byte()
	d.seen, d.faulty = r.Bool(), r.Bool()
	return r.Done()
}
