// Package novelty judges how unlike its past the recent course of one metric is, by several views of it whose surprises are added up.
//
// # What it detects
//
// Values that are rare or extreme (value), shapes that were not seen before, reading by reading and coarser (windows, blocks, prototypes,
// categories), a signal that has become still (frozen), and a departure from the usual course of the day (season):
//
//	sum = max(value + windows + blocks + categories + frozen/2, short season + long season)
//
// The tiers differ in what they can remember; [Method.New] says what each holds.
//
// # What it assumes
//
// Readings at about equal intervals, and that most of the past was normal. The views are added although they depend on each other: the sum is a
// rank and no probability, and its level is calibrated by whoever raises alerts.
//
// # How it fails
//
// The first sixty readings are not judged, and views over longer spans join in later. A slow drift is normal at each step. What lasted long has been learned, and its
// end is news. A constant metric gives nothing until it changes, which then is as surprising as the number of readings allows. Differences
// below 1/2^24 of the distance from the first reading are not seen.
//
// # Cost
//
// See docs/detection.md for times and sizes. Nothing is allocated after New.
//
// # Source
//
// The views: packages nearest, art, prototype and season below this one. The surprise: [stat.Surprises].
package novelty

import (
	"math"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/stat"
)

// Version of the method and its state.
const Version = 1

const (
	warmUp = 60   // readings before anything is judged
	edge   = 1e30 // farthest from the first reading that is told apart
)

// Method makes judges of novelty.
type Method struct{}

// New returns the method; it has no settings.
func New() *Method { return &Method{} }

// Name implements [detectors.NoveltyMethod].
func (*Method) Name() string { return "novelty" }

// Version implements [detectors.NoveltyMethod].
func (*Method) Version() int { return Version }

// New implements [detectors.NoveltyMethod]. The base tier has coarse digests and prototypes of windows of 16 and 40 readings, the promoted tier finer ones and of
// windows of 8 and 40; the full tier remembers the windows of 2000 readings and the blocks of 4000.
func (*Method) New(tier detectors.Tier) detectors.Novelty { return newJudge(tier) }

// judge is the state of one metric.
type judge struct {
	tier   detectors.Tier
	n      int     // readings, at most warmUp
	origin float64 // the first reading: all else is relative to it
	values stat.Surprises
	recent recent
	views  []view
	daily  daily
}

func newJudge(tier detectors.Tier) *judge {
	p := plans(tier)
	j := &judge{tier: tier, values: stat.NewSurprises(p.values, true), daily: newDaily(p)}
	j.views = p.views()
	return j
}

// Tier implements [detectors.Novelty].
func (j *judge) Tier() detectors.Tier { return j.tier }

// Observe implements [detectors.Novelty]. NaN is no reading and changes nothing.
func (j *judge) Observe(time int64, value float64) detectors.Surprise {
	if math.IsNaN(value) {
		return detectors.Surprise{Warm: j.n >= warmUp}
	}
	value = max(-math.MaxFloat64, min(value, math.MaxFloat64))
	if j.n == 0 {
		j.origin = value
		if math.Abs(value) > edge {
			j.origin = 0
		}
	}
	x := float32(max(-edge, min(value-j.origin, edge)))
	s := scale{j.values.Quantile(0.1), j.values.Quantile(0.5), j.values.Quantile(0.9)}
	warm := j.n >= warmUp
	j.n = min(j.n+1, warmUp)
	j.recent.add(x)

	u := j.values.Judge(float64(x))
	sum, most, strongest := u, u, detectors.ViewValue
	for i := range j.views {
		v := &j.views[i]
		u := v.weight * v.observe(x, &j.recent, s)
		if sum += u; u > most {
			most, strongest = u, v.name
		}
	}
	if u := j.daily.observe(time, x, s.q50); u > sum {
		sum, strongest = u, detectors.ViewSeason
	}
	if !warm {
		return detectors.Surprise{}
	}
	return detectors.Surprise{Sum: sum, Warm: true, Strongest: strongest}
}

// scale is what the values span: quantiles of those before.
type scale struct{ q10, q50, q90 float64 }

func (s scale) width() float64 { return s.q90 - s.q10 }
