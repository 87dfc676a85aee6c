package novelty

import (
	"math"

	"github.com/presage-pdm/presage/detectors/novelty/art"
	"github.com/presage-pdm/presage/detectors/novelty/nearest"
	"github.com/presage-pdm/presage/detectors/novelty/prototype"
	"github.com/presage-pdm/presage/detectors/novelty/season"
	"github.com/presage-pdm/presage/detectors/stat"
)

// view is one stream of strangeness and its digest. Exactly one of its sources is there; without any it is the stillness of the metric.
type view struct {
	name   string
	weight float64
	digest stat.Surprises
	held   float64 // surprise, until the source says more

	windows    *nearest.Windows
	prototypes *prototype.Set
	categories *art.Categories
}

// observe returns the surprise of what the source makes of a reading.
func (v *view) observe(x float32, r *recent, s scale) float64 {
	var strange float64
	ok := r.have >= nearest.Width
	switch {
	case v.windows != nil:
		strange, ok = v.windows.Observe(x)
	case v.prototypes != nil:
		strange, ok = v.prototypes.Observe(x)
	case v.categories != nil:
		if ok = ok && s.width() > 0; ok {
			pattern := r.pattern(s)
			strange = v.categories.Observe(&pattern)
		}
	default:
		if ok = r.have == still; ok {
			strange = -math.Log(r.deviation() + 0.001*s.width() + math.SmallestNonzeroFloat32)
		}
	}
	if ok {
		v.held = v.digest.Judge(strange)
	}
	return v.held
}

const still = 48 // readings over which a metric may be still

// recent holds the newest readings.
type recent struct {
	ring [still]float32
	next int
	have int
}

func (r *recent) add(x float32) {
	r.ring[r.next] = x
	r.next = (r.next + 1) % still
	r.have = min(r.have+1, still)
}

// pattern returns the newest eight, in order, where 0 and 1 are three times the span of the middle of the values below and above their median.
func (r *recent) pattern(s scale) (p [art.Width]float64) {
	low, width := s.q50-3*s.width(), 6*s.width()
	for i := range p {
		x := r.ring[(r.next+still-art.Width+i)%still]
		p[i] = max(0, min((float64(x)-low)/width, 1))
	}
	return p
}

// deviation returns the standard deviation of all of the readings held.
func (r *recent) deviation() float64 {
	mean := 0.0
	for _, x := range r.ring {
		mean += float64(x) / still
	}
	sum := 0.0
	for _, x := range r.ring {
		sum += (float64(x) - mean) * (float64(x) - mean)
	}
	return math.Sqrt(sum / still)
}

// daily is the season with its two digests.
type daily struct {
	profile     *season.Profile
	short, long stat.Surprises
}

func newDaily(p plan) daily {
	return daily{season.New(p.bins), stat.NewSurprises(p.others, true), stat.NewSurprises(p.others, true)}
}

// observe returns the sum of both surprises, 0 while the profile explains too little.
func (d *daily) observe(time int64, x float32, median float64) float64 {
	short, long, ok := d.profile.Observe(time, x, median)
	if !ok {
		return 0
	}
	return d.short.Judge(short) + d.long.Judge(long)
}
