package catalog

import (
	"path/filepath"
	"testing"

	"github.com/presage-pdm/presage/detectors"
)

// chartBook has the one rule that an operator writes for the pump, with the sensors of the recording.
const chartBook = `
version: 1
models:
  - match: {}
    rules:
      - id: together
        fault: together
        multivariate:
          metrics: [Accelerometer1RMS, Accelerometer2RMS, Current, Pressure, Temperature, Thermocouple, Voltage, "Volume Flow RateRMS"]
faults:
  - {code: together, severity: warning, title: {en: Signals no longer go together}}
`

func chartEngine(t *testing.T) *detectors.Engine {
	layer, err := Parse("pump.yaml", []byte(chartBook))
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(layer)
	if err != nil {
		t.Fatal(err)
	}
	return detectors.NewEngine(detectors.DefaultConfig(), NewPlans(c, func(string, string) (string, string) { return "", "" }))
}

// TestRuleOfMetricsTogether replays the recordings of the pump's valve with a rule for all of its sensors, at its default bound: most faults are
// found, and few tickets come before their label or on the healthy pump.
func TestRuleOfMetricsTogether(t *testing.T) {
	raised := func(r *recording) (times []int64) {
		for _, f := range r.replayAll(chartEngine(t), "pump") {
			if f.Rule == "together" && f.Phase == detectors.Raised {
				times = append(times, f.Time)
			}
		}
		return times
	}
	names := glob(t, dataDir(t, "skab/valve1"), "*.csv")
	found, early, delay := 0, 0, int64(0)
	for _, name := range names {
		r := readSKAB(t, name)
		first, last := r.labelled()
		hit := false
		for _, at := range raised(&r) {
			switch {
			case at < first:
				early++
			case at <= last && !hit:
				hit, delay = true, delay+(at-first)/1000
			}
		}
		if hit {
			found++
		}
	}
	pump := readSKAB(t, filepath.Join(dataDir(t, "skab/anomaly-free"), "anomaly-free.csv"))
	healthy := len(raised(&pump))
	t.Logf("%d of %d faults found, %d s after their label on average; %d tickets before a label, %d on a healthy pump in %.1f h",
		found, len(names), delay/int64(max(found, 1)), early, healthy, float64(len(pump.rows))/3600)
	if found < 10 || early > 2 || healthy > 1 {
		t.Errorf("%d faults found, %d tickets before a label, %d on a healthy pump; want at least 10, at most 2 and 1", found, early, healthy)
	}
}
