package detectors_test

import (
	"math/rand/v2"
	"testing"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
)

// A state that is said again is no sign of life: brokers keep it and send it to every new subscriber.
func TestStateSaidAgain(t *testing.T) {
	e, tick := engine(t, ""), start
	state := func(at int64, online bool) *telemetry.Batch {
		return &telemetry.Batch{Tenant: "default", Device: "d1", Arrival: tick, States: []telemetry.State{{Time: at, Online: online}}}
	}
	e.Apply(state(start, true))
	for range 20 {
		e.Apply(reading("temp", tick, 20+float64(tick%7)))
		for range 60 {
			tick += 1000
			e.Tick(tick)
		}
	}
	var found []detectors.Finding
	for i := range 900 {
		tick += 1000
		found = append(found, e.Tick(tick)...)
		if i%100 == 99 {
			found = append(found, e.Apply(state(start, true))...)
		}
	}
	want(t, found, "raised silence connectivity")
	want(t, e.Apply(state(tick, true)), "cleared silence connectivity")
}

// Silence is judged by arrival, also while readings wait: a device whose readings come out of order is neither missed nor excused.
func TestSilenceWhileReadingsWait(t *testing.T) {
	e, tick := engine(t, ""), start
	run := func(seconds int) (found []detectors.Finding) {
		for range seconds {
			tick += 1000
			found = append(found, e.Tick(tick)...)
		}
		return found
	}
	for i := range int64(40) {
		at := tick
		if i%2 == 1 {
			at -= 90_000 // behind the one before
		}
		e.Apply(&telemetry.Batch{Tenant: "default", Device: "d1", Arrival: tick, Samples: []telemetry.Sample{{Metric: "temp", Time: at, Value: 20 + float64(i%7)}}})
		want(t, run(60), "")
	}
	want(t, run(400), "")
	want(t, run(500), "raised silence connectivity")
	found := e.Apply(reading("temp", tick, 20))
	want(t, found, "cleared silence connectivity")
	if f := found[0]; f.Time != f.Arrival || f.Backfill {
		t.Errorf("finding %+v", f)
	}
}

// What a silence explains is what the device had told of before it: a fault that began while nothing came through, and is
// in the backfill, is raised.
func TestSilenceExplainsNoBackfill(t *testing.T) {
	e, rng := engine(t, ""), rand.New(rand.NewPCG(1, 2))
	var messages []sent
	begin := start + 600*10_000
	for i := range int64(1200) {
		level := 20.0
		if i > 700 {
			level = 30
		}
		at := start + i*10_000
		m := sent{*reading("flow", at, level+rng.NormFloat64()), at + 20}
		if at > begin {
			m.at = begin + 7200_000 + i // an outage of two hours
		}
		messages = append(messages, m)
	}
	found := play(e, messages, start, begin+7300_000)
	want(t, found, "raised silence connectivity, cleared silence connectivity, raised abnormal-behaviour device, continued abnormal-behaviour device")
	if found[3].Backfill {
		t.Error("what live readings show is marked as backfill")
	}
	if f := found[2]; !f.Backfill || f.Onset < start+690*10_000 || f.Onset > start+720*10_000 {
		t.Errorf("finding %+v", f)
	}
}
