// Package decision tells from which level on a sum of surprises opens a ticket, when it is stated how many false tickets a month are bearable.
//
// # What it does
//
// A component of a device is judged again and again, each time by a sum of surprises of the unit -log10 of a probability. [Tail] keeps how often the
// sums of a component that nobody took for faulty were large, and by how much; so does one of all components of a lane together. [Budget.Level]
// extends that tail to the probability which uses the budget up:
//
//	level = 1 + mean excess x ln(share of the sums above 1 / (false tickets a month / judgements a month))
//
// and never goes below [Budget.Least]. Sums that follow each other exceed a level together and open one ticket, so what is opened is less than the budget.
//
// # Why no procedure for the rate of false discoveries
//
// Every judgement has its part of the budget, so the expected number of false tickets is at most the budget however the judgements depend on each
// other and however many devices are really faulty: the per-family error rate (Lehmann & Romano, "Generalizations of the familywise error rate",
// 2005, with one family a month). Procedures that control the share of false ones instead, such as LORD (Javanmard & Montanari 2018), open more
// false tickets when there are many true ones, which is what a stated number forbids.
//
// # What it assumes
//
// That excesses are exponential, the generalized Pareto distribution of shape 0, the usual tail beyond a high threshold (Davison & Smith, "Models for
// exceedances over high thresholds", 1990), and that the future is like the past. A component with little past is taken for one of its lane, and a lane with little
// past for what the least level was found on.
//
// # How it fails
//
// Something healthy that a component has never done before cannot be told from a fault, and a heavier tail opens more than the budget. What was taken for faulty
// counts as one sum: whether a component that is often off is faulty or not only people can tell, and a fault that comes again must open a ticket again.
package decision

import "math"

// The structure of the tail.
const (
	threshold = 1     // sums above it are the tail
	most      = 20000 // sums after which older ones count half
	shrunk    = 500   // sums of the lane that count like as many of the component
	shrunkK   = 10    // sums above the threshold that do
	unit      = math.Log10E
	priorN    = 1000 // sums that a lane is taken to have seen before its first, of which one was above the threshold
)

// Month is the time for which budgets are stated, in ms: 30 days.
const Month = 30 * 24 * 3600_000.0

// Tail is what is known of the large ones among sums. The zero value knows nothing.
type Tail struct {
	N      float64 // sums
	K      float64 // sums above 1
	Excess float64 // by how much those were above 1, together
}

// Learn takes a sum of something healthy. NaN is none.
func (t *Tail) Learn(sum float64) {
	if math.IsNaN(sum) {
		return
	}
	t.N++
	if sum > threshold {
		t.K++
		t.Excess += sum - threshold
	}
	if t.N >= most {
		t.N, t.K, t.Excess = t.N/2, t.K/2, t.Excess/2
	}
}

// Valid tells whether a tail can be one that sums have made.
func (t Tail) Valid() bool {
	return t.N >= 0 && t.N <= most && t.K >= 0 && t.K <= t.N && t.Excess >= 0 && !math.IsInf(t.Excess, 0) && (t.K > 0 || t.Excess == 0)
}

// with returns the share of the sums above the threshold and their mean excess, shrunk towards those of a lane.
func (t Tail) with(lane Tail) (share, mean float64) {
	share, mean = (lane.K+1)/(lane.N+priorN), (lane.Excess+shrunkK*unit)/(lane.K+shrunkK)
	return (t.K + shrunk*share) / (t.N + shrunk), (t.Excess + shrunkK*mean) / (t.K + shrunkK)
}

// P returns the probability that a sum of a component that is healthy is as large, in (0, 1]. The tail of all components of the lane counts where that of the component is short.
func (t Tail) P(lane Tail, sum float64) float64 {
	if sum <= threshold {
		return 1
	}
	share, mean := t.with(lane)
	return max(math.SmallestNonzeroFloat64, min(1, share*math.Exp(-(sum-threshold)/mean)))
}

// Budget is how many false tickets a device may open in a month.
type Budget float64

// The default of the budget, and its bounds.
const (
	DefaultBudget Budget = 0.05
	LeastBudget   Budget = 0.001
	MostBudget    Budget = 10
)

// leastLevel is the least level at the default budget: it gave one ticket in 42 hours of healthy driving with 27 metrics, when every trip was a car that nobody knew.
const leastLevel = 4

// Least returns the level that nothing is below, however calm it was: one less for ten times the budget.
func (b Budget) Least() float64 {
	return leastLevel - math.Log10(float64(b/DefaultBudget))
}

// Level returns the sum from which a component is taken for faulty. It has so many judgements a month, and its device so many components that share the budget. A
// component and a lane with little past have the least level.
func (b Budget) Level(own, lane Tail, monthly float64, components int) float64 {
	least := b.Least()
	if monthly <= 0 {
		return least
	}
	share, mean := own.with(lane)
	mean *= 1 + 1/math.Sqrt(own.K+shrunkK) // one standard error more: what is far beyond the sums that were seen hangs on it
	level := threshold + mean*math.Log(share*monthly*float64(max(1, components))/float64(b))
	known := own.N + lane.N
	return least + max(0, level-least)*known/(known+priorN)
}
