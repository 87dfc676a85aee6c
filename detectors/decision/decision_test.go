package decision

import (
	"math"
	"math/rand/v2"
	"testing"
)

// A component of which nothing is known has the least level, one less for ten times the budget.
func TestLeast(t *testing.T) {
	for budget, want := range map[Budget]float64{DefaultBudget: 4, 0.5: 3, 0.005: 5} {
		if got := budget.Level(Tail{}, Tail{}, 4000, 3); math.Abs(got-want) > 1e-9 {
			t.Errorf("a budget of %v has the level %v, want %v", budget, got, want)
		}
	}
	calm := Tail{N: 10000}
	if got := DefaultBudget.Level(calm, calm, 2160, 1); got != 4 {
		t.Errorf("ten thousand sums without a surprise give the level %v, want 4", got)
	}
}

// What is often surprising needs more, and more so with a smaller budget, more judgements or more components; what sums are improbable follows.
func TestLevelFollowsTheTail(t *testing.T) {
	often := Tail{N: 5000, K: 500, Excess: 500}
	level := DefaultBudget.Level(often, Tail{}, 2160, 1)
	for name, other := range map[string]float64{
		"a smaller budget":     (DefaultBudget / 10).Level(often, Tail{}, 2160, 1),
		"more judgements":      DefaultBudget.Level(often, Tail{}, 21600, 1),
		"more components":      DefaultBudget.Level(often, Tail{}, 2160, 10),
		"larger excesses":      DefaultBudget.Level(Tail{N: 5000, K: 500, Excess: 800}, Tail{}, 2160, 1),
		"a lane that is often": DefaultBudget.Level(often, Tail{N: 5000, K: 2500, Excess: 5000}, 2160, 1),
	} {
		if level < 6 || other <= level {
			t.Errorf("%s: level %v, want more than %v, which is 6 or more", name, other, level)
		}
	}
	if p, q := often.P(Tail{}, 3), often.P(Tail{}, 6); p <= q || q <= 0 || often.P(Tail{}, 1) != 1 {
		t.Errorf("sums of 3 and 6 have the probabilities %v and %v", p, q)
	}
	if p := often.P(Tail{}, 1e9); p <= 0 {
		t.Errorf("an enormous sum has the probability %v, which has no logarithm", p)
	}
}

// The level that was learned from half a year opens, over many components of different calm, as many tickets in the next half year as the budget
// says, or fewer: never more than it, and at least a third where the tail is what is assumed.
func TestBudgetIsKept(t *testing.T) {
	const components, monthly, months = 400, 2160, 6
	for _, budget := range []Budget{0.05, 0.5} {
		rng := rand.New(rand.NewPCG(1, 2))
		opened, lane := 0, Tail{}
		for range components {
			mean, often := 0.45+0.5*rng.Float64(), 0.02+0.2*rng.Float64()
			sum := func() float64 {
				if rng.Float64() > often {
					return 0
				}
				return threshold + mean*rng.ExpFloat64()
			}
			own := Tail{}
			for i := range monthly * months {
				s := sum()
				own.Learn(s)
				if i%100 == 0 {
					lane.Learn(s)
				}
			}
			level := budget.Level(own, lane, monthly, 1)
			for range monthly * months {
				if sum() >= level {
					opened++
				}
			}
		}
		rate := float64(opened) / (components * months)
		t.Logf("budget %v: %.3f false tickets a component and month", budget, rate)
		if rate > 1.2*float64(budget) || rate < float64(budget)/3 {
			t.Errorf("budget %v: %.3f false tickets a component and month", budget, rate)
		}
	}
}

func TestTailForgetsAndIsValid(t *testing.T) {
	var tail Tail
	rng := rand.New(rand.NewPCG(3, 4))
	for range 10 * most {
		tail.Learn(5 * rng.Float64())
		if !tail.Valid() {
			t.Fatalf("%+v is not valid", tail)
		}
	}
	before := tail
	tail.Learn(math.NaN())
	if tail != before {
		t.Errorf("NaN was learned: %+v", tail)
	}
	for range 4 * most {
		tail.Learn(0)
	}
	if share := tail.K / tail.N; share > 0.1 {
		t.Errorf("the share of large sums is %v long after the last one", share)
	}
	for _, bad := range []Tail{{N: -1}, {N: 1, K: 2}, {N: 5, K: 1, Excess: math.Inf(1)}, {N: 5, Excess: 1}, {N: math.NaN()}} {
		if bad.Valid() {
			t.Errorf("%+v is taken for valid", bad)
		}
	}
}
