package detectors_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/presage-pdm/presage/detectors"
)

// A decision on a metric that has frozen waits until it is known whether the sensor is stuck: then its fault explains it; a metric that moves on,
// far from where it was, is a fault of the machine.
func TestFrozenMetricWaitsForItsSensor(t *testing.T) {
	for _, c := range []struct {
		name     string
		frozen   int64 // readings, a second apart
		expected string
		from     int64 // reading, counted from the freeze, from which on the decision is told
	}{
		{"stuck", 900, "raised sensor-stuck device, raised abnormal-behaviour device (inhibited)", 600},
		{"moves on", 200, "raised abnormal-behaviour device", 200},
		{"never froze", 0, "raised abnormal-behaviour device", 79},
	} {
		rng := rand.New(rand.NewPCG(6, 6))
		e := engine(t, "")
		var found []detectors.Finding
		for i := range int64(600 + 900) {
			v := 20 + rng.NormFloat64()
			switch {
			case i == 300:
				v = 40 // where it stands later is within what was read before
			case i >= 600 && i < 600+c.frozen:
				v = 30
			case i >= 600:
				v = 30 + rng.NormFloat64()
			}
			found = append(found, slices.Clone(e.Apply(reading("temp", start+i*1000, v)))...)
			if i%50 == 0 {
				e = restarted(t, e, "")
			}
		}
		found = slices.DeleteFunc(found, func(f detectors.Finding) bool { return f.Phase != detectors.Raised })
		if got := brief(found); got != c.expected {
			t.Errorf("%s: found %s, want %s", c.name, got, c.expected)
			continue
		}
		last := found[len(found)-1]
		if at := (last.Time-start)/1000 - 600; at < c.from || at > c.from+40 || last.Onset > start+620_000 {
			t.Errorf("%s: told %d readings after it froze, with an onset %d s after that; want it told from %d on", c.name, at, (last.Onset-start)/1000-600, c.from)
		}
	}
}
