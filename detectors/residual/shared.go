package residual

import (
	"math"
)

// The structure of what is shared. These are the meaning of the method, not settings.
const (
	leastDevices  = 3       // that taught before anything is expected
	judgeDevices  = 8       // whose residuals are known before anything is judged
	judgeChapters = 12      // the same, of chapters
	memoryBlocks  = 100_000 // blocks after which older ones count half
	memoryStats   = 5000    // chapters after which older residuals count half
	ageClasses    = 6       // ages of a device with a yardstick of their own
	fewDevices    = 4       // Student's t of d degrees of freedom exceeds the normal deviate of one in 2000 by the factor 1 + 4/d, about
	taughtHalf    = 8       // chapters of one device after which its next one counts half
)

// views of a residual: against what the cohort expects, and against the usual residual of the device.
const (
	ofFleet = iota
	ofSelf
	views
)

// shared is what the devices of a cohort have taught. It implements [detectors.Shared].
type shared struct {
	known    bool
	origin   []float64 // first values of the metrics and of the target: squares are of the distance to them
	moments  moments
	devices  float64 // that taught
	residual stats
	line     *line // of moments, nil until it is needed
	scratch  []float64
}

// stats is how the residuals of healthy devices ran.
type stats struct {
	devices, chapters float64
	between           float64             // sum over chapters of squared mean residuals
	blocks            float64             // counted in within
	within, lagged    float64             // sums of squared residuals around the means of chapters, and of products with the one before
	n, sq             [ageClasses]float64 // of the smoothed residual without the offset, by age of the device
	fleetN, fleetSq   float64             // of the smoothed residual itself
	peakN             [views]float64      // chapters with a peak
	peak, peakSq      [views]float64      // mean and squared deviations of the peaks of chapters, in logarithms
}

func newShared(given int) *shared {
	p := features(given)
	return &shared{origin: make([]float64, given+1), moments: newMoments(p + 1), scratch: make([]float64, p)}
}

// expect returns what the target should be, and the factor by which less is known there than usual; ok is false until enough have taught.
func (s *shared) expect(features []float64) (value, widen float64, ok bool) {
	if s.devices < leastDevices || s.moments.n < 2*float64(len(features)) {
		return 0, 0, false
	}
	if s.line == nil {
		s.line = s.moments.solve()
	}
	value, far := s.line.expect(&s.moments, features, s.scratch)
	return value, math.Sqrt(1 + far/s.devices), true
}

// ready tells that enough is known to judge.
func (s *shared) ready() bool {
	return s.residual.devices >= judgeDevices && s.residual.chapters >= judgeChapters && s.residual.peakN[ofSelf] >= judgeDevices
}

// class returns the yardstick for a device of an age in blocks.
func class(age float64) int {
	return min(ageClasses-1, int(math.Log2(age/8+1)))
}

// leastDeviation keeps what never erred from being judged by the last bit.
func (s *shared) leastDeviation() float64 {
	p := len(s.moments.mean) - 1
	if s.moments.n == 0 {
		return 0
	}
	return 1e-3*math.Sqrt(s.moments.co[p*(p+1)/2+p]/s.moments.n) + 1e-9*math.Abs(s.moments.mean[p])
}

// deviation returns the yardstick of a view for a device of an age.
func (s *shared) deviation(view int, age float64) float64 {
	r := &s.residual
	if r.fleetN == 0 {
		return math.Inf(1)
	}
	v := r.fleetSq / r.fleetN
	if view == ofSelf {
		c := class(age)
		const doubt = 50 // readings of the yardstick of all ages that count along
		sum, n := 0.0, 0.0
		for i := range ageClasses {
			sum, n = sum+r.sq[i], n+r.n[i]
		}
		if n == 0 {
			return math.Inf(1)
		}
		v = (r.sq[c] + doubt*sum/n) / (r.n[c] + doubt)
	}
	return max(math.Sqrt(v), s.leastDeviation())
}

// strength returns how many blocks of its own a device needs to count as much as its cohort does: the ratio of the variance of a block, taken with
// the dependence on the one before, to that between devices.
func (s *shared) strength() float64 {
	r := &s.residual
	if r.between == 0 || r.blocks == 0 || r.chapters == 0 {
		return math.Inf(1)
	}
	rho := max(0, min(0.95, r.lagged/max(r.within, math.SmallestNonzeroFloat64)))
	return r.within / r.blocks * (1 + rho) / (1 - rho) / (r.between / r.chapters)
}

// level returns the bound of a view: what the peak of a healthy chapter exceeds once in rarity, if the logarithms of peaks follow Gumbel's law.
func (s *shared) level(view int) float64 {
	r := &s.residual
	sd := math.Sqrt(r.peakSq[view] / max(1, r.peakN[view]-1))
	return max(leastLevel, r.peak[view]+gumbel*sd) * (1 + fewDevices/max(1, r.devices))
}

// learn takes a chapter of a healthy device that counts with a weight; first tells that it is the first of its device.
func (s *shared) learn(c *chapter, weight float64, first bool) {
	if first {
		s.devices++
	}
	if s.moments.n > memoryBlocks {
		s.moments.scale(0.5)
	}
	s.moments.merge(&c.moments, weight)
	s.line = nil
	if c.n == 0 {
		return
	}
	r := &s.residual
	if r.chapters > memoryStats {
		r.halve()
	}
	if c.firstJudged {
		r.devices++
	}
	r.chapters += weight
	mean := c.sum / c.n
	r.between += weight * mean * mean
	r.blocks += weight * c.n
	r.within += weight * max(0, c.sq-c.n*mean*mean)
	r.lagged += weight * (c.lagged - c.n*mean*mean)
	for i := range ageClasses {
		r.n[i] += weight * c.classN[i]
		r.sq[i] += weight * c.classSq[i]
	}
	r.fleetN += weight * c.fleetN
	r.fleetSq += weight * c.fleetSq
	for v := range views {
		if c.peak[v] > 0 {
			x := c.peak[v]
			r.peakN[v]++
			d := x - r.peak[v]
			r.peak[v] += d / r.peakN[v]
			r.peakSq[v] += d * (x - r.peak[v])
		}
	}
}

// halve makes what was learned count half.
func (r *stats) halve() {
	for _, f := range r.sums() {
		*f /= 2
	}
}

// sums lists what is proportional to what was learned.
func (r *stats) sums() []*float64 {
	all := []*float64{&r.chapters, &r.between, &r.blocks, &r.within, &r.lagged, &r.fleetN, &r.fleetSq}
	for i := range ageClasses {
		all = append(all, &r.n[i], &r.sq[i])
	}
	for v := range views {
		all = append(all, &r.peakN[v], &r.peakSq[v])
	}
	return all
}
