package novelty

import (
	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/novelty/art"
	"github.com/presage-pdm/presage/detectors/novelty/nearest"
	"github.com/presage-pdm/presage/detectors/novelty/prototype"
	"github.com/presage-pdm/presage/detectors/stat"
)

// plan is what a tier can afford.
type plan struct {
	values, others int // entries of the digests of the values and of each view
	bins           int // of the day
	categories     int
	vigilance      []float64
	prototypes     int
	steps          []int            // of the sets of prototypes
	windows        []nearest.Config // instead of prototypes
	frozen         bool
}

// plans returns the plan of a tier.
func plans(tier detectors.Tier) plan {
	switch tier {
	case detectors.BaseTier:
		return plan{values: 40, others: 32, bins: 24, categories: 16, vigilance: []float64{0.95}, prototypes: 16, steps: []int{2, 5}}
	case detectors.PromotedTier:
		return plan{values: 64, others: 64, bins: 24, categories: 64, vigilance: []float64{0.95}, prototypes: 64, steps: []int{1, 5}}
	}
	return plan{values: 128, others: 128, bins: 288, categories: 64, vigilance: []float64{0.90, 0.95, 0.98}, windows: []nearest.Config{
		{Step: 1, Points: 2000, Rank: 2},
		{Step: 5, Points: 800, Rank: 4},
		{Step: 10, Points: 400, Rank: 4},
	}, frozen: true}
}

// views returns the views of a plan, which know nothing. Each kind has the weight 1 in all, but the stillness half of that.
func (p plan) views() []view {
	var vs []view
	for _, c := range p.windows {
		v := view{name: detectors.ViewShape, weight: 1, windows: nearest.New(c)}
		if c.Step > 1 {
			v.name, v.weight = detectors.ViewLevel, 1/float64(len(p.windows)-1)
		}
		vs = append(vs, v)
	}
	for _, step := range p.steps {
		vs = append(vs, view{name: detectors.ViewShape, weight: 1, prototypes: prototype.New(step, p.prototypes)})
	}
	for _, rho := range p.vigilance {
		vs = append(vs, view{name: detectors.ViewShape, weight: 1 / float64(len(p.vigilance)), categories: art.New(rho, p.categories)})
	}
	if p.frozen {
		vs = append(vs, view{name: detectors.ViewStillness, weight: 0.5})
	}
	for i := range vs {
		vs[i].digest = stat.NewSurprises(p.others, false)
	}
	return vs
}
