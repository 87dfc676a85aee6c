// Package shift decides which components of a device behave unlike themselves: it looks for metrics
// that moved away from where their own past says they belong, and stayed there.
//
// # What it detects
//
// A change of level of one metric, or of a few, that persists over four blocks of readings: a flow that drops, a
// temperature that climbs, a current that rises. Every metric is cut into blocks of 20 readings. The mean of a block is
// compared with the means of earlier blocks by Student's t; so the yardstick is how much the metric wanders over blocks, not how
// noisy single readings are. All of the last four blocks must be improbable at the level of
// their component: the threshold, unless the engine sets another. What novelty says of a metric whose course is suspicious is added.
//
// # What it assumes, and how it is kept honest where that is not so
//
// Student's t assumes independent normal block means. Machines are not like that:
//   - Tails are heavier: the degrees of freedom are capped at 15, however long the past.
//   - Blocks resemble their neighbours. Either the t-test must hold with the effective number of
//     blocks n(1-r)/(1+r) (Bayley & Hammersley 1946, for an autoregressive series; r is the first autocorrelation with Kendall's (1954)
//     correction for bias), or the change must be abrupt: unusual, too, against earlier changes over the same lag.
//   - Signals rest at a bound: a metric that has read its smallest or its largest value ever in more than a tenth of its
//     readings (a valve that is shut, a car that stands, a switch) is not judged, nor one that hardly ever changes.
//   - Machines change operation: when a third of the metrics that move, and at least four, are off together, the device does
//     something new rather than something wrong. Nothing is decided until that has passed.
//   - Devices change how often they report: a block that came much faster than those of the past is judged as one reading, because what wanders
//     within a long block moves a short one as a whole.
//
// # How it fails
//
// A fault within the first 200 readings is learned as normal. A change shorter than four blocks is not seen, nor one that the metric
// has often made before; a slow drift is seen only when it leaves the range of a long past. An
// operation never seen that moves few metrics looks like a fault.
//
// While a component is decided to be off, only every tenth block is learned, so that what stays becomes normal in the end.
//
// # Cost
//
// A few nanoseconds a reading, about 1.5 us a block (75 ns a reading); about 450 bytes a metric, 180 before its
// first block has ended.
package shift

import (
	"math"
	"slices"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/stat"
)

// Version of the method and its state.
const Version = 1

// The structure of the test. These are the meaning of the method, not settings; neighbouring values give the same results
// on the pump and car recordings of the catalogue's acceptance test.
const (
	blockLen     = 20   // readings in a block
	persist      = 4    // blocks in a row that must be improbable; also how many stay out of the baseline
	minBlocks    = 10   // blocks learned before anything is judged
	maxBlocks    = 1000 // blocks after which older ones count half
	maxFreedom   = 15   // degrees of freedom
	restShare    = 0.1  // share of readings at the smallest or largest value from which a metric is at rest
	movedAt      = 2.0  // -log10 p from which a block counts as moved
	abruptAt     = 3.0  // -log10 p of a change over the lag from which it is abrupt
	regimeMin    = 4    // metrics that move together at a change of operation
	quietToEnd   = 2    // quiet blocks that end a decision
	learnEvery   = 10   // of so many blocks, one is learned while a decision holds
	refractory   = 4    // blocks of a metric after its decision ended before it can decide again
	usualNovelty = 4.5  // novelty of a metric up to which it adds nothing to its surprise: from there on its course is suspicious
	mostNovelty  = 1.0  // that it adds at most: the rest must come from the level of the metric
	maxGap       = 50   // usual intervals without a reading after which a block starts afresh; after ten blocks' worth, what was suspected too
)

// Config is what an operator may set.
type Config struct {
	// Threshold is -log10 of the p-value that each of four blocks in a row must reach.
	Threshold float64
	// Off is the share of Threshold below which a decision ends.
	Off float64
}

// DefaultConfig returns a threshold of 4, four blocks in a row that are each less likely than one in ten thousand, which gave no ticket in 21
// hours of healthy driving with 27 metrics, and the hysteresis 1.0/0.6.
func DefaultConfig() Config { return Config{Threshold: 4, Off: 0.6} }

// Method makes judges of devices.
type Method struct{ cfg Config }

// New returns the method with a setting.
func New(cfg Config) *Method { return &Method{cfg} }

// Name implements [detectors.JointMethod].
func (*Method) Name() string { return "shift" }

// Version implements [detectors.JointMethod].
func (*Method) Version() int { return Version }

// New implements [detectors.JointMethod].
func (m *Method) New() detectors.Joint { return &judge{cfg: m.cfg} }

// judge is the state of one device.
type judge struct {
	cfg     Config
	metrics []*metric
	comps   []component
	due     bool // a block ended since the last decision
	news    bool // one had ended when the last decision was taken
	out     []detectors.Decision
	cohort  *shared // nil when the device is alone; no part of the state
	sound   func() bool
}

// component is a part of the device that is decided on as one.
type component struct {
	name    string
	active  bool
	onset   int64
	best    float64 // largest surprise told
	members int     // most metrics told
	level   float64 // sum from which it is off, 0 for that of the config; no part of the state
	judged  bool    // by the last Decide
	young   bool    // that judged a metric with too short a past
	sum     float64 // that it found
}

// metric is the state of one metric.
type metric struct {
	name    string
	comp    int32
	count   int32 // readings of the block under way
	profile int32 // cycle whose season is taken out

	// The block under way.
	sum, season float64
	scatter     float64 // squared deviations of its readings from their mean
	start, last int64
	interval    float64 // usual milliseconds between readings
	value       float64 // last reading

	// How the metric moves: range, readings at its ends, smallest step, changes.
	low, high                    float64
	atLow, atHigh, total, change float64
	step                         float64

	*past // nil before the first block has ended
}

// past is what the blocks of a metric that have ended left. It is made when the first one ends: most metrics of a fleet
// that has just come have fewer readings than that.
type past struct {
	// The baseline: block means older than the newest persist ones.
	n, mean, m2, auto, prev float64
	changeSq, changeN       float64          // squared changes over persist-1 blocks
	within                  float64          // variance of readings within a block
	pace                    float64          // ln of the time that a block takes, in ms
	paced                   float64          // blocks behind within and pace
	prior                   float64          // variance of block means that was known before any was learned, 0 for none
	sd                      float64          // standard deviation that the last block was judged by
	recent                  [persist]float64 // block means that are not in the baseline yet, oldest first
	changes                 [persist]float64 // and their changes over persist-1 blocks; NaN where unknown

	// The run of improbable blocks, newest last.
	run    [persist]float64
	starts [persist]int64
	ref    float64 // level shortly before the blocks that are off
	side   float64

	surprise   float64 // of the last block; 0 when it must not be judged
	block      float64 // mean of the last block
	blockShare float64 // mean season of the last block

	queued  uint8 // of recent
	runLen  uint8
	learned uint8   // blocks offered to the baseline, modulo learnEvery
	abrupt  bool    // the blocks that are off began with an unusual change
	fresh   bool    // the last block was not decided on yet
	held    bool    // part of the decision on its component
	joined  bool    // it became so in the decision under way
	novelty float32 // that adds to the surprise of the last block, 0 once that was decided on; no part of the state
	moved   int32   // blocks in a row that are off to one side, judged or not
	quiet   int32
	wait    int32 // blocks until it can decide again
}

func newMetric(name string, comp int32) *metric {
	return &metric{name: name, comp: comp, step: math.Inf(1)}
}

// judged yields the metrics of which a block has ended: nothing is known of the others.
func (j *judge) judged(yield func(*metric) bool) {
	for _, m := range j.metrics {
		if m.past != nil && !yield(m) {
			return
		}
	}
}

// Metric implements [detectors.Joint].
func (j *judge) Metric(name, comp string) int {
	for i, m := range j.metrics {
		if m.name == name {
			m.comp = j.component(comp)
			return i
		}
	}
	j.metrics = append(j.metrics, newMetric(name, j.component(comp)))
	return len(j.metrics) - 1
}

func (j *judge) component(name string) int32 {
	for i := range j.comps {
		if j.comps[i].name == name {
			return int32(i)
		}
	}
	j.comps = append(j.comps, component{name: name})
	return int32(len(j.comps) - 1)
}

// Suspect implements [detectors.Joint].
func (j *judge) Suspect(index int) bool {
	m := j.metrics[index]
	return m.past != nil && (m.held || m.surprise >= j.cfg.Off*j.cfg.Threshold)
}

// Observe implements [detectors.Joint].
func (j *judge) Observe(index int, time int64, value float64, e detectors.Expectation) {
	m := j.metrics[index]
	if profile := int32(e.Profile); profile != m.profile {
		m.restart(m.profile > 0)
		m.profile = profile
	}
	m.shape(value)
	if m.total > 1 {
		dt := float64(time - m.last)
		if m.interval > 0 && dt > maxGap*m.interval {
			m.begin()
			if m.past != nil && dt > minBlocks*blockLen*m.interval {
				m.runLen, m.surprise, m.moved, m.abrupt = 0, 0, 0, false
			}
		} else {
			m.interval += (dt - m.interval) / min(m.total-1, 50)
		}
	}
	m.last, m.value = time, value
	if m.count == 0 {
		m.start = time
	}
	m.add(value-e.Season, e.Season)
	if m.count < blockLen {
		return
	}
	if m.past == nil {
		m.past = new(past)
	}
	m.novelty = float32(max(0, min(e.Novelty-usualNovelty, mostNovelty)))
	j.ask(m)
	m.judge(m.sum/blockLen, min(j.cfg.Threshold, j.levelOf(&j.comps[m.comp]))-float64(m.novelty))
	m.blockShare = m.season / blockLen
	if m.learn() {
		j.teach(m)
	}
	m.begin()
	m.fresh, j.due = true, true
}

// restart forgets the baseline: what is left of readings without their season means something else from now on. How much that varied
// remains the prior of how much it will, unless it had the whole season in it.
func (m *metric) restart(seasonal bool) {
	m.begin()
	if m.past == nil {
		return
	}
	m.recall(seasonal)
	m.n, m.mean, m.m2, m.auto, m.prev = 0, 0, 0, 0, 0
	m.changeSq, m.changeN = 0, 0
	m.queued = 0
	m.runLen, m.moved, m.abrupt, m.surprise = 0, 0, false, 0
}

// shape learns how the metric moves.
func (m *metric) shape(v float64) {
	if m.total == 0 {
		m.low, m.high = v, v
	} else if d := math.Abs(v - m.value); d > 0 {
		m.change++
		m.step = min(m.step, max(d, 1e-9*math.Abs(v)))
	}
	if v < m.low {
		m.low, m.atLow = v, 0
	}
	if v > m.high {
		m.high, m.atHigh = v, 0
	}
	if v == m.low {
		m.atLow++
	}
	if v == m.high {
		m.atHigh++
	}
	if m.total++; m.total >= maxBlocks*blockLen {
		m.total, m.atLow, m.atHigh, m.change = m.total/2, m.atLow/2, m.atHigh/2, m.change/2
	}
}

// judge compares a block mean with the baseline.
func (m *metric) judge(mean, threshold float64) {
	m.block = mean
	m.surprise = 0
	if m.n < minBlocks || m.change == 0 {
		m.moved, m.runLen = 0, 0
		return
	}
	m.sd = m.deviation()
	t := func(n float64) float64 { return (mean - m.mean) / (m.sd * math.Sqrt(1+1/n)) }
	side := t(m.n)
	s := stat.StudentSurprise(side, min(maxFreedom, m.n-1))
	if side*m.side < 0 {
		m.moved, m.runLen = 0, 0
	}
	m.side = side
	m.move(mean, s >= movedAt)
	if m.change < min(m.n, m.total/blockLen) || max(m.atLow, m.atHigh) > restShare*m.total {
		s = 0
	}
	if s >= movedAt && !m.abrupt { // less cannot decide: spare the work
		n := m.independent()
		if stat.StudentSurprise(t(n), min(maxFreedom, n-1)) < threshold {
			s = 0
		}
	}
	m.surprise = s
	if s == 0 {
		m.runLen = 0
		return
	}
	if m.runLen == persist {
		copy(m.run[:], m.run[1:])
		copy(m.starts[:], m.starts[1:])
		m.runLen--
	}
	m.run[m.runLen], m.starts[m.runLen] = s, m.start
	m.runLen++
}

// independent returns the effective number of independent blocks in the baseline, at least 2.
func (m *metric) independent() float64 {
	r := 0.0
	if m.m2 > 0 {
		r = m.auto / m.m2
	}
	r += (1 + 3*r) / m.n
	r = min(0.95, max(0, r))
	return max(2, m.n*(1-r)/(1+r))
}

// move follows the blocks in a row that are off to one side and finds out whether they began abruptly: whether
// the change since shortly before the first of them is unusual for this metric over so few blocks.
func (m *metric) move(mean float64, off bool) {
	if !off {
		m.moved, m.abrupt = 0, false
		return
	}
	if m.moved == 0 {
		m.abrupt = false
		m.ref = m.mean
		if m.queued == persist {
			m.ref = m.recent[1]
		}
	}
	if m.moved++; m.moved > persist || m.abrupt || m.changeN == 0 {
		return
	}
	sd := math.Sqrt(m.changeSq / m.changeN)
	if sd == 0 {
		sd = m.step / math.Sqrt(12)
	}
	m.abrupt = stat.StudentSurprise((mean-m.ref)/sd, max(1, m.changeN/persist)) >= abruptAt
}

// learn moves the block into the queue and the one that leaves it into the baseline, and tells whether one did.
func (m *metric) learn() bool {
	change := math.NaN()
	if m.queued == persist {
		change = m.block - m.recent[1]
	}
	if m.queued < persist {
		m.recent[m.queued], m.changes[m.queued] = m.block, change
		m.queued++
		return false
	}
	x, d := m.recent[0], m.changes[0]
	copy(m.recent[:], m.recent[1:])
	copy(m.changes[:], m.changes[1:])
	m.recent[persist-1], m.changes[persist-1] = m.block, change
	if m.learned = (m.learned + 1) % learnEvery; m.held && m.learned != 0 {
		return false
	}
	if m.n >= maxBlocks {
		m.n, m.m2, m.auto = m.n/2, m.m2/2, m.auto/2
		m.changeN, m.changeSq = m.changeN/2, m.changeSq/2
	}
	m.n++
	off := x - m.mean
	m.mean += off / m.n
	m.m2 += off * (x - m.mean)
	if m.n > 1 {
		m.auto += (x - m.mean) * (m.prev - m.mean)
	}
	m.prev = x
	m.pacing()
	if d == d {
		m.changeSq += d * d
		m.changeN++
	}
	return true
}

// combined returns the least surprise of the last persist blocks and what novelty adds to it. Novelty alone is no reason.
func (m *metric) combined() float64 {
	s := m.level()
	if s >= movedAt {
		s += float64(m.novelty)
	}
	return s
}

// level returns the least surprise of the last persist blocks, 0 while there are fewer.
func (m *metric) level() float64 {
	if m.runLen < persist {
		return 0
	}
	return slices.Min(m.run[:])
}
