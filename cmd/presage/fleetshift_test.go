package main

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/catalog"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

// Two hundred devices of one model change together, and two lanes see a half of them each: one ticket is opened, of the cohort.
func TestFleetShiftIsOneTicketOverLanes(t *testing.T) {
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	plans := catalog.NewPlans(c, func(string, string) (string, string) { return "q7", "tv" })
	lanes := [2]*detectors.Engine{detectors.NewEngine(detectors.DefaultConfig(), plans), detectors.NewEngine(detectors.DefaultConfig(), plans)}
	desk := tickets.NewRehearsal(tickets.DefaultConfig().ReopenWithin)
	rng := rand.New(rand.NewPCG(1, 1))
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	take := func(found []detectors.Finding) {
		for i := range found {
			desk.Take(&found[i])
		}
	}
	for minute := range int64(440) {
		at := start + minute*60_000
		wrong := map[bool]float64{true: 8}[minute >= 320]
		for i := range 200 {
			take(lanes[i%2].Apply(&telemetry.Batch{Tenant: telemetry.DefaultTenant, Device: fmt.Sprintf("tv-%d", i), Arrival: at + 20, Samples: []telemetry.Sample{
				{Metric: "panel_temp", Time: at, Value: 40 + rng.NormFloat64() + wrong},
			}}))
		}
		for _, e := range lanes {
			take(e.Elapse(at+59_000, 60))
		}
	}
	opened := desk.Tickets()
	if len(opened) != 1 {
		t.Fatalf("%d tickets are opened, want 1", len(opened))
	}
	if o := opened[0]; o.Device != "cohort:tv:q7" || o.FaultCode != detectors.FaultFleetShift || o.First.Reason.Params["metric"] != "panel_temp" {
		t.Errorf("ticket of %s, %s: %+v", o.Device, o.FaultCode, o.First)
	}
}
