package detectors

import (
	"math"
	"testing"
)

// told is a novelty that is as large as the value.
type told struct{ Novelty }

func (told) Name() string                                { return "told" }
func (told) Version() int                                { return 1 }
func (told) New(Tier) Novelty                            { return told{} }
func (told) Observe(_ int64, value float64) (s Surprise) { return Surprise{Sum: value, Warm: true} }

func newToldScorer(fit int) *SeriesScorer {
	return NewSeriesScorer(SeriesScorerConfig{Fit: fit, AlertRate: DefaultAlertRate, Novelty: told{}})
}

// alerts scores n equal sums and returns the rows of alerts, counted from 1.
func alerts(s *SeriesScorer, n int, sum float64) (rows []int) {
	for i := range n {
		if s.Row(int64(i), sum).Alert {
			rows = append(rows, i+1)
		}
	}
	return rows
}

// What is strange all the time alerts no more often than the refractory time allows.
func TestSeriesScorerRests(t *testing.T) {
	rows := alerts(newToldScorer(0), 2000, 50)
	if len(rows) < 20 || rows[0] != scoreWarmUp+1 {
		t.Fatalf("alerts at %v", rows)
	}
	for i, at := range rows[1:] {
		rest, before := at-rows[i], rows[i]
		if float64(rest) < 0.03*float64(at)-1 || float64(rest) > 0.03*float64(at)+2 {
			t.Errorf("an alert at %d after one at %d", at, before)
		}
	}
}

// Each alert raises the level by 0.3, which fades by the factor e within a tenth of the rows so far.
func TestSeriesScorerRaisesItsLevel(t *testing.T) {
	s := newToldScorer(0)
	rows := alerts(s, 1000, alertLevel+0.15)
	if len(rows) < 5 {
		t.Fatalf("alerts at %v", rows)
	}
	// After the first alert the level has to fall from 0.3 to 0.15: a time t2 with (t1/t2)^10 = 1/2.
	want := float64(rows[0]) * math.Pow(2, 0.1)
	if math.Abs(float64(rows[1])-want) > 2 {
		t.Errorf("the second alert is at %d, want about %.0f", rows[1], want)
	}
	if got := alerts(newToldScorer(0), 1000, alertLevel-0.01); got != nil {
		t.Errorf("below the level there are alerts at %v", got)
	}
}

func TestSeriesScorerScore(t *testing.T) {
	s := newToldScorer(300)
	for i := range 300 {
		if r := s.Row(int64(i), 50); r != (RowScore{}) {
			t.Fatalf("row %d of the healthy ones: %+v", i, r)
		}
	}
	before := -1.0
	for i, sum := range []float64{0, 1, 3, alertLevel, 10, 30} {
		r := s.Row(int64(300+i), sum)
		if r.Score <= before || r.Score > 1 || sum == alertLevel && r.Score != 0.5 {
			t.Errorf("the sum %v has the score %v, a smaller one %v", sum, r.Score, before)
		}
		before = r.Score
	}
	if r := s.Row(400, math.NaN()); r.Score != 0 || r.Alert || !r.Anomalous {
		t.Errorf("a missing value ends what was anomalous: %+v", r)
	}
}
