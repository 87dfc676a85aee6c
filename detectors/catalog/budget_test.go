package catalog

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/decision"
	"github.com/presage-pdm/presage/telemetry"
)

// fleet is a simulated fleet: every device has three metrics that wander, each in a way of its own, with heavy tails, a cycle of the
// day; every sixth one has a mode besides, in which one of them is elsewhere for some hours, entered every half day to every ten days.
type fleet struct {
	devices, days int
	budget        decision.Budget
	trouble       bool // every tenth device has a fault each ten days, for a day
}

// run returns the tickets of healthy and of faulty devices, and the faults and how many of them were found.
func (f fleet) run(t *testing.T) (wrong, faults, found int) {
	t.Helper()
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	cfg := detectors.DefaultConfig()
	cfg.FalseTickets, cfg.NoveltyMemory = f.budget, 0 // level and budget are the same with it, and months go by in seconds
	e := detectors.NewEngine(cfg, NewPlans(c, func(string, string) (string, string) { return "", "" }))
	const every = 10 * 60_000
	names := []string{"flow", "temperature", "current"}
	type series struct {
		phi, tail, daily, x float64
		mode, size          float64 // chance to enter it, and how far away it is
		left                int     // readings of it that are to come
	}
	rng := rand.New(rand.NewPCG(5, 6))
	all := make([][3]series, f.devices)
	for i := range all {
		for m := range all[i] {
			all[i][m] = series{phi: 0.98 * rng.Float64(), tail: rng.Float64(), daily: 3 * rng.Float64(), mode: 0.0007 + 0.012*rng.Float64()*rng.Float64(), size: 6 * rng.Float64()}
		}
	}
	hit := map[string]bool{}
	begin := int64(1_700_006_400_000)
	for n := range f.days * 144 {
		at := begin + int64(n)*every
		for i := range all {
			b := telemetry.Batch{Tenant: "default", Device: fmt.Sprintf("d%03d", i), Arrival: at + 100}
			day := n / 144
			broken := f.trouble && i%10 == 0 && day >= 25 && day%10 == 5
			for m := range all[i] {
				s := &all[i][m]
				noise := rng.NormFloat64()
				if rng.Float64() < 0.05*s.tail {
					noise *= 4
				}
				s.x = s.phi*s.x + math.Sqrt(1-s.phi*s.phi)*noise
				v := 50 + s.x + s.daily*math.Sin(2*math.Pi*float64(n)/144+float64(m))
				switch {
				case s.left > 0:
					s.left--
					v += s.size
				case m == 2 && i%6 == 0 && rng.Float64() < s.mode:
					s.left = 12 + rng.IntN(140)
				}
				if broken && m == 0 {
					v += 12
				}
				b.Samples = append(b.Samples, telemetry.Sample{Metric: names[m], Time: at, Value: v})
			}
			if broken && n%144 == 0 {
				faults++
			}
			for _, finding := range e.Apply(&b) {
				if finding.Phase != detectors.Raised || finding.Withheld != "" {
					continue
				}
				key := fmt.Sprint(b.Device, day)
				switch {
				case broken && !hit[key]:
					hit[key] = true
					found++
				case f.trouble && i%10 == 0: // what a fault leaves behind
				default:
					wrong++
				}
			}
		}
	}
	return wrong, faults, found
}

// A healthy fleet keeps its budget, from the first day on, and so do the healthy ones among devices with faults.
func TestFleetKeepsItsBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates years")
	}
	for _, f := range []fleet{
		{devices: 150, days: 60, budget: decision.DefaultBudget},
		{devices: 150, days: 60, budget: decision.DefaultBudget, trouble: true},
		{devices: 60, days: 60, budget: 1},
	} {
		t.Run(fmt.Sprintf("budget %v trouble %v", f.budget, f.trouble), func(t *testing.T) {
			t.Parallel()
			wrong, faults, found := f.run(t)
			months := float64(f.devices*f.days) / 30
			t.Logf("%d tickets that are wrong, %.3f a device and month; %d of %d faults found", wrong, float64(wrong)/months, found, faults)
			if rate := float64(wrong) / months; rate > float64(f.budget) {
				t.Errorf("%.3f false tickets a device and month, want at most %v", rate, f.budget)
			}
			if f.trouble && 2*found < faults {
				t.Errorf("%d of %d faults found", found, faults)
			}
		})
	}
}
