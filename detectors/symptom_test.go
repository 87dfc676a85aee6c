package detectors_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
)

const symptomBook = `
version: 1
models:
  - rules:
      - {id: jump, fault: jump, metric: temp, changepoint: {shift: 2}}
      - {id: hot, fault: jump, metric: temp, limit: {above: 100}}
      - {id: dry, fault: dry, metric: flow, limit: {below: -100}}
faults:
  - {code: jump, severity: critical, title: {en: Jump}}
  - {code: dry, severity: major, title: {en: Dry}}
`

// troubled feeds a device with two metrics, flow and temp, of one component, a reading of each a second, and is restarted now and then. What level tells
// is added to them. It returns what was found, as "phase fault rule withheld".
func troubled(t *testing.T, book string, seconds int64, level func(i int64) (flow, temp float64)) (found []string, all []detectors.Finding) {
	t.Helper()
	e, rng := engine(t, book), rand.New(rand.NewPCG(3, 4))
	for i := range seconds {
		flow, temp := level(i)
		at := start + i*1000
		b := reading("flow", at, 20+flow+rng.NormFloat64())
		b.Samples = append(b.Samples, telemetry.Sample{Metric: "temp", Time: at, Value: 60 + temp + rng.NormFloat64()})
		for _, f := range e.Apply(b) {
			all = append(all, f)
			found = append(found, fmt.Sprintf("%s %s %s %s", f.Phase, f.FaultCode, f.Rule, f.Withheld))
		}
		if i%97 == 0 {
			e = restarted(t, e, book)
		}
	}
	return found, all
}

func TestOneTroubleOfAComponentIsToldOnce(t *testing.T) {
	within := func(i, from, to int64, v float64) float64 {
		if i < from || i >= to {
			return 0
		}
		return v
	}
	for _, c := range []struct {
		name  string
		level func(i int64) (flow, temp float64)
		want  []string // in this order, others may lie between
		never []string
		late  []string // not before all that is wanted
	}{{
		name:  "the rule first",
		level: func(i int64) (float64, float64) { return 0, within(i, 600, 1000, 12) },
		want:  []string{"raised jump jump ", "raised abnormal-behaviour base component", "continued jump base ", "cleared jump jump "},
		never: []string{"raised abnormal-behaviour base "},
	}, {
		name:  "the statistical tier first",
		level: func(i int64) (float64, float64) { return within(i, 600, 1400, -12), within(i, 800, 1400, 12) },
		want: []string{"raised abnormal-behaviour base ", "raised jump jump component", "continued abnormal-behaviour jump ",
			"cleared jump jump component", "cleared abnormal-behaviour base "},
		never: []string{"raised jump jump "},
	}, {
		name:  "the first ends, the other holds",
		level: func(i int64) (float64, float64) { return within(i, 800, 2000, -12), within(i, 600, 900, 12) },
		want:  []string{"raised jump jump ", "raised abnormal-behaviour base component", "cleared jump jump ", "raised abnormal-behaviour base "},
	}, {
		name: "a rule joins that knows what is broken",
		level: func(i int64) (float64, float64) {
			return within(i, 600, 1400, -12), within(i, 800, 1400, 12) + within(i, 1000, 1010, 100)
		},
		want: []string{"raised abnormal-behaviour base ", "raised jump jump component", "raised jump hot "},
	}, {
		name: "a rule that knows what is broken joins what is told",
		level: func(i int64) (float64, float64) {
			return 0, within(i, 600, 1000, 12) + within(i, 850, 950, 45)
		},
		want: []string{"raised jump jump ", "raised abnormal-behaviour base component", "continued jump hot ", "cleared jump jump "},
		late: []string{"raised abnormal-behaviour base "},
	}, {
		name: "a rule that knows what is broken tells for itself",
		level: func(i int64) (float64, float64) {
			return within(i, 600, 1400, -12) + within(i, 900, 910, -200), 0
		},
		want: []string{"raised abnormal-behaviour base ", "raised dry dry ", "cleared dry dry "},
	}} {
		t.Run(c.name, func(t *testing.T) {
			found, all := troubled(t, symptomBook, 2200, c.level)
			rest := found
			for _, w := range c.want {
				i := slices.Index(rest, w)
				if i < 0 {
					t.Fatalf("%q is missing, or not in its place, in\n%q", w, found)
				}
				rest = rest[i+1:]
			}
			for _, l := range c.late {
				if slices.Contains(found[:len(found)-len(rest)], l) {
					t.Errorf("%q comes too early in\n%q", l, found)
				}
			}
			for _, n := range c.never {
				if slices.Contains(found, n) {
					t.Errorf("%q is among\n%q", n, found)
				}
			}
			ids := map[string]bool{}
			for _, f := range all {
				if ids[f.ID] {
					t.Errorf("two findings have the identity of %s %s %s", f.Phase, f.FaultCode, f.Rule)
				}
				ids[f.ID] = true
			}
		})
	}
}

// A fault that was explained by something else, which ended, is still a symptom of what another has told meanwhile.
func TestSymptomThatIsExplainedNoLongerJoinsWhatIsTold(t *testing.T) {
	book := `
version: 1
models:
  - rules:
      - {id: jump, fault: jump, metric: temp, changepoint: {shift: 2}}
      - {id: dry, fault: dry, metric: flow, limit: {below: -100}}
faults:
  - {code: jump, severity: critical, title: {en: Jump}}
  - {code: dry, severity: major, inhibits: [abnormal-behaviour], title: {en: Dry}}
`
	found, _ := troubled(t, book, 2200, func(i int64) (flow, temp float64) {
		if i >= 610 {
			temp = 12
		}
		switch {
		case i >= 660:
			flow = -12
		case i >= 600:
			flow = -200
		}
		return flow, temp
	})
	rest := found
	for _, w := range []string{
		"raised jump jump ", "raised abnormal-behaviour base inhibited", "raised abnormal-behaviour base component", "continued jump base ",
	} {
		i := slices.Index(rest, w)
		if i < 0 {
			t.Fatalf("%q is missing, or not in its place, in\n%q", w, found)
		}
		told := slices.Index(rest, "cleared jump jump ")
		if early := slices.Index(rest, "raised abnormal-behaviour base "); early >= 0 && early < told {
			t.Fatalf("two tickets for one trouble in\n%q", found)
		}
		rest = rest[i+1:]
	}
}

// What the rule knows comes along: its own severity, signals and reason.
func TestEvidenceOfASymptomIsItsOwn(t *testing.T) {
	_, all := troubled(t, symptomBook, 1000, func(i int64) (flow, temp float64) {
		if i >= 600 {
			flow = -12
		}
		if i >= 800 {
			temp = 12
		}
		return flow, temp
	})
	i := slices.IndexFunc(all, func(f detectors.Finding) bool { return f.FaultCode == detectors.FaultAbnormal && f.Rule == "jump" })
	if i < 0 {
		t.Fatal("nothing of the rule in the fault that tells")
	}
	if f := all[i]; f.Severity != telemetry.Critical || f.Detector != "changepoint" || f.Phase != detectors.Continued || len(f.Signals) == 0 || f.Signals[0].Metric != "temp" {
		t.Errorf("finding %+v", f)
	}
}

// A rule on trial says nothing in the tickets of others, and they do not withhold it.
func TestSymptomOnTrialStaysApart(t *testing.T) {
	book := `
version: 1
models:
  - rules:
      - {id: jump, fault: jump, metric: temp, stage: shadow, changepoint: {shift: 2}}
faults:
  - {code: jump, severity: critical, title: {en: Jump}}
`
	found, _ := troubled(t, book, 1000, func(i int64) (flow, temp float64) {
		if i >= 600 {
			temp = 12
		}
		return 0, temp
	})
	for _, w := range []string{"raised jump jump shadow", "raised abnormal-behaviour base "} {
		if !slices.Contains(found, w) {
			t.Errorf("%q is missing in\n%q", w, found)
		}
	}
	if slices.Contains(found, "continued abnormal-behaviour jump ") {
		t.Errorf("a rule on trial speaks in\n%q", found)
	}
}
