// Package season keeps the profile of a metric over the hours of the day, and what it leaves unexplained.
//
// It returns the mean residual of the last three and the last twelve readings, as long as the profile explains the metric: the mean size of
// the residual is below half of the mean distance from the median. It assumes a daily cycle in UTC that adds to the rest. It fails on weekends of a
// weekly cycle, which it takes for news until it has followed, and for a day after a shift of the clock.
//
// A reading takes about 20 ns; a bin takes 4 bytes.
//
// The profile is the seasonal part of exponential smoothing (Winters 1960) with its own rate for each bin.
package season

import (
	"math"

	"github.com/presage-pdm/presage/detectors/stat"
)

const (
	day      = 24 * 60 * 60 * 1000 // ms
	rate     = 0.3                 // of a bin's mean, per visit
	explains = 0.5                 // of the distance from the median, below which the profile counts
	usual    = 0.01                // of both sizes, per reading
	trial    = day / 2             // of residuals before the profile may count
	long     = 12
	short    = 3
)

// Profile is the mean by time of day.
type Profile struct {
	bins         []float32 // NaN where never visited
	bin          int       // under way, -1 before the first reading
	sum          float64
	count        float64
	since        int64 // when the first residual was
	judged       bool
	left, spread float64 // mean sizes of the residual and of the distance from the median
	residuals    [long]float32
	have         int
}

// New returns a profile of so many bins that knows nothing.
func New(bins int) *Profile {
	p := &Profile{bins: make([]float32, bins), bin: -1}
	for i := range p.bins {
		p.bins[i] = float32(math.NaN())
	}
	return p
}

// Size is the memory of the bins in bytes.
func (p *Profile) Size() int { return 4 * len(p.bins) }

// Observe takes a reading at a time in Unix milliseconds and the median of those before. It returns the two mean residuals, and whether the profile counts.
func (p *Profile) Observe(time int64, x float32, median float64) (short3, long12 float64, ok bool) {
	in := time % day
	if in < 0 {
		in += day
	}
	bin := int(in * int64(len(p.bins)) / day)
	if bin != p.bin {
		p.end()
		p.bin = bin
	}
	p.sum += float64(x)
	p.count++
	expected := p.bins[bin]
	if expected != expected {
		return 0, 0, false
	}
	if !p.judged {
		p.judged, p.since = true, time
	}
	e := float64(x) - float64(expected)
	copy(p.residuals[:], p.residuals[1:])
	p.residuals[long-1] = float32(max(-1e38, min(e, 1e38)))
	p.have = min(p.have+1, long)
	ok = p.have == long && time-p.since >= trial && p.left < explains*p.spread
	p.left += usual * (math.Abs(e) - p.left)
	p.spread += usual * (math.Abs(float64(x)-median) - p.spread)
	for i := range long {
		v := float64(p.residuals[long-1-i])
		if i < short {
			short3 += v / short
		}
		long12 += v / long
	}
	return short3, long12, ok
}

// end moves the bin under way into the profile.
func (p *Profile) end() {
	if p.count == 0 {
		return
	}
	m := p.sum / p.count
	if old := float64(p.bins[p.bin]); !math.IsNaN(old) {
		m = old + rate*(m-old)
	}
	p.bins[p.bin] = float32(max(-1e38, min(m, 1e38)))
	p.sum, p.count = 0, 0
}

// Resize returns a profile of another number of bins: finer ones begin as the coarse one they lie in, coarser ones as the mean of the fine ones.
func (p *Profile) Resize(bins int) *Profile {
	r := *p
	r.bins = make([]float32, bins)
	r.bin, r.sum, r.count = -1, 0, 0
	for i := range r.bins {
		from := i * len(p.bins) / bins
		to := max(from+1, (i+1)*len(p.bins)/bins)
		sum, n := 0.0, 0
		for _, v := range p.bins[from:to] {
			if v == v {
				sum, n = sum+float64(v), n+1
			}
		}
		r.bins[i] = float32(sum / float64(n)) // NaN without any
	}
	return &r
}

// Append appends the state.
func (p *Profile) Append(dst []byte) []byte {
	for _, v := range p.bins {
		dst = stat.AppendFloat32(dst, v)
	}
	for _, v := range p.residuals {
		dst = stat.AppendFloat32(dst, v)
	}
	dst = stat.AppendInt(stat.AppendInt(dst, int64(p.bin)), p.since)
	dst = stat.AppendUint(stat.AppendBool(dst, p.judged), uint64(p.have))
	return stat.AppendFloats(dst, p.sum, p.count, p.left, p.spread)
}

// Read replaces the state by one that Append wrote with the same number of bins; anything else marks r as damaged.
func (p *Profile) Read(r *stat.Reader) {
	for i := range p.bins {
		p.bins[i] = r.Float32()
	}
	for i := range p.residuals {
		p.residuals[i] = r.Finite32()
	}
	bin := r.Int()
	p.since, p.judged, p.have = r.Int(), r.Bool(), r.Count(long)
	p.sum, p.count, p.left, p.spread = r.Finite(), r.Finite(), r.Finite(), r.Finite()
	if bin < -1 || bin >= int64(len(p.bins)) || bin < 0 && p.count != 0 || p.count < 0 {
		r.Fail()
		bin, p.count = -1, 0
	}
	p.bin = int(bin)
}
