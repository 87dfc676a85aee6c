package catalog

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
)

const day = 24 * 3600 // seconds

// plant is a simulated device with a daily cycle: a load that works from six to twenty-two, more at noon, and what follows it.
func plant(at int64, rng *rand.Rand) map[string]float64 {
	hour := float64(at%day) / 3600
	load := 0.0
	if hour >= 6 && hour < 22 {
		load = 0.4 + 0.4*math.Sin((hour-6)/16*math.Pi)
	}
	ambient := 15 + 8*math.Sin((hour-9)/24*2*math.Pi)
	return map[string]float64{
		"ambient":   ambient + 0.3*rng.NormFloat64(),
		"current":   1 + 20*load + 0.2*rng.NormFloat64(),
		"motor":     ambient + 30*load + 0.4*rng.NormFloat64(),
		"vibration": 0.5 + load + 0.05*rng.NormFloat64(),
		"voltage":   400 + 2*rng.NormFloat64(),
	}
}

// run feeds a device for some days, a reading a minute, and returns when tickets would open, in days.
func run(e *detectors.Engine, seed uint64, days float64, spoil func(at int64, v map[string]float64)) []float64 {
	rng := rand.New(rand.NewPCG(seed, 1))
	const start = int64(1_699_833_600) // midnight
	var found []float64
	for s := int64(0); s < int64(days*day); s += 60 {
		v := plant(s, rng)
		spoil(s, v)
		b := telemetry.Batch{Tenant: "default", Device: "plant", Arrival: (start + s) * 1000}
		for _, m := range []string{"ambient", "current", "motor", "vibration", "voltage"} {
			b.Samples = append(b.Samples, telemetry.Sample{Metric: m, Time: (start + s) * 1000, Value: v[m]})
		}
		for _, f := range e.Apply(&b) {
			if f.Phase == detectors.Raised && f.Withheld == "" {
				found = append(found, float64(s)/day)
			}
		}
	}
	return found
}

// Days are not faults, neither while the cycle is being learned nor later.
func TestDailyCycleIsLeftAlone(t *testing.T) {
	wrong := 0
	for seed := range uint64(10) {
		found := run(newEngine(t), seed, 14, func(int64, map[string]float64) {})
		if len(found) > 0 {
			t.Logf("seed %d: tickets at days %.2f", seed, found)
		}
		wrong += len(found)
	}
	t.Logf("%d false tickets in 140 device-days", wrong)
	if wrong > 2 {
		t.Errorf("%d false tickets in 140 device-days, want at most 2", wrong)
	}
}

// A fault that would be an ordinary reading at another hour of the day is found once the cycle is known.
func TestFaultWithinDailyCycleIsFound(t *testing.T) {
	hits := 0
	for seed := range uint64(10) {
		found := run(newEngine(t), seed, 12.5, func(at int64, v map[string]float64) {
			if float64(at) > 11.45*day {
				v["motor"] += 10
			}
		})
		for _, d := range found {
			if d >= 11.45 {
				hits++
				break
			}
		}
	}
	t.Logf("found on %d of 10 devices", hits)
	if hits < 8 {
		t.Errorf("found on %d of 10 devices, want at least 8", hits)
	}
}
