package detectors_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/catalog"
)

var inShadow = catalog.Change{Rollout: detectors.Rollout{Stage: detectors.StageShadow}}

func canary(share float64) detectors.Rollout {
	return detectors.Rollout{Stage: detectors.StageCanary, Canary: share}
}

// Devices never change sides: these are the devices that a share of 20 % had from the beginning.
func TestCanaryGolden(t *testing.T) {
	var live []string
	for i := range 20 {
		id := fmt.Sprintf("pump-%02d", i)
		if !canary(0.2).OnTrial("default", id, "overheat") {
			live = append(live, id)
		}
	}
	if got, want := strings.Join(live, " "), "pump-02 pump-03 pump-05"; got != want {
		t.Errorf("live on %s, want %s", got, want)
	}
}

func TestCanaryShare(t *testing.T) {
	const n = 20000
	live, kept, both := 0, 0, 0
	for i := range n {
		id := fmt.Sprintf("d%d", i)
		a := !canary(0.1).OnTrial("default", id, "a")
		if a {
			live++
			if !canary(0.3).OnTrial("default", id, "a") {
				kept++
			}
			if !canary(0.1).OnTrial("default", id, "b") {
				both++
			}
		}
	}
	// Four standard deviations of a binomial count.
	if off := math.Abs(float64(live) - 0.1*n); off > 4*math.Sqrt(n*0.1*0.9) {
		t.Errorf("live on %d of %d devices, want about a tenth", live, n)
	}
	if kept != live {
		t.Errorf("a larger share keeps %d of %d devices", kept, live)
	}
	if off := math.Abs(float64(both) - 0.01*n); off > 4*math.Sqrt(n*0.01) {
		t.Errorf("two rules share %d devices, want about %d", both, n/100)
	}
}

// A rule that changes its stage while its condition holds is cleared on the old side and raised on the new one, and
// keeps its state, also over a restart; the same holds for the statistical tier.
func TestChangeOfStage(t *testing.T) {
	p := plans(t, ruleBook)
	stage := func(s detectors.Stage) {
		p.SetRollouts(catalog.Rollouts{{Tenant: "default"}: {"hot": {Rollout: detectors.Rollout{Stage: s}}}})
	}
	e := detectors.NewEngine(detectors.DefaultConfig(), p)
	e.Apply(reading("temp", start, 101))
	want(t, e.Apply(reading("temp", start+10_000, 101)), "raised overheat cooling")
	stage(detectors.StageShadow)
	want(t, e.Apply(reading("temp", start+11_000, 101)), "cleared overheat cooling, raised overheat cooling (shadow)")
	want(t, e.Apply(reading("temp", start+12_000, 101)), "")
	stage(detectors.StageLive)
	want(t, e.Apply(reading("temp", start+13_000, 101)), "cleared overheat cooling (shadow), raised overheat cooling")
	want(t, e.Apply(reading("temp", start+14_000, 90)), "cleared overheat cooling")
	want(t, e.Apply(reading("temp", start+15_000, 90)), "")
}

// What differs from the catalogue stays when another catalogue is put in place, and touches its scope only.
func TestRolloutsStay(t *testing.T) {
	p := plans(t, ruleBook)
	before := p.Plan("other", "d1")
	p.SetRollouts(catalog.Rollouts{{Tenant: "default"}: {"hot": inShadow, detectors.BaseRule: inShadow}})
	if p.Plan("other", "d1") != before {
		t.Error("the plan of another tenant changed")
	}
	if a, b := p.Plan("default", "d1"), p.Plan("default", "d2"); a != b || a == before || a.BaseRollout.Stage != detectors.StageShadow {
		t.Errorf("plans %p and %p with the base in stage %q", a, b, a.BaseRollout.Stage)
	}
	p.Swap(compile(t, ruleBook))
	for _, r := range p.Plan("default", "d1").Rules {
		if r.ID == "hot" && r.Rollout.Stage != detectors.StageShadow {
			t.Errorf("after another catalogue the rule is in stage %q", r.Rollout.Stage)
		}
	}
}

// The statistical tier has stages too, and what it holds moves with them.
func TestChangeOfStageOfTheBase(t *testing.T) {
	p := plans(t, settleBook)
	e, rng := detectors.NewEngine(detectors.DefaultConfig(), p), rand.New(rand.NewPCG(1, 2))
	found := func(from, to int64, level float64) (said []detectors.Finding) {
		for i := from; i < to; i++ {
			said = append(said, e.Apply(reading("flow", start+i*1000, level+rng.NormFloat64()))...)
		}
		return said
	}
	found(0, 450, 20)
	if got := brief(found(450, 600, 30)); !strings.HasPrefix(got, "raised abnormal-behaviour device") || strings.Contains(got, "shadow") {
		t.Fatalf("found %q, want the shift raised", got)
	}
	p.SetRollouts(catalog.Rollouts{{Tenant: "default"}: {detectors.BaseRule: inShadow}})
	if got := brief(found(600, 610, 30)); !strings.HasPrefix(got, "cleared abnormal-behaviour device, raised abnormal-behaviour device (shadow)") {
		t.Fatalf("found %q, want the shift to go into shadow", got)
	}
}

// The level of the statistical tier reaches the judges of devices that are watched already, and of those that are restored; the
// stage of the catalogue stays.
func TestChangeOfLevel(t *testing.T) {
	shift := func(level float64, restored bool) string {
		p := plans(t, settleBook)
		e, rng := detectors.NewEngine(detectors.DefaultConfig(), p), rand.New(rand.NewPCG(1, 2))
		var said []detectors.Finding
		for i := range int64(600) {
			if i == 300 {
				p.SetRollouts(catalog.Rollouts{{Tenant: "default"}: {detectors.BaseRule: {Level: level}}})
			}
			if i == 440 && restored {
				state := e.AppendState(nil)
				e = detectors.NewEngine(detectors.DefaultConfig(), p)
				if err := e.Restore(state); err != nil {
					t.Fatal(err)
				}
			}
			v := 20 + rng.NormFloat64()
			if i >= 450 {
				v += 1.9
			}
			said = append(said, e.Apply(reading("flow", start+i*1000, v))...)
		}
		return brief(said)
	}
	for _, restored := range []bool{false, true} {
		if got := shift(1, restored); !strings.HasPrefix(got, "raised abnormal-behaviour device") || strings.Contains(got, "shadow") {
			t.Errorf("restored %v: found %q at the usual level, want the shift", restored, got)
		}
		if got := shift(2, restored); got != "" {
			t.Errorf("restored %v: found %q at twice the level", restored, got)
		}
	}
}
