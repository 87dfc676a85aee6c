package quality

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/tickets"
)

var t0 = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// Found by bisection of (hits/n - p)^2 = z^2 p (1-p) / n, which the interval inverts, with z = 1.644854.
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		hits, n   int
		low, high float64
	}{
		{0, 0, 0, 1},
		{0, 10, 0, 0.2129},
		{10, 10, 0.7871, 1},
		{4, 10, 0.1942, 0.6484},
		{16, 50, 0.2231, 0.4353},
		{1, 1, 0.2699, 1},
	} {
		got := Wilson(c.hits, c.n)
		if math.Abs(got.Low-c.low) > 5e-5 || math.Abs(got.High-c.high) > 5e-5 {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", c.hits, c.n, got.Low, got.High, c.low, c.high)
		}
	}
}

// closed returns n tickets of a rule, opened one a minute from a time on and closed ten minutes later with a code.
func closed(rule string, from time.Time, n int, resolution string) []Ticket {
	var all []Ticket
	for i := range n {
		at := from.Add(time.Duration(i+1) * time.Minute)
		id := fmt.Sprintf("%s-%s-%d", rule, at.Format("0405"), i)
		all = append(all, Ticket{
			Subject: Subject{rule, "X1"}, ID: id, Device: "on-" + id, Component: "engine", Resolution: resolution,
			Onset: at.Add(-30 * time.Second), Opened: at, Closed: at.Add(10 * time.Minute),
		})
	}
	return all
}

// known is what is known 60 days after some tickets began to open.
func known(all []Ticket, failures ...ModelFailure) *Known {
	return &Known{
		Tickets: all, Failures: failures, Devices: map[string]int{"X1": 4},
		Span: Span{From: t0.Add(-time.Hour), To: t0.Add(60*24*time.Hour - time.Hour), Horizon: 30 * 24 * time.Hour},
	}
}

func failed(device, component string, at time.Time) ModelFailure {
	return ModelFailure{Failure{Device: device, Component: component, FailedAt: at}, "X1"}
}

func TestAssess(t *testing.T) {
	all := append(closed("hot", t0, 3, tickets.ResolutionRepaired), closed("hot", t0, 1, tickets.ResolutionNoFaultFound)...)
	all = append(all, closed("hot", t0, 2, tickets.ResolutionRecovered)...)
	all = append(all, closed("hot", t0, 1, tickets.ResolutionDuplicate)...)
	all = append(all, Ticket{Subject: Subject{"hot", "X1"}, Open: true, Resolution: tickets.ResolutionRepaired, Opened: t0}) // reopened
	all[0].Onset = all[0].Opened.Add(-90 * time.Second)
	got, models, err := Assess(known(all))
	if err != nil || len(got) != 1 || len(models) != 1 {
		t.Fatalf("%d figures, %d of models, %v", len(got), len(models), err)
	}
	f := got[0]
	if f.Tickets != 8 || f.Confirmed != 3 || f.Refuted != 1 || f.Unlabelled != 4 || f.Recall != nil || f.Lead != nil {
		t.Errorf("counts %+v", f)
	}
	if *f.Precision != 0.75 || *f.DelaySeconds != 30 || *f.FalsePerDeviceMonth != 0.125 || *f.PrecisionInterval != Wilson(3, 4) {
		t.Errorf("precision %v %v, delay %v, false %v", *f.Precision, *f.PrecisionInterval, *f.DelaySeconds, *f.FalsePerDeviceMonth)
	}
	nothing := known(closed("hot", t0, 2, tickets.ResolutionRecovered))
	nothing.Devices = nil
	if got, _, _ := Assess(nothing); got[0].Precision != nil || got[0].FalsePerDeviceMonth != nil || got[0].DelaySeconds != nil {
		t.Errorf("figures of nothing: %+v", got[0])
	}
}

// Two rules watch a model: each is asked how many failures it warned of, the model how many any of them did. Worked out by hand.
func TestAssessFailures(t *testing.T) {
	hour := func(n int) time.Time { return t0.Add(time.Duration(n) * time.Hour) }
	ticket := func(rule, device string, opened time.Time, resolution string) Ticket {
		return Ticket{Subject: Subject{rule, "X1"}, ID: rule + device, Device: device, Component: "engine", Onset: opened, Opened: opened, Resolution: resolution}
	}
	early := ticket("hot", "e", t0.Add(-50*time.Hour), tickets.ResolutionNoFaultFound) // before the span: it warns, and counts neither way
	k := known([]Ticket{
		ticket("hot", "a", hour(0), tickets.ResolutionRecovered),    // a fails 10 h later: a fault after all
		ticket("hot", "b", hour(0), tickets.ResolutionNoFaultFound), // b fails too, yet who looked at it knows better
		ticket("cold", "b", hour(6), ""),                            // and this one warned of it
		ticket("cold", "c", hour(20), tickets.ResolutionRecovered),  // after c failed
		early,
	}, failed("a", "engine", hour(10)), failed("b", AnyComponent, hour(8)), failed("c", "engine", hour(12)),
		failed("a", "brakes", hour(20)), failed("e", "engine", hour(3)),
		ModelFailure{Failure{Device: "z", Component: "engine", FailedAt: hour(1)}, "X2"})
	rules, models, err := Assess(k)
	if err != nil || len(rules) != 2 || len(models) != 2 {
		t.Fatalf("%+v, %+v, %v", rules, models, err)
	}
	cold, hot, x1, x2 := rules[0], rules[1], models[0], models[1]
	if cold.Tickets != 2 || cold.Confirmed != 1 || cold.Unlabelled != 1 || cold.Found != 1 || cold.Failures != 5 || *cold.Recall != 0.2 {
		t.Errorf("cold %+v", cold)
	}
	if hot.Tickets != 2 || hot.Confirmed != 1 || hot.Refuted != 1 || hot.Found != 3 || *hot.Recall != 0.6 {
		t.Errorf("hot %+v", hot)
	}
	if x1.Tickets != 4 || x1.Confirmed != 2 || x1.Refuted != 1 || x1.Unlabelled != 1 || x1.Found != 3 || x1.Failures != 5 || *x1.Lead != (Quartiles{9 * 3600, 10 * 3600, 31.5 * 3600}) {
		t.Errorf("model X1 %+v %+v", x1, x1.Lead)
	}
	if x2.Model != "X2" || x2.Tickets != 0 || x2.Failures != 1 || x2.Found != 0 || *x2.Recall != 0 || x2.Precision != nil {
		t.Errorf("model X2, of which nobody was warned: %+v", x2)
	}
}

func TestReview(t *testing.T) {
	const good, bad = tickets.ResolutionRepaired, tickets.ResolutionNoFaultFound
	later := t0.Add(24 * time.Hour)
	mix := func(hits, misses int) []Ticket {
		return append(closed("hot", t0, hits, good), closed("hot", t0, misses, bad)...)
	}
	for _, c := range []struct {
		name     string
		tickets  []Ticket
		settings []Setting
		drops    bool
	}{
		{"nothing", nil, nil, false},
		{"too few labels", mix(0, 9), nil, false},
		{"ten false alarms", mix(0, 10), nil, true},
		{"four of ten", mix(4, 6), nil, true},
		{"five of ten", mix(5, 5), nil, false},
		{"recovered tickets are no labels", append(mix(0, 9), closed("hot", t0, 20, tickets.ResolutionRecovered)...), nil, false},
		{"only the newest count: good at last", append(mix(0, 50), closed("hot", later, 50, good)...), nil, false},
		{"only the newest count: bad at last", append(mix(100, 0), closed("hot", later, 50, bad)...), nil, true},
		{"in shadow already", mix(0, 20), []Setting{{Subject: Subject{"hot", "X1"}, Stage: detectors.StageShadow}}, false},
		{"its level rose after them", mix(0, 20), []Setting{Setting{Subject: Subject{"hot", "X1"}}.WithLevel(1.25, "anna", "", later)}, false},
		{"put back after them", mix(0, 20), []Setting{{Subject: Subject{"hot", "X1"}, At: later}}, false},
		{"put back before them", closed("hot", later, 10, bad), []Setting{{Subject: Subject{"hot", "X1"}, At: later}}, true},
		{"another model is put back", mix(0, 20), []Setting{{Subject: Subject{"hot", "X2"}, At: later}}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := DefaultPolicy().Review(known(c.tickets), c.settings, later)
			if err != nil || (len(got) == 1) != c.drops || len(got) > 1 {
				t.Fatalf("changes %+v, drops: want %v", got, c.drops)
			}
			if c.drops && (got[0].Stage != detectors.StageShadow || got[0].By != ByReview || got[0].Subject != (Subject{"hot", "X1"})) {
				t.Errorf("change %+v", got[0])
			}
		})
	}
	off := DefaultPolicy()
	off.MinPrecision = 0
	if got, _ := off.Review(known(mix(0, 50)), nil, later); got != nil {
		t.Errorf("turned off, yet %+v", got)
	}
}
