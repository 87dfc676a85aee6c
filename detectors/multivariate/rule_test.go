package multivariate

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/presage-pdm/presage/detectors"
)

// rowsOf feeds a detector of the metrics a, b and c with rows in which a and b go together, which b no longer does from a row on, and
// returns the rows in which its verdict became faulty. It is saved and restored in a row, -1 for never.
func rowsOf(t *testing.T, breaks, saved int) (faulty []int, d detectors.Detector) {
	t.Helper()
	cfg := DefaultConfig()
	cfg.WarmUp, cfg.AlertRate = 200, 1e-7
	m := NewRule(cfg, []string{"a", "b", "c"})
	d = m.New("", detectors.MetricPlan{})
	rng := rand.New(rand.NewPCG(3, 4))
	was := detectors.Healthy
	for row := range 1000 {
		if row == saved {
			state := d.AppendState(nil)
			d = m.New("", detectors.MetricPlan{})
			if err := d.RestoreState(state); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(d.AppendState(nil), state) {
				t.Fatal("the state is another after it was restored")
			}
		}
		now := int64(row+1) * 1000
		a := rng.NormFloat64()
		values := map[string]float64{"a": a, "b": 10 + a + 0.3*rng.NormFloat64(), "c": 5 + rng.NormFloat64()}
		if row >= breaks {
			values["b"] += 4
		}
		v := d.Observe(&detectors.Input{Kind: detectors.MomentInput, Time: now, Latest: func(name string) (float64, int64, bool) {
			x, ok := values[name]
			return x, now, ok
		}})
		if v != detectors.Healthy && was == detectors.Healthy {
			faulty = append(faulty, row)
		}
		was = v
	}
	return faulty, d
}

func TestRule(t *testing.T) {
	const never = 1 << 30
	if faulty, _ := rowsOf(t, never, -1); len(faulty) > 0 {
		t.Errorf("a healthy device was faulty in rows %v", faulty)
	}
	for _, saved := range []int{-1, 150, 500, 610} {
		faulty, d := rowsOf(t, 600, saved)
		if len(faulty) != 1 || faulty[0] < 600 || faulty[0] > 640 {
			t.Fatalf("saved in row %d: faulty from rows %v on, want one soon after 600", saved, faulty)
		}
		e := d.Explain()
		if e.Onset < 600_000 || e.Onset > 641_000 || e.Signals[0].Metric != "b" {
			t.Errorf("saved in row %d: explained by %+v", saved, e)
		}
	}
}

func TestRuleOfOtherMetrics(t *testing.T) {
	_, d := rowsOf(t, 600, -1)
	state := d.AppendState(nil)
	for _, metrics := range [][]string{{"a", "b"}, {"a", "b", "x"}} {
		if NewRule(DefaultConfig(), metrics).New("", detectors.MetricPlan{}).RestoreState(state) == nil {
			t.Errorf("a chart of %v takes the state of another", metrics)
		}
	}
}
