package seasonal

import (
	"math"

	"github.com/presage-pdm/presage/detectors/stat"
)

// cycle is a period cut into bins.
type cycle struct {
	length int64 // ms
	bins   int
	offset int64 // ms from the epoch to the first beginning of a cycle
}

const hour = 60 * 60 * 1000 // ms

// The cycles that are tried: the hours of the day, and pairs of hours of the week, which begins on Monday.
var (
	day  = cycle{length: 24 * hour, bins: 24}
	week = cycle{length: 7 * 24 * hour, bins: 7 * 12, offset: 4 * 24 * hour}
)

// How a profile proves itself.
const (
	binRate   = 0.3  // of a bin's mean, per visit
	promoteAt = 0.7  // of the error that the mean alone leaves, over a cycle, after two cycles
	demoteAt  = 0.95 // the same, from which it is taken back
)

// profile is the mean by bin of a cycle. The zero value knows nothing and has not started.
type profile struct {
	bins     []float32 // NaN where never visited; nil until the first bin has ended
	mean     float64   // of the visited bins
	promoted bool
	// The bin under way.
	bin   int
	sum   float64
	count float64
	// The cycle under way: number, and absolute errors of the bin's mean and of the plain mean.
	cycle       int64
	complete    int
	with, plain float64
	judged      float64
}

// place returns the bin of a time, how far into it, in [0, 1), and the number of the cycle.
func (c cycle) place(time int64) (bin int, within float64, number int64) {
	t := time - c.offset
	number = t / c.length
	in := t % c.length
	if in < 0 {
		in, number = in+c.length, number-1
	}
	width := c.length / int64(c.bins)
	return int(in / width), float64(in%width) / float64(width), number
}

// at returns what the profile adds at a time, in a straight line between the middles of neighbouring bins.
func (p *profile) at(time int64) float64 {
	c := day
	if len(p.bins) == week.bins {
		c = week
	}
	bin, within, _ := c.place(time)
	next := bin + 1
	weight := within - 0.5
	if weight < 0 {
		next, weight = bin-1, -weight
	}
	here, there := p.get(bin), p.get((next+c.bins)%c.bins)
	return here + weight*(there-here)
}

// get returns the offset of a bin, 0 where nothing is known.
func (p *profile) get(bin int) float64 {
	if p.bins == nil {
		return 0
	}
	if v := float64(p.bins[bin]); !math.IsNaN(v) {
		return v - p.mean
	}
	return 0
}

// started tells that a reading was learned.
func (p *profile) started() bool { return p.bins != nil || p.count > 0 }

// blank returns bins that were never visited.
func (c cycle) blank() []float32 {
	bins := make([]float32, c.bins)
	for i := range bins {
		bins[i] = float32(math.NaN())
	}
	return bins
}

// learn takes a reading. It is judged before it is learned.
func (p *profile) learn(c cycle, time int64, value float64) {
	bin, _, number := c.place(time)
	if !p.started() {
		p.bin, p.cycle = bin, number
	}
	if number != p.cycle {
		p.endCycle(number)
	}
	if bin != p.bin {
		p.endBin(c)
		p.bin = bin
	}
	if p.complete > 0 {
		p.with += math.Abs(value - p.mean - p.get(bin))
		p.plain += math.Abs(value - p.mean)
		p.judged++
	}
	p.sum += value
	p.count++
}

// endBin moves the bin under way into the profile.
func (p *profile) endBin(c cycle) {
	if p.count == 0 {
		return
	}
	if p.bins == nil {
		p.bins = c.blank()
	}
	m := p.sum / p.count
	if old := float64(p.bins[p.bin]); !math.IsNaN(old) {
		m = old + binRate*(m-old)
	}
	p.bins[p.bin] = float32(m)
	p.sum, p.count = 0, 0
	sum, n := 0.0, 0.0
	for _, b := range p.bins {
		if b == b {
			sum += float64(b)
			n++
		}
	}
	p.mean = sum / n
}

// endCycle promotes or demotes the profile by the errors of the cycle that ended.
func (p *profile) endCycle(number int64) {
	if number != p.cycle+1 {
		p.complete = 0 // a cycle is missing: prove it again
	} else {
		p.complete++
	}
	if p.complete >= 2 && p.judged > 0 {
		switch {
		case p.with < promoteAt*p.plain:
			p.promoted = true
		case p.with > demoteAt*p.plain:
			p.promoted = false
		}
	}
	p.cycle, p.with, p.plain, p.judged = number, 0, 0, 0
}

func (p *profile) append(dst []byte, c cycle) []byte {
	dst = stat.AppendBool(dst, p.started())
	if !p.started() {
		return dst
	}
	bins := p.bins
	if bins == nil {
		bins = c.blank()
	}
	for _, b := range bins {
		dst = stat.AppendUint(dst, uint64(math.Float32bits(b)))
	}
	dst = stat.AppendBool(dst, p.promoted)
	dst = stat.AppendInt(dst, int64(p.bin))
	dst = stat.AppendInt(dst, p.cycle)
	dst = stat.AppendInt(dst, int64(p.complete))
	return stat.AppendFloats(dst, p.mean, p.sum, p.count, p.with, p.plain, p.judged)
}

func (p *profile) read(r *stat.Reader, c cycle) {
	if !r.Bool() {
		return
	}
	p.bins = make([]float32, c.bins)
	visited := false
	for i := range p.bins {
		p.bins[i] = math.Float32frombits(uint32(r.Count(math.MaxUint32)))
		visited = visited || p.bins[i] == p.bins[i]
	}
	p.promoted = r.Bool()
	p.bin = int(r.Int())
	p.cycle = r.Int()
	p.complete = int(r.Int())
	r.Floats(&p.mean, &p.sum, &p.count, &p.with, &p.plain, &p.judged)
	if p.bin < 0 || p.bin >= c.bins || p.complete < 0 {
		r.Fail()
	}
	if !visited && !p.promoted && p.count > 0 {
		p.bins = nil
	}
}
