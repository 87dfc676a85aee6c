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
func closed(rule string, from time.Time, n int, resolution string) []Outcome {
	var all []Outcome
	for i := range n {
		at := from.Add(time.Duration(i+1) * time.Minute)
		all = append(all, Outcome{
			Subject: Subject{rule, "X1"}, Ticket: fmt.Sprintf("%s-%s-%d", rule, at.Format("0405"), i), Resolution: resolution,
			Onset: at.Add(-30 * time.Second), Opened: at, Closed: at.Add(10 * time.Minute),
		})
	}
	return all
}

func TestAssess(t *testing.T) {
	outcomes := append(closed("hot", t0, 3, tickets.ResolutionRepaired), closed("hot", t0, 1, tickets.ResolutionNoFaultFound)...)
	outcomes = append(outcomes, closed("hot", t0, 2, tickets.ResolutionRecovered)...)
	outcomes = append(outcomes, closed("hot", t0, 1, tickets.ResolutionDuplicate)...)
	outcomes = append(outcomes, Outcome{Subject: Subject{"hot", "X1"}, Open: true, Resolution: tickets.ResolutionRepaired}) // reopened
	outcomes[0].Onset = outcomes[0].Opened.Add(-90 * time.Second)
	got := Assess(outcomes, map[string]int{"X1": 4}, 60*24*time.Hour)
	if len(got) != 1 {
		t.Fatalf("%d figures", len(got))
	}
	f := got[0]
	if f.Tickets != 8 || f.Confirmed != 3 || f.Refuted != 1 || f.Unlabelled != 4 {
		t.Errorf("counts %+v", f)
	}
	if *f.Precision != 0.75 || *f.DelaySeconds != 30 || *f.FalsePerDeviceMonth != 0.125 || *f.PrecisionInterval != Wilson(3, 4) {
		t.Errorf("precision %v %v, delay %v, false %v", *f.Precision, *f.PrecisionInterval, *f.DelaySeconds, *f.FalsePerDeviceMonth)
	}
	if got := Assess(closed("hot", t0, 2, tickets.ResolutionRecovered), nil, time.Hour); got[0].Precision != nil || got[0].FalsePerDeviceMonth != nil || got[0].DelaySeconds != nil {
		t.Errorf("figures of nothing: %+v", got[0])
	}
}

func TestReview(t *testing.T) {
	const good, bad = tickets.ResolutionRepaired, tickets.ResolutionNoFaultFound
	later := t0.Add(24 * time.Hour)
	mix := func(hits, misses int) []Outcome {
		return append(closed("hot", t0, hits, good), closed("hot", t0, misses, bad)...)
	}
	for _, c := range []struct {
		name     string
		outcomes []Outcome
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
		{"put back after them", mix(0, 20), []Setting{{Subject: Subject{"hot", "X1"}, At: later}}, false},
		{"put back before them", closed("hot", later, 10, bad), []Setting{{Subject: Subject{"hot", "X1"}, At: later}}, true},
		{"another model is put back", mix(0, 20), []Setting{{Subject: Subject{"hot", "X2"}, At: later}}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := DefaultPolicy().Review(c.outcomes, c.settings, later)
			if (len(got) == 1) != c.drops || len(got) > 1 {
				t.Fatalf("changes %+v, drops: want %v", got, c.drops)
			}
			if c.drops && (got[0].Stage != detectors.StageShadow || got[0].By != ByReview || got[0].Subject != (Subject{"hot", "X1"})) {
				t.Errorf("change %+v", got[0])
			}
		})
	}
	off := DefaultPolicy()
	off.MinPrecision = 0
	if got := off.Review(mix(0, 50), nil, later); got != nil {
		t.Errorf("turned off, yet %+v", got)
	}
}
