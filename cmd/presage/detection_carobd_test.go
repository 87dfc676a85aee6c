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

// carLayer is what an operator writes for the model of the car: six sensors and what each of them should follow.
const carLayer = `
version: 1
models:
  - match: {model: etios}
    rules:
      - {id: coolant, fault: unlike-model, residual: {on: COOLANT_TEMPERATURE, given: [INTAKE_AIR_TEMP, ENGINE_LOAD, VEHICLE_SPEED, ENGINE_RPM]}}
      - {id: intake-air, fault: unlike-model, residual: {on: INTAKE_AIR_TEMP, given: [COOLANT_TEMPERATURE, VEHICLE_SPEED, ENGINE_RPM, ENGINE_LOAD]}}
      - {id: voltage, fault: unlike-model, residual: {on: CONTROL_MODULE_VOLTAGE, given: [ENGINE_RPM, ENGINE_LOAD, VEHICLE_SPEED, INTAKE_AIR_TEMP]}}
      - {id: manifold, fault: unlike-model, residual: {on: INTAKE_MANIFOLD_PRESSURE, given: [ENGINE_RPM, ENGINE_LOAD, THROTTLE, VEHICLE_SPEED], lag: 30s}}
      - {id: catalyst, fault: unlike-model, residual: {on: CATALYST_TEMPERATURE_BANK1_SENSOR1, given: [CATALYST_TEMPERATURE_BANK1_SENSOR2, ENGINE_RPM, ENGINE_LOAD, VEHICLE_SPEED]}}
      - {id: timing, fault: unlike-model, residual: {on: TIMING_ADVANCE, given: [ENGINE_RPM, ENGINE_LOAD, VEHICLE_SPEED, INTAKE_MANIFOLD_PRESSURE], lag: 30s}}
`

// garage is an engine that watches cars of one model; each trip is one that it has not seen.
type garage struct {
	engine *detectors.Engine
	now    int64 // Unix milliseconds
	trips  int
}

func newGarage(t *testing.T, layer string) *garage {
	var layers []*catalog.Layer
	if layer != "" {
		l, err := catalog.Parse("car.yaml", []byte(layer))
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, l)
	}
	c, err := catalog.New(layers...)
	if err != nil {
		t.Fatal(err)
	}
	plans := catalog.NewPlans(c, func(string, string) (string, string) { return "etios", "car" })
	return &garage{engine: detectors.NewEngine(detectors.DefaultConfig(), plans), now: carStart}
}

// drive replays a trip as a new device and returns what opens tickets or adds to them.
func (g *garage) drive(trip *carobd.Trip) (found []detectors.Finding) {
	keep := func(fs []detectors.Finding) {
		for _, f := range fs {
			if f.Withheld == "" && f.Phase != detectors.Cleared {
				found = append(found, f)
			}
		}
	}
	device := fmt.Sprintf("car-%d", g.trips)
	start, next := g.now, g.now
	for i, row := range trip.Rows {
		at := start + int64(i)*carobd.Interval
		for ; next <= at; next += 1000 {
			keep(g.engine.Tick(next))
		}
		b := telemetry.Batch{Tenant: telemetry.DefaultTenant, Device: device, Arrival: at + 50}
		for k, m := range trip.Metrics {
			b.Samples = append(b.Samples, telemetry.Sample{Metric: m, Time: at, Value: row[k]})
		}
		keep(g.engine.Apply(&b))
		g.now = at + 50
	}
	g.now = (g.now/1000 + 1) * 1000
	keep(g.engine.Apply(&telemetry.Batch{Tenant: telemetry.DefaultTenant, Device: device, Arrival: g.now, States: []telemetry.State{{Time: g.now}}}))
	g.now += 1000
	g.trips++
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

// detectionCarOBD counts tickets on healthy trips, each of a device that nobody has seen, and sensor faults that were injected into the long ones: with
// the built-in catalogue alone, and with rules that judge six sensors by others, which learn from the trips before, in the order of their names.
func detectionCarOBD(t *testing.T) []detectionFigure {
	files, err := filepath.Glob(filepath.Join(testData(t, "car_obd"), "*.csv"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	var trips []*carobd.Trip
	alerts, hours := 0, 0.0
	for _, file := range files {
		trip, err := carobd.Read(file)
		if err != nil {
			t.Fatal(err)
		}
		trips = append(trips, trip)
		hours += trip.Hours()
		alerts += chartCar(trip)
	}
	data := fmt.Sprintf("car_obd, %d healthy trips, %.1f h", len(files), hours)
	figures := driveCars(t, trips, "built-in catalogue", "", map[carobd.Fault]float64{carobd.Stuck: 40})
	figures = append(figures, driveCars(t, trips, "with six residual rules", carLayer, map[carobd.Fault]float64{carobd.Stuck: 40, carobd.Bias: 60, carobd.Drift: 70})...)
	return append(figures, detectionFigure{Data: data, Figure: "alerts an hour of one chart of all metrics", Bar: "0.20", Ours: float64(alerts) / hours, Floor: 0.2, Lower: true})
}

// driveCars does so with one catalogue.
func driveCars(t *testing.T, trips []*carobd.Trip, with, layer string, floors map[carobd.Fault]float64) []detectionFigure {
	const from = 1200 // row in which the sensor fails, after ten minutes
	sensors := []string{"COOLANT_TEMPERATURE", "INTAKE_AIR_TEMP", "CONTROL_MODULE_VOLTAGE", "INTAKE_MANIFOLD_PRESSURE", "CATALYST_TEMPERATURE_BANK1_SENSOR1", "TIMING_ADVANCE"}
	tickets, hours := 0, 0.0
	injected, hit, delays := map[carobd.Fault]int{}, map[carobd.Fault]int{}, map[carobd.Fault][]float64{}
	g := newGarage(t, layer)
	for _, trip := range trips {
		before := *g
		state := g.engine.AppendState(nil)
		start := g.now
		healthy := g.drive(trip)
		hours += trip.Hours()
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
				if _, already := firstOf(healthy, name, 0); !ok || already {
					continue
				}
				injected[fault]++
				other := newGarage(t, layer)
				other.now, other.trips = before.now, before.trips
				if err := other.engine.Restore(state); err != nil {
					t.Fatal(err)
				}
				at, found := firstOf(other.drive(faulty), name, start+from*carobd.Interval)
				if found {
					hit[fault]++
					delays[fault] = append(delays[fault], float64(at-start)/1000-from*carobd.Interval/1000)
				}
			}
		}
	}
	data := fmt.Sprintf("car_obd, %d healthy trips, %.1f h, %s", len(trips), hours, with)
	figures := []detectionFigure{{Data: data, Figure: "false tickets an hour", Bar: "0.20", Stretch: "0.05", Lower: true, Floor: 0.2, Ours: float64(tickets) / hours}}
	for _, fault := range carobd.Faults() {
		data := fmt.Sprintf("car_obd, %s injected %d times, %s", fault, injected[fault], with)
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
