package shift

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/presage-pdm/presage/detectors"
)

// feed runs rows of readings, a second apart, and returns the decisions with the row they fell in.
type decided struct {
	row int
	detectors.Decision
}

func feed(rows int, metrics []string, value func(row, metric int) float64) []decided {
	j := New(DefaultConfig()).New()
	for _, m := range metrics {
		j.Metric(m, "device")
	}
	var out []decided
	for row := range rows {
		at := int64(row) * 1000
		for m := range metrics {
			j.Observe(m, at, value(row, m), detectors.Expectation{})
		}
		for _, d := range j.Decide(at) {
			out = append(out, decided{row, d})
		}
	}
	return out
}

func noise(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 11)) }

func TestShiftIsRaisedAndCleared(t *testing.T) {
	rng := noise(1)
	got := feed(2000, []string{"a", "b"}, func(row, m int) float64 {
		v := 20 + rng.NormFloat64()
		if m == 0 && row >= 1000 && row < 1300 {
			v -= 5
		}
		return v
	})
	if len(got) < 2 || got[0].Verdict != detectors.Faulty || got[len(got)-1].Verdict != detectors.Healthy {
		t.Fatalf("decisions %+v", got)
	}
	raised, cleared := got[0], got[len(got)-1]
	if raised.row < 1079 || raised.row > 1099 || raised.Onset < 980_000 || raised.Onset > 1020_000 {
		t.Errorf("raised in row %d with onset %d", raised.row, raised.Onset)
	}
	if cleared.row < 1320 || cleared.row > 1360 {
		t.Errorf("cleared in row %d", cleared.row)
	}
	s := raised.Signals
	if len(s) != 1 || s[0].Metric != "a" || s[0].Share != 1 || math.Abs(s[0].Expected-20) > 1 || math.Abs(s[0].Actual-15) > 1 || *s[0].High < *s[0].Low {
		t.Errorf("signals %+v", s)
	}
	if raised.Reason.Key != detectors.ReasonAbnormalBelow || raised.Score < 0.5 || raised.Score > 1 || raised.P > 1e-4 {
		t.Errorf("decision %+v", raised)
	}
}

func TestHealthyInputDecidesNothing(t *testing.T) {
	for _, c := range []struct {
		name  string
		value func(rng *rand.Rand) func(row, m int) float64
	}{
		{"constant", func(*rand.Rand) func(int, int) float64 { return func(int, int) float64 { return 3 } }},
		{"noise", func(rng *rand.Rand) func(int, int) float64 {
			return func(int, int) float64 { return rng.NormFloat64() }
		}},
		{"counter", func(*rand.Rand) func(int, int) float64 { return func(row, _ int) float64 { return float64(row) } }},
		{"switch", func(rng *rand.Rand) func(int, int) float64 {
			return func(row, _ int) float64 { return float64(row / 400 % 2) }
		}},
		{"spikes", func(rng *rand.Rand) func(int, int) float64 {
			return func(row, _ int) float64 {
				v := rng.NormFloat64()
				if rng.IntN(100) == 0 {
					v += 50
				}
				return v
			}
		}},
		{"random walk", func(rng *rand.Rand) func(int, int) float64 {
			level := 0.0
			return func(int, int) float64 { level += rng.NormFloat64(); return level }
		}},
		{"all at once: another operation", func(rng *rand.Rand) func(int, int) float64 {
			return func(row, m int) float64 {
				v := rng.NormFloat64()
				if row > 1500 {
					v += 10
				}
				return v
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(5) {
				if got := feed(4000, []string{"a", "b", "c", "d"}, c.value(noise(seed))); len(got) > 0 {
					t.Errorf("seed %d: row %d decided %+v", seed, got[0].row, got[0].Decision)
				}
			}
		})
	}
}

// What stays long enough is learned: the decision ends by itself.
func TestWhatStaysBecomesNormal(t *testing.T) {
	rng := noise(2)
	got := feed(40_000, []string{"a"}, func(row, _ int) float64 {
		v := rng.NormFloat64()
		if row > 1000 {
			v += 8
		}
		return v
	})
	if len(got) < 2 || got[0].Verdict != detectors.Faulty || got[len(got)-1].Verdict != detectors.Healthy {
		t.Fatalf("decisions %+v", got)
	}
}

func FuzzRestoreState(f *testing.F) {
	j := New(DefaultConfig()).New()
	rng := noise(3)
	j.Metric("a", "device")
	for row := range 500 {
		v := rng.NormFloat64()
		if row > 380 {
			v += 9
		}
		j.Observe(0, int64(row)*1000, v, detectors.Expectation{})
		j.Decide(int64(row) * 1000)
	}
	f.Add(j.AppendState(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		j := New(DefaultConfig()).New()
		if j.RestoreState(data) != nil {
			return
		}
		if again := j.AppendState(nil); !bytes.Equal(again, New(DefaultConfig()).New().AppendState(nil)) {
			k := New(DefaultConfig()).New()
			if err := k.RestoreState(again); err != nil {
				t.Fatalf("what was restored cannot be restored again: %v", err)
			}
			if !bytes.Equal(k.AppendState(nil), again) {
				t.Fatal("what was restored is written otherwise")
			}
		}
		a := j.Metric("a", "device")
		for row := range 100 {
			j.Observe(a, int64(row)*1000, float64(row%7), detectors.Expectation{})
			j.Decide(int64(row) * 1000)
		}
	})
}

// A metric that joins a decision is told with its own onset, and the reason is about it.
func TestMetricThatJoinsHasItsOwnOnset(t *testing.T) {
	rng := noise(3)
	got := feed(1600, []string{"a", "b"}, func(row, m int) float64 {
		v := 20 + rng.NormFloat64()
		if m == 0 && row >= 1000 {
			v += 8
		}
		if m == 1 && row >= 1300 {
			v -= 6
		}
		return v
	})
	if len(got) != 2 || got[0].Verdict != detectors.Faulty || got[1].Verdict != detectors.Worse {
		t.Fatalf("decisions %+v", got)
	}
	first, second := got[0], got[1]
	if first.Onset != 1_000_000 || first.Reason.Params["metric"] != "a" || first.Reason.Key != detectors.ReasonAbnormalAbove {
		t.Errorf("raised with onset %d: %v", first.Onset, first.Reason)
	}
	if second.Onset != 1_300_000 || second.Reason.Params["metric"] != "b" || second.Reason.Key != detectors.ReasonAbnormalBelow || second.Reason.Params["seconds"] != "79" || len(second.Signals) != 2 {
		t.Errorf("joined with onset %d: %v", second.Onset, second.Reason)
	}
}

// A higher level asks for more, a lower one for less, and a judge that was saved and restored asks for the same once it is told again.
func TestLevel(t *testing.T) {
	run := func(level float64, saved int) (rows []int) {
		rng := noise(5)
		m := New(DefaultConfig())
		j := m.New()
		j.Metric("a", "device")
		j.(detectors.Leveled).SetLevel(0, DefaultConfig().Threshold*level)
		for row := range 1200 {
			if row == saved {
				state := j.AppendState(nil)
				j = m.New()
				if err := j.RestoreState(state); err != nil {
					t.Fatal(err)
				}
				j.(detectors.Leveled).SetLevel(0, DefaultConfig().Threshold*level)
			}
			v := 20 + rng.NormFloat64()
			if row >= 1000 {
				v += 1.6
			}
			j.Observe(0, int64(row)*1000, v, detectors.Expectation{})
			for _, d := range j.Decide(int64(row) * 1000) {
				if d.Verdict == detectors.Faulty {
					rows = append(rows, row)
				}
			}
		}
		return rows
	}
	for _, saved := range []int{-1, 1050} {
		low, usual, high := run(0.5, saved), run(1, saved), run(2, saved)
		if len(low) == 0 || len(usual) == 0 || low[0] > usual[0] || len(high) > 0 {
			t.Errorf("saved in row %d: decided in rows %v at half, %v at the usual and %v at twice the level", saved, low, usual, high)
		}
	}
}
