// Package nab scores alerts by the rules of the Numenta Anomaly Benchmark: within a labelled window the earliest alert counts, and the more the
// earlier it is; each alert outside costs, less shortly after a window; a window without an alert costs.
//
// Source: Lavin & Ahmad, "Evaluating real-time anomaly detection algorithms - the Numenta Anomaly Benchmark", ICMLA 2015, section II; details of
// indices and probation are those of version 1.1 of the benchmark.
package nab

import "math"

// Profile weighs what an application gains and loses.
type Profile struct {
	Name                    string
	Hit, FalseAlarm, Missed float64
}

// Profiles returns the benchmark's three.
func Profiles() [3]Profile {
	return [3]Profile{
		{Name: "standard", Hit: 1, FalseAlarm: 0.11, Missed: 1},
		{Name: "low FP", Hit: 1, FalseAlarm: 0.22, Missed: 1},
		{Name: "low FN", Hit: 1, FalseAlarm: 0.11, Missed: 2},
	}
}

// Window is a labelled stretch of rows, both ends belong to it.
type Window struct{ First, Last int }

// Series is one file: its rows, its windows in order, and the rows with alerts in order.
type Series struct {
	Rows    int
	Windows []Window
	Alerts  []int
}

// Probation is how many of the first rows are not judged.
func Probation(rows int) int { return min(rows*15/100, 750) }

// Sigmoid is the benchmark's: 0.987 at the beginning of a window, -1, 0 at its end, 0, and -1 far behind it.
func Sigmoid(y float64) float64 {
	if y > 3 {
		return -1
	}
	return 2/(1+math.Exp(5*y)) - 1
}

// Tally is what the alerts of series come to, before weights.
type Tally struct {
	Windows int
	Found   int
	// Gain sums the hits, 1 for one at the beginning of a window.
	Gain float64
	// Outside counts the alerts outside of windows, and Loss sums their cost, at most 1 each.
	Outside int
	Loss    float64
}

// Add judges one more series.
func (t *Tally) Add(s Series) {
	best := make([]float64, len(s.Windows))
	found := make([]bool, len(s.Windows))
	for _, row := range s.Alerts {
		if row < Probation(s.Rows) {
			continue
		}
		inside, last := false, -1
		for i, w := range s.Windows {
			switch {
			case row > w.Last:
				last = i
			case row >= w.First:
				inside = true
				width := float64(w.Last - w.First + 1)
				gain := Sigmoid(-float64(w.Last-row+1)/width) / Sigmoid(-1)
				best[i], found[i] = max(best[i], gain), true
			}
		}
		if inside {
			continue
		}
		t.Outside++
		cost := -1.0
		if last >= 0 {
			w := s.Windows[last]
			cost = Sigmoid(float64(row-w.Last) / float64(max(1, w.Last-w.First)))
		}
		t.Loss -= cost
	}
	for i := range best {
		t.Windows++
		if found[i] {
			t.Found++
			t.Gain += best[i]
		}
	}
}

// Score returns the score of all series added: 0 is what no alert at all gets, and 100 an alert at the beginning of each window and
// nowhere else. NaN without a window.
func (t *Tally) Score(p Profile) float64 {
	n := float64(t.Windows)
	score := p.Hit*t.Gain - p.Missed*float64(t.Windows-t.Found) - p.FalseAlarm*t.Loss
	null, perfect := -p.Missed*n, p.Hit*n
	return 100 * (score - null) / (perfect - null)
}
