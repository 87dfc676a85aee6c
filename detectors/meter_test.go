package detectors_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/presage-pdm/presage/detectors"
)

// A metered engine finds the same, and one batch a tick is timed.
func TestMeter(t *testing.T) {
	registry := prometheus.NewRegistry()
	cfg := detectors.DefaultConfig()
	cfg.Meter = detectors.NewMetrics(registry).Lane(3)
	metered := detectors.NewEngine(cfg, plans(t, ""))
	plain := engine(t, "")
	batches := traffic(1, 600)
	for i := range batches {
		a, b := metered.Apply(&batches[i]), plain.Apply(&batches[i])
		if !reflect.DeepEqual(a, b) && len(a)+len(b) > 0 {
			t.Fatalf("batch %d: found %s, want %s", i, brief(a), brief(b))
		}
		if i%100 == 99 {
			metered.Tick(batches[i].Arrival)
			plain.Tick(batches[i].Arrival)
		}
	}
	metered.Tick(batches[len(batches)-1].Arrival)
	timed := (len(batches) + 99) / 100
	for name, want := range map[string]float64{
		"presage_detection_timed_batches_total": float64(timed),
		"presage_detection_timed_samples_total": float64(4 * timed),
		"presage_detection_devices":             2,
		"presage_detection_series":              8,
	} {
		if got := value(t, registry, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	whole, parts := value(t, registry, "presage_detection_timed_seconds_total"), value(t, registry, "presage_detector_timed_seconds_total")
	if parts <= 0 || parts > whole {
		t.Errorf("the detectors took %g s of %g s", parts, whole)
	}
	if got := value(t, registry, "presage_detector_timed_observations_total"); got < float64(4*timed) {
		t.Errorf("%v observations were timed, want one of each of %d samples at least", got, 4*timed)
	}
}

func TestMeterCountsCrashes(t *testing.T) {
	registry := prometheus.NewRegistry()
	cfg := detectors.DefaultConfig()
	cfg.Meter = detectors.NewMetrics(registry).Lane(0)
	e := detectors.NewEngine(cfg, onePlan{&detectors.Plan{Rules: []*detectors.Rule{{
		ID: "r", Fault: "f", Method: crashMethod{}, Matches: func(string, detectors.MetricPlan) bool { return true },
	}}}})
	for i := range int64(3) {
		e.Apply(reading("x", start+i, -1)) // the first batch is timed: a crash there is contained as well
	}
	const want = `# HELP presage_detector_crashes_total Crashes of a detector, each contained to its device.
# TYPE presage_detector_crashes_total counter
presage_detector_crashes_total{detector="crasher"} 2
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "presage_detector_crashes_total"); err != nil {
		t.Error(err)
	}
}

// value sums the metric over its labels.
func value(t *testing.T, g prometheus.Gatherer, name string) (sum float64) {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			for _, m := range family.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}
