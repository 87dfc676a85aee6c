// Package skab counts as the leaderboard of the Skoltech Anomaly Benchmark does: the rows after the first 400 of every file
// are pooled, and each is anomalous or not, by its label and by the verdict (Katser & Kozitsin 2020, github.com/waico/SKAB).
package skab

// FitRows is how many first rows of a file a method may learn from. They are not counted.
const FitRows = 400

// Tally counts rows.
type Tally struct {
	TruePositive, FalsePositive, TrueNegative, FalseNegative int
}

// Add counts a row.
func (t *Tally) Add(labelled, anomalous bool) {
	switch {
	case labelled && anomalous:
		t.TruePositive++
	case anomalous:
		t.FalsePositive++
	case labelled:
		t.FalseNegative++
	default:
		t.TrueNegative++
	}
}

// F1 is the harmonic mean of precision and recall, in [0, 1]; NaN without a row that is labelled or anomalous.
func (t Tally) F1() float64 {
	return 2 * float64(t.TruePositive) / float64(2*t.TruePositive+t.FalsePositive+t.FalseNegative)
}

// FAR is the false alarm rate: the percentage of healthy rows that are anomalous.
func (t Tally) FAR() float64 {
	return 100 * float64(t.FalsePositive) / float64(t.FalsePositive+t.TrueNegative)
}

// MAR is the missed alarm rate: the percentage of labelled rows that are not anomalous.
func (t Tally) MAR() float64 {
	return 100 * float64(t.FalseNegative) / float64(t.FalseNegative+t.TruePositive)
}
