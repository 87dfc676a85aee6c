package detectors_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/decision"
	"github.com/presage-pdm/presage/telemetry"
)

// moody returns batches of a device with two metrics, of which one is elsewhere now and then, and a little elsewhere more often.
func moody(n int) []telemetry.Batch {
	rng := rand.New(rand.NewPCG(8, 8))
	away, left := 0.0, 0
	batches := make([]telemetry.Batch, n)
	for i := range batches {
		if left--; left < 0 {
			away, left = 0, 300
			if i > 2000 && rng.IntN(3) == 0 {
				away = []float64{1, 8, 8}[rng.IntN(3)]
			}
		}
		b := reading("flow", start+int64(i)*1000, 20+away+rng.NormFloat64())
		b.Samples = append(b.Samples, telemetry.Sample{Metric: "temp", Time: b.Samples[0].Time, Value: 50 + rng.NormFloat64()})
		batches[i] = *b
	}
	return batches
}

// abnormal returns the decisions that a device behaves unlike itself.
func abnormal(fs []detectors.Finding) (out []detectors.Finding) {
	for _, f := range fs {
		if f.FaultCode == detectors.FaultAbnormal && f.Phase == detectors.Raised {
			out = append(out, f)
		}
	}
	return out
}

// A checkpoint and restore at any point equals never having stopped, also for what is decided and from which level on.
func TestDecisionsSurviveRestarts(t *testing.T) {
	batches := moody(16_000)
	whole, again := engine(t, ruleBook), engine(t, ruleBook)
	rng := rand.New(rand.NewPCG(2, 7))
	raised, learned := 0, false
	for i := range batches {
		a, err := json.Marshal(append([]detectors.Finding{}, whole.Apply(&batches[i])...))
		if err != nil {
			t.Fatal(err)
		}
		found := append([]detectors.Finding{}, again.Apply(&batches[i])...)
		b, err := json.Marshal(found)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Fatalf("batch %d: found %s after a restart, want %s", i, b, a)
		}
		for _, f := range abnormal(found) {
			raised++
			surprise, level := number(t, f, "surprise"), number(t, f, "level")
			if surprise < level-0.05 || f.Score < 0.5 || f.PValue <= 0 || f.PValue > 0.01 {
				t.Errorf("a surprise of %v at the level %v has the score %v and the probability %v", surprise, level, f.Score, f.PValue)
			}
			learned = learned || level > 4.2
		}
		if rng.IntN(400) == 0 {
			state := again.AppendState(nil)
			again = engine(t, ruleBook)
			if err := again.Restore(state); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !bytes.Equal(whole.AppendState(nil), again.AppendState(nil)) {
		t.Error("the state differs after restarts")
	}
	if raised < 2 || !learned {
		t.Errorf("%d decisions, a level that had risen: %v; the readings prove too little", raised, learned)
	}
}

func number(t *testing.T, f detectors.Finding, param string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(f.Reason.Params[param], 64)
	if err != nil {
		t.Fatalf("%s: %v", param, err)
	}
	return v
}

// A smaller budget and a higher level of the plan decide less; a larger budget more.
func TestBudgetAndLevelOfThePlan(t *testing.T) {
	batches := moody(16_000)
	count := func(budget decision.Budget, level float64) (raised int) {
		cfg, p := detectors.DefaultConfig(), *plans(t, ruleBook).Plan("default", "d1")
		cfg.FalseTickets, p.Level = budget, level
		e := detectors.NewEngine(cfg, onePlan{&p})
		for i := range batches {
			raised += len(abnormal(e.Apply(&batches[i])))
		}
		return raised
	}
	usual := count(decision.DefaultBudget, 0)
	if same := count(decision.DefaultBudget, 1); same != usual {
		t.Errorf("%d decisions at the level 1, %d without one", same, usual)
	}
	if less := count(decision.LeastBudget, 0); less >= usual {
		t.Errorf("%d decisions with the smallest budget, %d with the usual one", less, usual)
	}
	if less := count(decision.DefaultBudget, 2); less >= usual {
		t.Errorf("%d decisions at twice the level, %d at the usual one", less, usual)
	}
	if more := count(decision.MostBudget, 0); more <= usual {
		t.Errorf("%d decisions with the largest budget, %d with the usual one", more, usual)
	}
}
