package multivariate

import (
	"math"
	"slices"

	"github.com/presage-pdm/presage/detectors"
)

// Version of the method and its state.
const Version = 1

// The structure of the chart. These are the meaning of the method, not settings.
const (
	weight      = 0.1   // of the newest reading in the smoothed one
	follow      = 0.001 // of the distance that the centre follows in a row
	followOff   = 0.1   // share of that while the device is off
	settleRows  = 20    // first rows, 2/weight, that are not kept: the smoothed values are not smooth yet
	keptRows    = 128   // at most so many rows of the warm-up are kept
	fewReadings = 30    // readings in the warm-up below which a metric is not watched
	staleAfter  = 10    // usual intervals without a reading after which a metric takes no part
	mostMetrics = 64    // that are watched together
	farthest    = 1e6   // deviations; what is farther counts as this far
	leastMoving = 1e-12 // deviation over level below which a metric does not move: rounding of numbers
)

// Config is what an operator may set.
type Config struct {
	// WarmUp is how many first rows are taken as healthy, at least 60.
	WarmUp int
	// AlertRate is how many alerts in a row are aimed at, above 0 and below 1.
	AlertRate float64
	// Off is the share of the threshold below which a decision ends.
	Off float64
}

// DefaultConfig returns what is used where nothing is set.
func DefaultConfig() Config {
	return Config{WarmUp: 400, AlertRate: detectors.DefaultAlertRate / 1000, Off: 0.6}
}

// LeastWarmUp is the fewest rows that a chart is made from.
const LeastWarmUp = 60

// Method makes charts. It implements [detectors.JointMethod].
type Method struct{ cfg Config }

// New returns the method.
func New(cfg Config) *Method {
	cfg.WarmUp = max(cfg.WarmUp, LeastWarmUp)
	return &Method{cfg: cfg}
}

// Name implements [detectors.JointMethod].
func (*Method) Name() string { return "multivariate" }

// Version implements [detectors.JointMethod].
func (*Method) Version() int { return Version }

// New implements [detectors.JointMethod].
func (m *Method) New() detectors.Joint { return m.Chart() }

// Chart returns a chart that has seen nothing.
func (m *Method) Chart() *Chart { return &Chart{cfg: m.cfg, stride: 1} }

// Chart judges the metrics of one device together. It implements [detectors.Joint] and is used by one goroutine.
type Chart struct {
	cfg     Config
	metrics []*metric
	fresh   bool // something was read since the last row
	rows    int  // of the warm-up, until it has ended

	kept   []keptRow // rows of the warm-up
	stride int       // every so manieth row is kept

	base *baseline // nil during the warm-up

	statistic float64 // T² of the last row over the threshold
	on        bool
	component string  // that is decided to be off
	since     int64   // when the statistic left the quiet range, 0 while it is in it
	best      float64 // statistic of the last decision
	last      int64   // time of the last row
	out       []detectors.Decision
}

// keptRow is a row of the warm-up, by index of the metric; NaN where there was nothing.
type keptRow struct{ smooth, single []float64 }

// metric is one metric of a device.
type metric struct {
	name, component string
	n               int     // readings, counted up to fewReadings
	z, value        float64 // smoothed, and the last reading
	last            int64   // time of the last reading
	interval        float64 // usual time between readings, milliseconds
}

// Metric implements [detectors.Joint].
func (c *Chart) Metric(name, component string) int {
	if i := slices.IndexFunc(c.metrics, func(m *metric) bool { return m.name == name }); i >= 0 {
		c.metrics[i].component = component
		return i
	}
	c.metrics = append(c.metrics, &metric{name: name, component: component})
	return len(c.metrics) - 1
}

// Observe implements [detectors.Joint]. What the series expected is not used: the chart knows the level of each metric itself.
func (c *Chart) Observe(index int, time int64, value float64, _ detectors.Expectation) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return
	}
	m := c.metrics[index]
	if m.n == 0 {
		m.z = value
	} else {
		m.z += max(weight, 1/float64(m.n+1)) * (value - m.z)
		if dt := float64(time - m.last); dt > 0 {
			if m.interval == 0 {
				m.interval = dt
			}
			m.interval += weight * (min(dt, staleAfter*m.interval) - m.interval)
		}
	}
	if math.IsInf(m.z, 0) { // the difference of two readings near the largest number
		m.z = value
	}
	m.n = min(m.n+1, fewReadings)
	m.value, m.last = value, time
	c.fresh = true
}

// present reports whether a metric was read lately.
func (m *metric) present(time int64) bool {
	return m.n > 0 && (m.interval == 0 || float64(time-m.last) <= staleAfter*m.interval)
}

// Suspect implements [detectors.Joint]: while the device is off, its watched metrics are.
func (c *Chart) Suspect(index int) bool {
	return c.on && index < len(c.base.watched) && c.base.watched[index] >= 0
}

// Level returns the statistic of the last row over the threshold: 1 and more begins a decision. 0 during the warm-up.
func (c *Chart) Level() float64 { return c.statistic }

// newKeptRow returns a row of so many metrics without a value.
func newKeptRow(n int) keptRow {
	row := keptRow{smooth: make([]float64, n), single: make([]float64, n)}
	for i := range n {
		row.smooth[i], row.single[i] = math.NaN(), math.NaN()
	}
	return row
}

// learn takes a row of the warm-up, and ends it when it is the last.
func (c *Chart) learn(time int64) {
	if c.rows >= settleRows && c.rows%c.stride == 0 {
		row := newKeptRow(min(len(c.metrics), mostMetrics))
		for i := range row.smooth {
			if m := c.metrics[i]; m.present(time) {
				row.smooth[i], row.single[i] = m.z, m.value
			}
		}
		c.kept = append(c.kept, row)
	}
	if len(c.kept) == keptRows { // from here on every other one of them
		for i := range keptRows / 2 {
			c.kept[i] = c.kept[2*i]
		}
		c.kept = slices.Delete(c.kept, keptRows/2, keptRows)
		c.stride *= 2
	}
	if c.rows++; c.rows < c.cfg.WarmUp {
		return
	}
	enough := make([]bool, min(len(c.metrics), mostMetrics))
	for i := range enough {
		enough[i] = c.metrics[i].n >= fewReadings
	}
	c.base = newBaseline(c.kept, enough, c.cfg)
	c.kept = nil
}
