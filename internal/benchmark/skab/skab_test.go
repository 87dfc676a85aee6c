package skab

import (
	"math"
	"testing"
)

// By hand: 6 of 8 labelled rows found, 3 of 12 healthy ones wrong.
func TestTally(t *testing.T) {
	var tally Tally
	for i := range 20 {
		tally.Add(i < 8, i < 6 || i >= 17)
	}
	if want := (Tally{TruePositive: 6, FalsePositive: 3, TrueNegative: 9, FalseNegative: 2}); tally != want {
		t.Fatalf("counted %+v, want %+v", tally, want)
	}
	for _, c := range []struct {
		name      string
		got, want float64
	}{{"F1", tally.F1(), 12.0 / 17}, {"FAR", tally.FAR(), 25}, {"MAR", tally.MAR(), 25}} {
		if math.Abs(c.got-c.want) > 1e-12 {
			t.Errorf("%s %v, want %v", c.name, c.got, c.want)
		}
	}
}
