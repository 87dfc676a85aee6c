package ingest_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/catalog"
	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/telemetry"
)

// watchForReal makes the lanes of a house run the real detection with the built-in catalogue.
func (h *house) watchForReal() {
	h.t.Helper()
	c, err := catalog.New()
	if err != nil {
		h.t.Fatal(err)
	}
	plans := catalog.NewPlans(c, func(string, string) (model, kind string) { return "", "" })
	h.watch = func(int) ingest.Watcher { return detectors.NewEngine(detectors.DefaultConfig(), plans) }
}

// TestClockOfTheServerIsSet sets the clock that stamps arrivals, back and forward, while devices with right clocks
// publish every ten seconds, with a restart right after. Nobody falls silent by that but the one that does, every reading is stored, a crash loop that lies
// across the step is one fault, and a step within the tolerance is not noticed at all; beyond it the clocks of the
// devices look wrong until it is set right, which is what docs/operation.md says.
func TestClockOfTheServerIsSet(t *testing.T) {
	const devices, every, rounds = 6, 10, 200 // seconds, messages of each device
	for _, step := range []time.Duration{5 * time.Minute, -5 * time.Minute, 2 * time.Hour, -2 * time.Hour, 400 * 24 * time.Hour, -400 * 24 * time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			h := newHouse(t)
			h.watchForReal()
			r := h.start()
			for round := range rounds {
				second := int64(round * every)
				at := epoch + second*1000 // true time
				arrival := at
				if round >= rounds/4 && round < rounds/2 {
					arrival += step.Milliseconds()
				}
				var batches []telemetry.Batch
				for d := range devices {
					if d == 0 && round >= rounds*3/4 {
						continue // it does fall silent
					}
					b := telemetry.Batch{Tenant: telemetry.DefaultTenant, Device: fmt.Sprint("dev-", d), Arrival: arrival,
						Samples: []telemetry.Sample{{Metric: "load", Time: at, Value: float64((round*7 + d) % 11)}}}
					batches = append(batches, b)
				}
				if k := round - rounds/4; k >= -1 && k <= 1 { // a crash before the step, and two behind it
					batches = append(batches, telemetry.Batch{Tenant: telemetry.DefaultTenant, Device: "tv", Arrival: arrival,
						Events: []telemetry.Event{{Time: at, Code: "crash"}}})
				}
				put(t, r.log, batches...)
				tick(t, r.log, arrival, every)
				if round == rounds/4+1 {
					r.dealtWith()
					r.kill()
					r = h.start()
				}
			}
			r.dealtWith()
			if err := r.finish(); err != nil {
				t.Fatal(err)
			}
			if n := h.series.count(); n != devices*rounds-rounds/4 {
				t.Errorf("%d readings are stored, want %d", n, devices*rounds-rounds/4)
			}
			faults := map[string]int{} // raised, by fault
			for _, f := range h.desk.findings {
				if f.Phase == detectors.Raised {
					faults[f.FaultCode]++
				}
			}
			want := map[string]int{"crash-loop": 1, "silence": 1}
			if step.Abs() > 10*time.Minute {
				delete(faults, "clock-off")
			}
			if step < -10*time.Minute {
				delete(want, "crash-loop") // two crashes come from the future, and are not believed
			}
			if !maps.Equal(faults, want) {
				t.Errorf("faults %v, want %v: %v", faults, want, slices.Sorted(maps.Keys(h.desk.findings)))
			}
		})
	}
}

// tick journals so many ticks of one second each from an arrival on, in every partition.
func tick(t *testing.T, log ingest.Journal, arrival int64, n int) {
	t.Helper()
	done := make(chan error, n*log.Partitions()) // one for each tick
	for i := range n {
		for partition := range log.Partitions() {
			if err := log.Append(t.Context(), partition, telemetry.AppendTick(nil, arrival+int64(i)*1000), func(err error) { done <- err }); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}
