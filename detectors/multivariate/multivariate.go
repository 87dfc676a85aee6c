package multivariate

import (
	"math"
	"slices"

	"github.com/presage-pdm/presage/detectors"
)

// Version of the method and its state.
const Version = 2

// The structure of the chart. These are the meaning of the method, not settings.
const (
	weight      = 0.05  // of the newest reading in the smoothed one
	follow      = 0.001 // of the distance that centre and spread follow in a row
	followOff   = 0.1   // share of that while the device is off
	mostSpread  = 16    // squares of deviations that widen the spread count at most so much
	settleRows  = 40    // first rows, 2/weight, that are not kept: the smoothed values are not smooth yet
	keptRows    = 128   // at most so many rows of a warm-up are kept
	fewReadings = 30    // up to which readings of a metric are counted
	fewChanges  = 30    // in a warm-up below which a metric is not watched
	staleAfter  = 10    // usual intervals without a reading after which a metric takes no part
	mostMetrics = 64    // that are watched together
	mostRegimes = 4     // that are known at a time
	demandReach = 3     // deviations that a metric which drives the machine may be from the centre of a regime
	farthest    = 1e6   // deviations; what is farther counts as this far
	leastMoving = 1e-12 // deviation over level below which a metric does not move: rounding of numbers
)

// Config is what an operator may set.
type Config struct {
	// WarmUp is how many first rows, of the device and of every other regime, are taken as healthy, at least 60.
	WarmUp int
	// AlertRate is how many alerts in a row are aimed at, above 0 and below 1.
	AlertRate float64
	// Off is the share of the threshold below which a decision ends.
	Off float64
	// Drives tells of a metric whether it drives the machine, so that another range of it is another operating regime. Nil is [DrivesByName].
	Drives func(metric string) bool
}

// logRate returns the logarithm of the alert rate to base 10, below 0.
func (c Config) logRate() float64 { return math.Log10(c.AlertRate) }

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
	if cfg.Drives == nil {
		cfg.Drives = DrivesByName
	}
	return &Method{cfg: cfg}
}

// Name implements [detectors.JointMethod].
func (*Method) Name() string { return "multivariate" }

// Version implements [detectors.JointMethod].
func (*Method) Version() int { return Version }

// New implements [detectors.JointMethod].
func (m *Method) New() detectors.Joint { return m.Chart() }

// Chart returns a chart that has seen nothing.
func (m *Method) Chart() *Chart { return &Chart{cfg: m.cfg} }

// Chart judges the metrics of one device together. It implements [detectors.Joint] and is used by one goroutine.
type Chart struct {
	cfg     Config
	metrics []*metric
	fresh   bool // something was read since the last row

	warmUp  warmUp      // of the first regime or of one that is not known yet
	regimes []*baseline // none during the first warm-up
	base    *baseline   // the regime of the last row that had one
	strange int         // rows that had none since the last that had one, counted up to 2 settleRows

	statistic float64 // T² of the last row over the threshold
	on        bool
	component string  // that is decided to be off
	since     int64   // when the statistic left the quiet range, 0 while it is in it
	best      float64 // statistic of the last decision
	last      int64   // time of the last row
	out       []detectors.Decision
}

// metric is one metric of a device.
type metric struct {
	name, component string
	n               int     // readings, counted up to fewReadings
	z, value        float64 // smoothed, and the last reading
	last            int64   // time of the last reading
	interval        float64 // usual time between readings, milliseconds
	changed         bool    // since the last row another value was read
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
	m.changed = m.changed || m.n > 0 && value != m.value
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

// smoothed returns the smoothed value, NaN if the metric was not read lately.
func (m *metric) smoothed(time int64) float64 {
	if m.present(time) {
		return m.z
	}
	return math.NaN()
}

// Suspect implements [detectors.Joint]: while the device is off, its watched metrics are.
func (c *Chart) Suspect(index int) bool {
	return c.on && index < len(c.base.watched) && c.base.watched[index] >= 0
}

// Level returns the statistic of the last row over the threshold: 1 and more begins a decision. 0 during a warm-up.
func (c *Chart) Level() float64 { return c.statistic }
