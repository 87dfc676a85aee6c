package residual

import (
	"math"
	"strconv"

	"github.com/presage-pdm/presage/detectors"
)

// The structure of the chart.
const (
	blockLen   = 20   // readings in a block
	smooth     = 6    // newest blocks whose mean is judged
	chapterLen = 30   // blocks after which a healthy device teaches
	memorySelf = 500  // blocks after which the offset of a device follows
	leastLevel = 4    // deviations that are never exceeded by chance alone
	gumbel     = 4.93 // deviations above its mean that a Gumbel variable exceeds once in 1000
	off        = 0.6  // share of the level below which a decision ends
	hits       = 3    // blocks in a row in which the mean exceeds the level before it is decided
	learnEvery = 10   // of so many blocks, one counts for the offset while a decision holds
	maxGap     = 20   // usual intervals after which a block and the slow means begin afresh
)

// detector judges one metric of one device. It implements [detectors.Member].
type detector struct {
	method *Method
	shared *shared

	// The block under way.
	count       int
	start, last int64
	interval    float64 // usual milliseconds between readings
	sums        []float64
	slow        []float64 // slow means of each given metric and of its square
	vector      []float64 // scratch

	// The residuals of the device: the newest, oldest first, and its usual one before.
	recent  [smooth]float64
	levels  [smooth]float64 // what was expected
	starts  [smooth]int64
	queued  int
	n, mean float64
	skipped int // blocks since one counted while a decision holds

	chapter chapter
	taught  float64 // chapters
	hits    int
	judged  bool // a chapter with residuals was taught

	faulty           bool
	onset            int64
	actual, expected float64 // means of the newest blocks
	band             float64 // to either side of expected
	teachers         float64 // devices that had taught
}

// chapter is what a device will teach if it stays healthy.
type chapter struct {
	moments          moments
	blocks           int
	n, sum, sq       float64
	lagged, previous float64
	chained          bool // previous is of the block before
	classN, classSq  [ageClasses]float64
	fleetN, fleetSq  float64
	peak             [views]float64
	spoilt           bool // something was wrong
	firstJudged      bool
}

// Join implements [detectors.Member].
func (d *detector) Join(s detectors.Shared) {
	next := s.(*shared)
	if d.shared != nil && d.shared != next {
		*d = *d.method.New("", noPlan).(*detector)
	}
	d.shared = next
}

// Observe implements [detectors.Detector].
func (d *detector) Observe(in *detectors.Input) detectors.Verdict {
	if in.Kind == detectors.MomentInput && d.shared != nil {
		d.read(in)
	}
	if d.faulty {
		return detectors.Faulty
	}
	return detectors.Healthy
}

// read takes a reading of the target, if there is one, and the values of the given metrics.
func (d *detector) read(in *detectors.Input) {
	cfg := &d.method.cfg
	y, at, ok := in.Latest(cfg.On)
	if !ok || at != in.Time || !usable(y) {
		return
	}
	given := len(cfg.Given)
	if d.sums == nil {
		d.allocate()
	}
	s := d.shared
	for i, name := range cfg.Given {
		v, at, ok := in.Latest(name)
		if !ok || in.Time-at > cfg.MaxAge.Milliseconds() || !usable(v) {
			return
		}
		d.vector[i] = v
	}
	if !s.known {
		s.known = true
		copy(s.origin, d.vector[:given])
		s.origin[given] = y
	}
	dt := float64(in.Time - d.last)
	fresh := d.last == 0 || d.interval > 0 && dt > maxGap*d.interval
	if d.last != 0 && !fresh {
		if d.interval == 0 {
			d.interval = dt
		}
		d.interval += 0.05 * (dt - d.interval)
	}
	d.last = in.Time
	if fresh {
		d.count = 0
		clear(d.sums)
		d.queued, d.chapter.chained = 0, false
	}
	if d.count == 0 {
		d.start = in.Time
	}
	lag := float64(cfg.Lag.Milliseconds())
	share := 1 - math.Exp(-dt/lag)
	for i := range given {
		x := d.vector[i] - s.origin[i]
		if fresh {
			d.slow[2*i], d.slow[2*i+1] = x, x*x
		} else {
			d.slow[2*i] += share * (x - d.slow[2*i])
			d.slow[2*i+1] += share * (x*x - d.slow[2*i+1])
		}
		d.sums[4*i] += x
		d.sums[4*i+1] += x * x
		d.sums[4*i+2] += d.slow[2*i]
		d.sums[4*i+3] += d.slow[2*i+1]
	}
	d.sums[4*given] += y - s.origin[given]
	if d.count++; d.count == blockLen {
		for i := range d.sums {
			d.vector[i] = d.sums[i] / blockLen
		}
		d.count = 0
		clear(d.sums)
		d.block(in)
	}
}

// allocate makes room for what is kept once there is something to judge.
func (d *detector) allocate() {
	width := features(len(d.method.cfg.Given)) + 1
	d.sums, d.vector = make([]float64, width), make([]float64, width)
	d.slow = make([]float64, 2*len(d.method.cfg.Given))
	d.chapter.moments = newMoments(width)
}

// usable tells that the square of the square of a reading is a number.
func usable(v float64) bool { return math.Abs(v) <= 1e60 }

// block takes the means of a block, which are in vector.
func (d *detector) block(in *detectors.Input) {
	c := &d.chapter
	p := len(d.vector) - 1
	expected, widen, ok := d.shared.expect(d.vector[:p])
	if ok {
		d.judge(d.vector[p]-expected, expected, widen)
	}
	if d.faulty || in.Sound != nil && !in.Sound() {
		c.spoilt = true
	}
	c.moments.add(d.vector)
	if c.blocks++; c.blocks >= chapterLen {
		d.teach()
	}
}

// judge adds a residual to the chart.
func (d *detector) judge(residual, expected, widen float64) {
	c, s := &d.chapter, d.shared
	c.n++
	c.sum += residual
	c.sq += residual * residual
	if c.chained {
		c.lagged += residual * c.previous
	}
	c.previous, c.chained = residual, true
	if d.queued == smooth {
		d.absorb(d.recent[0])
		copy(d.recent[:], d.recent[1:])
		copy(d.levels[:], d.levels[1:])
		copy(d.starts[:], d.starts[1:])
		d.queued--
	}
	d.recent[d.queued], d.levels[d.queued], d.starts[d.queued] = residual, expected+s.origin[len(s.origin)-1], d.start
	if d.queued++; d.queued < smooth {
		return
	}
	mean, level := 0.0, 0.0
	for i, r := range d.recent {
		mean, level = mean+r/smooth, level+d.levels[i]/smooth
	}
	own := 0.0
	if d.n > 0 {
		own = d.mean * d.n / (d.n + s.strength())
	}
	reached, view, band := d.compare([views]float64{ofFleet: mean / widen, ofSelf: (mean - own) / widen})
	d.settle(reached)
	if d.faulty {
		d.actual, d.expected, d.band, d.teachers = level+mean, level, band*widen, s.devices
		if view == ofSelf {
			d.expected += own
		}
	}
}

// compare notes how far the smoothed residual is from nothing in each view, and returns the largest of these over its level, and that level.
func (d *detector) compare(at [views]float64) (reached float64, view int, band float64) {
	c, s := &d.chapter, d.shared
	age := class(d.n)
	c.fleetN++
	c.fleetSq += at[ofFleet] * at[ofFleet]
	c.classN[age]++
	c.classSq[age] += at[ofSelf] * at[ofSelf]
	for v, x := range at {
		sd := s.deviation(v, d.n)
		if math.IsInf(sd, 1) || sd == 0 {
			continue
		}
		z := math.Abs(x) / sd
		c.peak[v] = max(c.peak[v], z)
		if !s.ready() {
			continue
		}
		if level := s.level(v); z/level >= reached {
			reached, view, band = z/level, v, sd*level
		}
	}
	return reached, view, band
}

// settle applies several hits and hysteresis to how much of the level was reached.
func (d *detector) settle(reached float64) {
	if d.faulty {
		d.faulty = reached >= off
		return
	}
	if reached < 1 {
		d.hits = 0
		return
	}
	if d.hits++; d.hits == hits {
		d.hits, d.faulty, d.onset = 0, true, d.starts[0]
	}
}

// absorb makes a residual count for the offset of the device.
func (d *detector) absorb(residual float64) {
	if d.skipped++; d.faulty && d.skipped < learnEvery {
		return
	}
	d.skipped = 0
	d.n = min(d.n+1, memorySelf)
	d.mean += (residual - d.mean) / d.n
}

// teach ends a chapter.
func (d *detector) teach() {
	c := &d.chapter
	if !c.spoilt {
		c.firstJudged = c.n > 0 && !d.judged
		d.judged = d.judged || c.n > 0
		d.shared.learn(c, taughtHalf/(taughtHalf+d.taught), d.taught == 0)
		d.taught++
	}
	m := c.moments
	m.reset()
	*c = chapter{moments: m, previous: c.previous, chained: c.chained}
}

// Explain implements [detectors.Detector].
func (d *detector) Explain() detectors.Evidence {
	key := detectors.ReasonContextAbove
	if d.actual < d.expected {
		key = detectors.ReasonContextBelow
	}
	low, high := d.expected-d.band, d.expected+d.band
	on := d.method.cfg.On
	return detectors.Evidence{
		Onset:   d.onset,
		Signals: []detectors.Signal{{Metric: on, Actual: d.actual, Expected: d.expected, Low: &low, High: &high, Share: 1}},
		Reason: detectors.Reason{Key: key, Params: map[string]string{
			"metric": on, "value": detectors.FormatNumber(d.actual), "expected": detectors.FormatNumber(d.expected),
			"seconds": strconv.FormatInt((d.last-d.onset)/1000, 10), "devices": strconv.FormatFloat(d.teachers, 'f', 0, 64),
		}},
	}
}
