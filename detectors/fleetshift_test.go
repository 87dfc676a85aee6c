package detectors_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
)

// pumps are devices of one model that report their temperature once a minute, all within it.
type pumps struct {
	engine *detectors.Engine
	cfg    detectors.Config
	plans  detectors.Plans
	rng    *rand.Rand
	at     int64
	found  []detectors.Finding // raised and cleared
	stop   int                 // restart every so many minutes; 0 for never
}

func newPumps(t testing.TB) *pumps {
	p := fleetPlans(t, "version: 1\nmodels:\n  - metrics:\n      - {name: temp, unit: °C, component: cooling}\n")
	cfg := detectors.DefaultConfig()
	cfg.Firmware = func(_, device string) string { // one device in four has an older one, one in eight none that is known
		switch i, _ := strconv.Atoi(device[strings.IndexByte(device, ':')+1:]); {
		case i%8 == 1:
			return ""
		case i%4 == 0:
			return "1.9"
		}
		return "2.0"
	}
	return &pumps{engine: detectors.NewEngine(cfg, p), cfg: cfg, plans: p, rng: rand.New(rand.NewPCG(5, 6)), at: start}
}

// run lets n devices of each model report for some minutes, those that wrong says so many degrees off.
func (p *pumps) run(t *testing.T, models string, n, minutes int, wrong func(device int) float64) {
	t.Helper()
	keep := func(fs []detectors.Finding) {
		for _, f := range fs {
			if f.Phase != detectors.Continued {
				p.found = append(p.found, f)
			}
		}
	}
	for minute := range minutes {
		p.at += 60_000
		for _, model := range strings.Fields(models) {
			for i := range n {
				at := p.at + int64(i)
				keep(p.engine.Apply(&telemetry.Batch{Tenant: "default", Device: fmt.Sprintf("%s:%d", model, i), Arrival: at + 20, Samples: []telemetry.Sample{
					{Metric: "temp", Time: at, Value: 50 + float64(i%7) + p.rng.NormFloat64() + wrong(i)},
				}}))
			}
		}
		keep(p.engine.Elapse(p.at+59_000, 60))
		if p.stop > 0 && minute%p.stop == 0 {
			again := detectors.NewEngine(p.cfg, p.plans)
			if err := again.Restore(p.engine.AppendState(nil)); err != nil {
				t.Fatal(err)
			}
			p.engine = again
		}
	}
}

// count tells how many findings of a fault there are in a phase, withheld for a reason.
func (p *pumps) count(fault string, phase detectors.Phase, withheld string) (n int) {
	for _, f := range p.found {
		if f.FaultCode == fault && f.Phase == phase && f.Withheld == withheld {
			n++
		}
	}
	return n
}

// Two hundred devices that change together are one fault, of the cohort, and it ends with them.
func TestManyDevicesThatChangeTogetherAreOneFault(t *testing.T) {
	for _, stop := range []int{0, 37} {
		p := newPumps(t)
		p.stop = stop
		p.run(t, "pump-a", 200, 320, func(int) float64 { return 0 })
		want(t, p.found, "")
		p.run(t, "pump-a", 200, 120, func(int) float64 { return 8 })
		if one, single, alike := p.count("fleet-shift", detectors.Raised, ""), p.count("abnormal-behaviour", detectors.Raised, ""), p.count("abnormal-behaviour", detectors.Raised, detectors.WithheldFleet); one != 1 || single != 0 || alike < 190 {
			t.Fatalf("%d faults of the fleet, %d of single devices and %d that it explains, want 1, 0 and nearly 200", one, single, alike)
		}
		f := p.found[0]
		if f.Device != "cohort:pump-a" || f.Component != "cooling" || f.Reason.Key != detectors.ReasonFleetAbove || f.Reason.Params["metric"] != "temp" || f.Reason.Params["devices"] != "200" || f.Tenant != "default" {
			t.Errorf("finding %+v", f)
		}
		count, _ := strconv.Atoi(f.Reason.Params["count"])
		if same, _ := strconv.Atoi(f.Reason.Params["same"]); f.Reason.Params["firmware"] != "2.0" || same < count/2 || same >= count {
			t.Errorf("told of firmware: %v", f.Reason.Params)
		}
		p.run(t, "pump-a", 200, 200, func(int) float64 { return 0 })
		if single, ended := p.count("abnormal-behaviour", detectors.Raised, ""), p.count("fleet-shift", detectors.Cleared, ""); single != 0 || ended != 1 {
			t.Errorf("after it has passed: %d of single devices, ended %d times", single, ended)
		}
	}
}

// One device among many is its own fault, and so are four; a device that stays off when the others have recovered is told of then.
func TestFewDevicesAreFaultsOfTheirOwn(t *testing.T) {
	p := newPumps(t)
	p.run(t, "pump-a", 40, 320, func(int) float64 { return 0 })
	p.run(t, "pump-a", 40, 120, func(i int) float64 { return map[bool]float64{true: 8}[i < 4] })
	if fleet, single := p.count("fleet-shift", detectors.Raised, ""), p.count("abnormal-behaviour", detectors.Raised, ""); fleet != 0 || single != 4 {
		t.Fatalf("%d faults of the fleet and %d of single devices, want 0 and 4", fleet, single)
	}
}

func TestADeviceThatStaysOffIsToldOfAfterTheFleet(t *testing.T) {
	p := newPumps(t)
	p.run(t, "pump-a", 40, 320, func(int) float64 { return 0 })
	p.run(t, "pump-a", 40, 100, func(int) float64 { return 8 })
	p.run(t, "pump-a", 40, 100, func(i int) float64 { return map[bool]float64{true: 8}[i == 7] })
	single := 0
	for _, f := range p.found {
		if f.FaultCode == "abnormal-behaviour" && f.Phase == detectors.Raised && f.Withheld == "" {
			if single++; f.Device != "pump-a:7" {
				t.Errorf("told of %s", f.Device)
			}
		}
	}
	if single != 1 {
		t.Errorf("told of %d devices", single)
	}
}

// Opposite sides do not add up, and other models do not count.
func TestOnlyTheSameChangeOfTheSameModelCounts(t *testing.T) {
	p := newPumps(t)
	p.run(t, "pump-a pump-b", 12, 320, func(int) float64 { return 0 })
	p.run(t, "pump-a pump-b", 12, 120, func(i int) float64 { return []float64{8, -8, 0}[i%3] }) // four of each model to each side
	if fleet, single := p.count("fleet-shift", detectors.Raised, ""), p.count("abnormal-behaviour", detectors.Raised, ""); fleet != 0 || single != 16 {
		t.Errorf("%d faults of the fleet and %d of single devices, want 0 and 16", fleet, single)
	}
}
