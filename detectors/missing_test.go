package detectors_test

import (
	"slices"
	"testing"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
)

// pair is a message with the metrics that are given, so many seconds after the start.
func pair(second int64, metrics ...string) *telemetry.Batch {
	b := reading("", start+second*1000, 0)
	b.Samples = b.Samples[:0]
	for _, m := range metrics {
		b.Samples = append(b.Samples, telemetry.Sample{Metric: m, Time: start + second*1000, Value: float64(second % 7)})
	}
	return b
}

// A metric that always came is missed while others go on, once, and no longer with its next reading; also over restarts.
func TestMissingSensor(t *testing.T) {
	e := engine(t, "")
	var found []detectors.Finding
	step := func(second int64, metrics ...string) {
		found = append(found, slices.Clone(e.Apply(pair(second, metrics...)))...)
		if second%97 == 0 {
			e = restarted(t, e, "")
		}
	}
	for i := range int64(300) {
		step(i, "flow", "temp")
	}
	for i := int64(300); i < 2000; i++ {
		step(i, "temp")
	}
	if len(found) != 1 || found[0].FaultCode != detectors.FaultMissing || found[0].Onset != start+299_000 || found[0].Time < start+899_000 || found[0].Time > start+910_000 ||
		found[0].Reason.Params["metric"] != "flow" || !(detectors.FaultCode{Code: found[0].FaultCode}).OfSensor() {
		t.Fatalf("found %+v", found)
	}
	step(2000, "flow", "temp")
	if want := "raised sensor-missing device, cleared sensor-missing device"; brief(found) != want {
		t.Fatalf("found %s, want %s", brief(found), want)
	}
}

// What is quiet as a whole, comes now and then, comes too seldom to judge, is not watched or shares no device is not missed.
func TestNotMissing(t *testing.T) {
	const book = `
version: 1
models:
  - metrics: [{name: spare, watch: rules}]
`
	for name, metrics := range map[string]func(i int64) (second int64, metrics []string){
		"all pause for a day": func(i int64) (int64, []string) {
			if i >= 300 {
				i += 86_400
			}
			return i, []string{"flow", "temp"}
		},
		"one comes with every hundredth": func(i int64) (int64, []string) {
			if i%100 == 0 && i < 12_000 {
				return i, []string{"flow", "temp"}
			}
			return i, []string{"temp"}
		},
		"one came fifty times": func(i int64) (int64, []string) {
			if i < 50 {
				return i, []string{"flow", "temp"}
			}
			return i, []string{"temp"}
		},
		"nobody watches it": func(i int64) (int64, []string) {
			if i < 300 {
				return i, []string{"spare", "temp"}
			}
			return i, []string{"temp"}
		},
		"others come a thousand times as often": func(i int64) (int64, []string) {
			if i < 200 {
				return i * 600, []string{"flow", "temp"}
			}
			if i%600 == 0 {
				return 200*600 + i - 200, []string{"flow", "temp"}
			}
			return 200*600 + i - 200, []string{"temp"}
		},
	} {
		e := engine(t, book)
		for i := range int64(13_000) {
			second, names := metrics(i)
			for _, f := range e.Apply(pair(second, names...)) {
				if f.FaultCode == detectors.FaultMissing {
					t.Fatalf("%s: reading %d: %s %v", name, i, f.Phase, f.Reason)
				}
			}
		}
	}
}
