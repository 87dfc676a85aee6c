package detectors_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/catalog"
	"github.com/presage-pdm/presage/telemetry"
)

// fleetBook judges a temperature by the load, in sections of 20 readings.
const fleetBook = `
version: 1
models:
  - match: {model: "pump-*"}
    metrics:
      - {name: temp, unit: °C, component: cooling}
    rules:
      - {id: hot-for-load, fault: unlike-model, residual: {on: temp, given: [load], lag: 1m}}
`

// modelOf takes the model of a device from its name: what is before the colon.
func modelOf(_, device string) (model, kind string) {
	model, _, _ = strings.Cut(device, ":")
	return model, ""
}

func fleetPlans(t testing.TB, yaml string) *catalog.Plans {
	return catalog.NewPlans(compile(t, yaml), modelOf)
}

// work returns so many messages of a device, one a second, in which the temperature follows the load and is wrong by some degrees.
func work(tenant, device string, from int64, n int, wrong float64) []telemetry.Batch {
	seed := uint64(0)
	for _, c := range device {
		seed = 31*seed + uint64(c)
	}
	rng := rand.New(rand.NewPCG(seed, 3))
	offset, load := rng.NormFloat64(), 50.0
	var all []telemetry.Batch
	for i := range n {
		if i%40 == 0 {
			load = 100 * rng.Float64()
		}
		at := from + int64(i)*1000
		all = append(all, telemetry.Batch{Tenant: tenant, Device: device, Arrival: at + 20, Samples: []telemetry.Sample{
			{Metric: "load", Time: at, Value: load + 0.1*rng.NormFloat64()},
			{Metric: "temp", Time: at, Value: 20 + offset + load/2 + wrong + 0.2*rng.NormFloat64()},
		}})
	}
	return all
}

// findUnlike applies messages and returns the findings of the rule.
func findUnlike(e *detectors.Engine, batches []telemetry.Batch) (found []detectors.Finding) {
	for i := range batches {
		for _, f := range e.Apply(&batches[i]) {
			if f.FaultCode == "unlike-model" {
				found = append(found, f)
			}
		}
	}
	return found
}

// teach lets so many devices of a model work for two chapters.
func teach(t *testing.T, e *detectors.Engine, tenant, model string, devices int) {
	t.Helper()
	for i := range devices {
		want(t, findUnlike(e, work(tenant, fmt.Sprintf("%s:%d", model, i), start, 1300, 0)), "")
	}
}

// A device that nobody has seen is judged by what others of its model and tenant have taught, and by nobody else.
func TestCohortJudgesANewDevice(t *testing.T) {
	e := detectors.NewEngine(detectors.DefaultConfig(), fleetPlans(t, fleetBook))
	teach(t, e, "default", "pump-a", 15)
	want(t, findUnlike(e, work("default", "pump-a:new", start, 1300, 0)), "")
	found := findUnlike(e, work("default", "pump-a:hot", start, 200, 15))
	want(t, found, "raised unlike-model cooling")
	if s := found[0].Signals[0]; s.Metric != "temp" || s.Unit != "°C" || s.Actual-s.Expected < 13 || s.Actual-s.Expected > 17 || found[0].Detector != "residual" {
		t.Errorf("finding %+v", found[0])
	}
	want(t, findUnlike(e, work("default", "pump-b:hot", start, 1300, 15)), "")
	want(t, findUnlike(e, work("other", "pump-a:hot", start, 1300, 15)), "")
}

// A device that was not alike learns from its new model once it has another one.
func TestCohortFollowsTheModel(t *testing.T) {
	c, model := compile(t, fleetBook), "pump-b"
	e := detectors.NewEngine(detectors.DefaultConfig(), catalog.NewPlans(c, func(tenant, device string) (string, string) {
		if device == "pump-b:x" {
			return model, ""
		}
		return modelOf(tenant, device)
	}))
	teach(t, e, "default", "pump-a", 15)
	batches := work("default", "pump-b:x", start, 600, 15)
	want(t, findUnlike(e, batches[:300]), "")
	model = "pump-a"
	want(t, findUnlike(e, batches[300:]), "raised unlike-model cooling")
}

// A rule about one metric that finds a sensor lying explains what is found on that metric, and nothing else.
func TestResidualExplainsItsSensor(t *testing.T) {
	p := fleetPlans(t, strings.Replace(fleetBook, "fault: unlike-model", "fault: sensor-lies", 1)+`
faults:
  - {code: sensor-lies, severity: warning, title: {en: Sensor lies}, inhibits: [abnormal-behaviour]}
`)
	for metric, want := range map[string]string{"temp": "raised abnormal-behaviour cooling (inhibited)", "load": "raised abnormal-behaviour device"} {
		e := detectors.NewEngine(detectors.DefaultConfig(), p)
		teach(t, e, "default", "pump-a", 15)
		var told []string
		batches := append(work("default", "pump-a:x", start, 700, 0), work("default", "pump-a:x", start+700_000, 500, 15)...)
		for i, b := range batches {
			for k := range b.Samples {
				if i >= 900 && b.Samples[k].Metric == metric {
					b.Samples[k].Value += 400
				}
			}
			for _, f := range e.Apply(&b) {
				if f.Phase == detectors.Raised {
					told = append(told, brief([]detectors.Finding{f}))
				}
			}
		}
		if !slices.Equal(told, []string{"raised sensor-lies cooling", want}) {
			t.Errorf("%s is off, too: found %q", metric, told)
		}
	}
}

// What cohorts share survives restarts at any point exactly, and a catalogue that does not know the rule for a while.
func TestCohortsSurviveRestarts(t *testing.T) {
	var batches []telemetry.Batch
	for i := range 12 {
		batches = append(batches, work("default", fmt.Sprintf("pump-a:%d", i), start, 1300, 0)...)
	}
	batches = append(batches, work("default", "pump-a:hot", start, 300, 15)...)
	p := fleetPlans(t, fleetBook)
	fresh := func() *detectors.Engine { return detectors.NewEngine(detectors.DefaultConfig(), p) }
	whole, stopped := fresh(), fresh()
	rng := rand.New(rand.NewPCG(8, 8))
	raised := 0
	for i := range batches {
		found := slices.Clone(whole.Apply(&batches[i]))
		same(t, found, stopped.Apply(&batches[i]))
		raised += strings.Count(brief(found), "raised unlike-model")
		if rng.IntN(300) == 0 {
			again := fresh()
			if err := again.Restore(stopped.AppendState(nil)); err != nil {
				t.Fatal(err)
			}
			stopped = again
		}
	}
	state := whole.AppendState(nil)
	if !bytes.Equal(state, stopped.AppendState(nil)) || raised == 0 {
		t.Fatalf("the state is another after restarts, or nothing was found: %d", raised)
	}
	without := detectors.NewEngine(detectors.DefaultConfig(), fleetPlans(t, ""))
	if err := without.Restore(state); err != nil {
		t.Fatal(err)
	}
	again := fresh()
	if err := again.Restore(without.AppendState(nil)); err != nil {
		t.Fatal(err)
	}
	want(t, findUnlike(again, work("default", "pump-a:late", start, 300, 15)), "raised unlike-model cooling")
	for i := 0; i < len(state); i += 97 {
		if fresh().Restore(slices.Clone(state[:i])) == nil {
			t.Fatalf("the first %d bytes are taken for a checkpoint", i)
		}
	}
}

// A lane keeps ten thousand cohorts; devices of more models are watched by everything else, and a restart changes nothing.
func TestCohortsAreBounded(t *testing.T) {
	p := fleetPlans(t, fleetBook)
	e := detectors.NewEngine(detectors.DefaultConfig(), p)
	for i := range 10_010 {
		e.Apply(&telemetry.Batch{Tenant: "default", Device: fmt.Sprintf("pump-%d:a", i), Arrival: start, Samples: []telemetry.Sample{{Metric: "temp", Time: start, Value: 1}}})
	}
	last := "pump-10009:a"
	want(t, findUnlike(e, work("default", last, start+1000, 700, 0)), "")
	state := e.AppendState(nil)
	again := detectors.NewEngine(detectors.DefaultConfig(), p)
	if err := again.Restore(state); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.AppendState(nil), state) {
		t.Error("the state is another after a restart")
	}
}
