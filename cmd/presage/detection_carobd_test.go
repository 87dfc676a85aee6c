package main

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/catalog"
	"github.com/presage-pdm/presage/detectors/multivariate"
	"github.com/presage-pdm/presage/internal/benchmark/carobd"
	"github.com/presage-pdm/presage/telemetry"
)

// carStart is when every trip begins, Unix milliseconds.
const carStart = 1_590_998_400_000

// driveCar replays a trip as a new device through the engine with the built-in catalogue and returns what opens tickets or adds to them.
func driveCar(t *testing.T, trip *carobd.Trip) (found []detectors.Finding) {
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	e := detectors.NewEngine(detectors.DefaultConfig(), catalog.NewPlans(c, func(string, string) (string, string) { return "", "" }))
	keep := func(fs []detectors.Finding) {
		for _, f := range fs {
			if f.Withheld == "" && f.Phase != detectors.Cleared {
				found = append(found, f)
			}
		}
	}
	next := int64(carStart)
	for i, row := range trip.Rows {
		at := carStart + int64(i)*carobd.Interval
		for ; next <= at; next += 1000 {
			keep(e.Tick(next))
		}
		b := telemetry.Batch{Tenant: telemetry.DefaultTenant, Device: "car", Arrival: at + 50}
		for k, m := range trip.Metrics {
			b.Samples = append(b.Samples, telemetry.Sample{Metric: m, Time: at, Value: row[k]})
		}
		keep(e.Apply(&b))
	}
	return found
}

// chartCar counts the alerts of one multivariate chart of all metrics of a trip, as "presage score" makes it.
func chartCar(trip *carobd.Trip) (alerts int) {
	s := detectors.NewTableScorer(multivariate.New(multivariate.DefaultConfig()).Chart(), trip.Metrics)
	for i, row := range trip.Rows {
		if s.Row(carStart+int64(i)*carobd.Interval, row).Alert {
			alerts++
		}
	}
	return alerts
}

// firstOf returns when a metric was first told of from a time on, Unix milliseconds.
func firstOf(found []detectors.Finding, metric string, from int64) (time int64, ok bool) {
	for _, f := range found {
		if f.Time >= from && slices.ContainsFunc(f.Signals, func(s detectors.Signal) bool { return s.Metric == metric }) {
			return f.Time, true
		}
	}
	return 0, false
}

// detectionCarOBD counts tickets on healthy trips, each of a device that nobody has seen, and sensor faults that were injected into the long ones.
func detectionCarOBD(t *testing.T) []detectionFigure {
	const from = 1200 // row in which the sensor fails, after ten minutes
	sensors := []string{"COOLANT_TEMPERATURE", "INTAKE_AIR_TEMP", "CONTROL_MODULE_VOLTAGE", "INTAKE_MANIFOLD_PRESSURE", "CATALYST_TEMPERATURE_BANK1_SENSOR1", "TIMING_ADVANCE"}
	files, err := filepath.Glob(filepath.Join(testData(t, "car_obd"), "*.csv"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	tickets, alerts, hours := 0, 0, 0.0
	injected, hit, delays := map[carobd.Fault]int{}, map[carobd.Fault]int{}, map[carobd.Fault][]float64{}
	for _, file := range files {
		trip, err := carobd.Read(file)
		if err != nil {
			t.Fatal(err)
		}
		healthy := driveCar(t, trip)
		hours += trip.Hours()
		alerts += chartCar(trip)
		for _, f := range healthy {
			if f.Phase == detectors.Raised {
				tickets++
				t.Logf("%s: false %s: %v", trip.Name, f.FaultCode, f.Reason)
			}
		}
		if len(trip.Rows) < 3*from {
			continue
		}
		for _, name := range sensors {
			for _, fault := range carobd.Faults() {
				faulty, ok := trip.Inject(slices.Index(trip.Metrics, name), fault, from)
				if _, before := firstOf(healthy, name, 0); !ok || before {
					continue
				}
				injected[fault]++
				at, found := firstOf(driveCar(t, faulty), name, carStart+from*carobd.Interval)
				if found {
					hit[fault]++
					delays[fault] = append(delays[fault], float64(at-carStart)/1000-from*carobd.Interval/1000)
				}
			}
		}
	}
	data := fmt.Sprintf("car_obd, %d healthy trips, %.1f h", len(files), hours)
	figures := []detectionFigure{{Data: data, Figure: "false tickets an hour", Bar: "0.20", Stretch: "0.05", Ours: float64(tickets) / hours, Floor: 0.2, Lower: true}}
	figures = append(figures, detectionFigure{Data: data, Figure: "alerts an hour of one chart of all metrics", Bar: "0.20", Ours: float64(alerts) / hours, Floor: 0.2, Lower: true})
	floors := map[carobd.Fault]float64{carobd.Stuck: 40} // the others are told, and are not good
	for _, fault := range carobd.Faults() {
		data := fmt.Sprintf("car_obd, %s injected %d times", fault, injected[fault])
		figures = append(figures, detectionFigure{Data: data, Figure: "found, %", Ours: 100 * float64(hit[fault]) / float64(injected[fault]), Floor: floors[fault]},
			detectionFigure{Data: data, Figure: "delay, s, median", Ours: median(delays[fault]), Unbounded: true})
	}
	return figures
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	return v[len(v)/2]
}
