package detectors_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/catalog"
	"github.com/presage-pdm/presage/telemetry"
)

const start = int64(1_700_000_000_000) // Unix milliseconds

// plans compiles a catalogue for devices without a model.
func plans(t testing.TB, yaml string) *catalog.Plans {
	t.Helper()
	return catalog.NewPlans(compile(t, yaml), func(string, string) (string, string) { return "", "" })
}

func compile(t testing.TB, yaml string) *catalog.Catalogue {
	t.Helper()
	var layers []*catalog.Layer
	if yaml != "" {
		l, err := catalog.Parse("test.yaml", []byte(yaml))
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, l)
	}
	c, err := catalog.New(layers...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func engine(t testing.TB, yaml string) *detectors.Engine {
	return detectors.NewEngine(detectors.DefaultConfig(), plans(t, yaml))
}

// reading returns a message with one reading, sent at once.
func reading(metric string, at int64, value float64) *telemetry.Batch {
	return &telemetry.Batch{Tenant: "default", Device: "d1", Arrival: at + 20, Samples: []telemetry.Sample{{Metric: metric, Time: at, Value: value}}}
}

func event(code string, at int64, id string) *telemetry.Batch {
	return &telemetry.Batch{Tenant: "default", Device: "d1", Arrival: at + 20, Events: []telemetry.Event{{Time: at, Code: code, ID: id}}}
}

// brief writes findings as "phase fault component".
func brief(fs []detectors.Finding) string {
	var s []string
	for _, f := range fs {
		text := fmt.Sprintf("%s %s %s", f.Phase, f.FaultCode, f.Component)
		if f.Withheld != "" {
			text += " (" + f.Withheld + ")"
		}
		s = append(s, text)
	}
	return strings.Join(s, ", ")
}

func want(t *testing.T, got []detectors.Finding, expected string) {
	t.Helper()
	if b := brief(got); b != expected {
		t.Fatalf("found %q, want %q", b, expected)
	}
}

func TestThreeCrashesInARow(t *testing.T) {
	const raised = "raised crash-loop software"
	t.Run("once until cleared", func(t *testing.T) {
		e := engine(t, "")
		want(t, e.Apply(event("crash", start, "a")), "")
		want(t, e.Apply(event("crash", start+1000, "b")), "")
		found := e.Apply(event("crash", start+2000, "c"))
		want(t, found, raised)
		f := found[0]
		if f.Onset != start || f.Time != start+2000 || len(f.Events) != 3 || f.Reason.Params["count"] != "3" || f.Score != 1 || f.Severity != telemetry.Major {
			t.Errorf("finding %+v", f)
		}
		want(t, e.Apply(event("crash", start+3000, "d")), "")
		want(t, e.Apply(event("session_ok", start+4000, "e")), "cleared crash-loop software")
		want(t, e.Apply(event("crash", start+5000, "f")), "")
		want(t, e.Apply(event("crash", start+6000, "g")), "")
		want(t, e.Apply(event("crash", start+7000, "h")), raised)
	})
	t.Run("not with a healthy one between", func(t *testing.T) {
		e := engine(t, "")
		for i, code := range []string{"crash", "crash", "session_ok", "crash", "crash"} {
			want(t, e.Apply(event(code, start+int64(i)*1000, "")), "")
		}
	})
	t.Run("redelivery and restart change nothing", func(t *testing.T) {
		e := engine(t, "")
		for range 10 {
			want(t, e.Apply(event("crash", start, "")), "")
			want(t, e.Apply(event("crash", start+1000, "")), "")
			e = restarted(t, e, "")
		}
		want(t, e.Apply(event("crash", start+2000, "")), raised)
		for range 10 {
			e = restarted(t, e, "")
			want(t, e.Apply(event("crash", start+2000, "")), "")
		}
	})
	t.Run("in the order of their times", func(t *testing.T) {
		e := engine(t, "")
		want(t, e.Apply(event("crash", start+2000, "")), "")
		want(t, e.Apply(event("crash", start, "")), "")
		want(t, e.Apply(event("crash", start+1000, "")), raised)
		want(t, e.Apply(event("session_ok", start+1500, "")), "cleared crash-loop software")
	})
	t.Run("a run that is already over is told and ended", func(t *testing.T) {
		e := engine(t, "")
		want(t, e.Apply(event("crash", start, "")), "")
		want(t, e.Apply(event("crash", start+1000, "")), "")
		want(t, e.Apply(event("session_ok", start+3000, "")), "")
		want(t, e.Apply(event("crash", start+2000, "")), raised+", cleared crash-loop software")
		want(t, e.Apply(event("session_ok", start+4000, "")), "")
	})
	t.Run("in one batch, unsorted", func(t *testing.T) {
		e := engine(t, "")
		b := event("crash", start+2000, "")
		b.Events = append(b.Events, telemetry.Event{Time: start, Code: "crash"}, telemetry.Event{Time: start + 1000, Code: "crash"})
		want(t, e.Apply(b), raised)
	})
	t.Run("years ago", func(t *testing.T) {
		e := engine(t, "")
		old := func(i int64) *telemetry.Batch {
			b := event("crash", 1_583_000_000_000+i*1000, "")
			b.Arrival = start
			return b
		}
		e.Apply(old(0))
		e.Apply(old(1))
		found := e.Apply(old(2))
		want(t, found, raised)
		if !found[0].Backfill {
			t.Error("not marked as backfill")
		}
	})
}

// restarted returns an engine that was restored from the checkpoint of another.
func restarted(t testing.TB, e *detectors.Engine, yaml string) *detectors.Engine {
	t.Helper()
	fresh := engine(t, yaml)
	if err := fresh.Restore(e.AppendState(nil)); err != nil {
		t.Fatal(err)
	}
	return fresh
}

const ruleBook = `
version: 1
models:
  - metrics:
      - {name: temp, unit: °C, component: cooling, min: -50, max: 150}
      - {name: pump_on, watch: rules}
    rules:
      - {id: hot, fault: overheat, metric: temp, limit: {above: 100, clear: 95, for: 10s}}
      - {id: cold, fault: frost, metric: temp, limit: {below: 0}}
      - {id: jump, fault: thermal-shock, metric: temp, rate: {above: 30, per: 1m, for: 10s}}
      - {id: runs-on, fault: relay, metric: pump_on, duration: {equals: 1, longer: 1m}}
      - {id: drops, fault: wifi, within: {event: drop, count: 3, window: 1m}}
      - {id: dry, fault: dry-run, component: pump, expression: {when: 'pump_on == 1 && m["flow rate"] < 2', for: 5s, max_age: 30s}}
      - {id: trial, fault: trial, metric: volts, stage: shadow, limit: {above: 5}}
      - {id: level, fault: new-level, metric: volts, stage: shadow, changepoint: {shift: 0.5, between: 1000}}
faults:
  - {code: overheat, severity: critical, title: {en: Too hot}, inhibits: [thermal-shock]}
  - {code: frost, severity: warning, title: {en: Too cold}}
  - {code: thermal-shock, severity: major, title: {en: Heats too fast}}
  - {code: relay, component: pump, severity: major, title: {en: Relay sticks}}
  - {code: wifi, component: radio, severity: warning, title: {en: Loses the network}}
  - {code: crash-loop, component: software, severity: major, title: {en: Crashes again and again}, inhibits: [abnormal-behaviour]}
  - {code: dry-run, severity: critical, title: {en: Runs dry}}
  - {code: new-level, severity: info, title: {en: Another level}}
  - {code: trial, severity: info, title: {en: On trial}}
`

func TestRules(t *testing.T) {
	type step struct {
		metric string
		second int64
		value  float64
		want   string
	}
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"limit lasts before it holds and clears with hysteresis", []step{
			{"temp", 0, 90, ""}, {"temp", 60, 101, ""}, {"temp", 65, 102, ""}, {"temp", 70, 101, "raised overheat cooling"},
			{"temp", 71, 99, ""}, {"temp", 72, 94, "cleared overheat cooling"},
		}},
		{"limit starts afresh when a reading is healthy", []step{
			{"temp", 0, 99, ""}, {"temp", 60, 101, ""}, {"temp", 69, 99, ""}, {"temp", 70, 101, ""}, {"temp", 79, 101, ""}, {"temp", 80, 101, "raised overheat cooling"},
		}},
		{"limit below holds at once", []step{{"temp", 0, -1, "raised frost cooling"}, {"temp", 1, 0, "cleared frost cooling"}}},
		{"rate over its span", []step{
			{"temp", 0, 20, ""}, {"temp", 5, 24, ""}, {"temp", 10, 26, "raised thermal-shock cooling"}, {"temp", 30, 26, "cleared thermal-shock cooling"},
		}},
		{"rate starts afresh after a gap", []step{{"temp", 0, 20, ""}, {"temp", 1000, 90, ""}}},
		{"duration of a value", []step{
			{"pump_on", 0, 1, ""}, {"pump_on", 60, 1, ""}, {"pump_on", 61, 1, "raised relay pump"}, {"pump_on", 62, 0, "cleared relay pump"},
		}},
		{"implausible needs two readings", []step{
			{"temp", 0, 20, ""}, {"temp", 200, -51, "raised frost cooling"}, {"temp", 400, 20, "cleared frost cooling"}, {"temp", 600, -51, "raised frost cooling"},
			{"temp", 800, -51, "raised sensor-implausible cooling"}, {"temp", 1000, 20, "cleared frost cooling"}, {"temp", 1200, 20, "cleared sensor-implausible cooling"},
		}},
		{"a rule in shadow opens nothing", []step{{"volts", 0, 6, "raised trial device (shadow)"}, {"volts", 1, 4, "cleared trial device (shadow)"}}},
		{"duplicates and late readings change nothing", []step{
			{"temp", 60, 101, ""}, {"temp", 70, 50, ""}, {"temp", 70, 101, ""}, {"temp", 65, 101, ""}, {"temp", 71, 50, ""},
		}},
		{"a late reading is judged by itself", []step{{"temp", 60, 50, ""}, {"temp", 30, -5, "raised frost cooling (late)"}, {"temp", 61, 50, ""}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := engine(t, ruleBook)
			for _, s := range c.steps {
				want(t, e.Apply(reading(s.metric, start+s.second*1000, s.value)), s.want)
			}
		})
	}
}

func TestExpression(t *testing.T) {
	e := engine(t, ruleBook)
	both := func(second int64, on, flow float64) *telemetry.Batch {
		b := reading("pump_on", start+second*1000, on)
		b.Samples = append(b.Samples, telemetry.Sample{Metric: "flow rate", Time: start + second*1000, Value: flow})
		return b
	}
	want(t, e.Apply(reading("pump_on", start, 1)), "") // the flow was never read
	want(t, e.Apply(both(1, 1, 1)), "")
	want(t, e.Apply(both(4, 1, 1)), "")
	found := e.Apply(both(6, 1, 1.5))
	want(t, found, "raised dry-run pump")
	if f := found[0]; len(f.Signals) != 2 || f.Onset != start+1000 || f.Severity != telemetry.Critical {
		t.Errorf("finding %+v", f)
	}
	want(t, e.Apply(reading("pump_on", start+50_000, 0)), "") // the flow is too old to judge
	want(t, e.Apply(both(51, 0, 1)), "cleared dry-run pump")
	want(t, e.Apply(both(60, 1, math.NaN())), "")
}

func TestWithin(t *testing.T) {
	e := engine(t, ruleBook)
	want(t, e.Apply(event("drop", start, "")), "")
	want(t, e.Apply(event("drop", start+50_000, "")), "")
	want(t, e.Apply(event("drop", start+70_000, "")), "")
	want(t, e.Apply(event("drop", start+60_000, "")), "raised wifi radio")
	want(t, e.Apply(reading("temp", start+115_000, 20)), "cleared wifi radio")
}

// One fault may be held by several metrics: the first raises it, the last clears it.
func TestOneFaultOfManyMetrics(t *testing.T) {
	e := engine(t, "version: 1\nmodels:\n  - rules:\n      - {id: low, fault: low, metric: \"cell*\", limit: {below: 3}}\nfaults:\n  - {code: low, component: battery, title: {en: Low}}\n")
	want(t, e.Apply(reading("cell1", start, 2)), "raised low battery")
	want(t, e.Apply(reading("cell2", start, 2)), "continued low battery")
	want(t, e.Apply(reading("cell1", start+1000, 4)), "")
	want(t, e.Apply(reading("cell2", start+1000, 4)), "cleared low battery")
}

// What another fault explains is withheld, and raised once that is over and it still holds.
func TestInhibition(t *testing.T) {
	e := engine(t, ruleBook)
	e.Apply(reading("temp", start, 80))
	want(t, e.Apply(reading("temp", start+15_000, 101)), "raised thermal-shock cooling")
	want(t, e.Apply(reading("temp", start+40_000, 101)), "raised overheat cooling, cleared thermal-shock cooling")
	want(t, e.Apply(reading("temp", start+50_000, 120)), "raised thermal-shock cooling (inhibited)")
	want(t, e.Apply(reading("temp", start+51_000, 94)), "cleared overheat cooling, cleared thermal-shock cooling (inhibited)")
}

func TestClock(t *testing.T) {
	e := engine(t, ruleBook)
	ahead := reading("temp", start+11*60_000, -5)
	ahead.Arrival = start
	found := e.Apply(ahead)
	want(t, found, "raised clock-off clock")
	if found[0].Reason.Key != detectors.ReasonClockAhead || found[0].Time != start {
		t.Errorf("finding %+v", found[0])
	}
	want(t, e.Apply(reading("temp", start+1000, 5)), "cleared clock-off clock")
	unset := reading("temp", 5000, -5)
	unset.Arrival = start + 2000
	found = e.Apply(unset)
	want(t, found, "raised clock-off clock")
	if found[0].Reason.Params["year"] != "1970" {
		t.Errorf("finding %+v", found[0])
	}

	// Eight hours behind, live: as steadily as a wrong time zone.
	e = engine(t, "")
	var all []detectors.Finding
	for i := range int64(20) {
		b := reading("temp", start+i*60_000, 20)
		b.Arrival += 8 * 3600_000
		all = append(all, e.Apply(b)...)
	}
	want(t, all, "raised clock-off clock")
	// Old readings that arrive faster than they were taken are history.
	e, all = engine(t, ""), nil
	for i := range int64(20) {
		b := reading("temp", start+i*60_000, 20)
		b.Arrival = start + 9*3600_000 + i*1000
		all = append(all, e.Apply(b)...)
	}
	want(t, all, "")
}

func TestSilence(t *testing.T) {
	run := func(e *detectors.Engine, tick *int64, seconds int) (all []detectors.Finding) {
		for range seconds {
			*tick += 1000
			all = append(all, slices.Clone(e.Tick(*tick))...)
		}
		return all
	}
	live := func(e *detectors.Engine, tick *int64) {
		for range 20 {
			e.Apply(reading("temp", *tick, 20+float64(*tick%7)))
			run(e, tick, 60)
		}
	}
	t.Run("ten times the usual interval", func(t *testing.T) {
		e, tick := engine(t, ""), start
		live(e, &tick)
		want(t, run(e, &tick, 400), "")
		e = restarted(t, e, "") // our outage does not count: ticks stood still
		tick += 3600_000
		want(t, run(e, &tick, 500), "raised silence connectivity")
		want(t, e.Apply(reading("temp", tick, 20)), "cleared silence connectivity")
	})
	t.Run("a last will excuses", func(t *testing.T) {
		e, tick := engine(t, ""), start
		live(e, &tick)
		e.Apply(&telemetry.Batch{Tenant: "default", Device: "d1", Arrival: tick, States: []telemetry.State{{Time: tick, Online: false}}})
		want(t, run(e, &tick, 5000), "")
	})
	t.Run("a device that only sent history is not missed", func(t *testing.T) {
		e, tick := engine(t, ""), start
		for i := range int64(100) {
			b := reading("temp", start-1_000_000_000+i*1000, 20)
			b.Arrival = start
			e.Apply(b)
		}
		want(t, run(e, &tick, 5000), "")
	})
}

func TestStuckSensor(t *testing.T) {
	e := engine(t, "")
	rng := rand.New(rand.NewPCG(1, 2))
	var all []detectors.Finding
	at := start
	for range 300 {
		at += 10_000
		all = append(all, e.Apply(reading("temp", at, 20+rng.NormFloat64()))...)
	}
	for range 70 {
		at += 10_000
		all = append(all, slices.Clone(e.Apply(reading("temp", at, 20.5)))...)
	}
	if len(all) != 1 || all[0].FaultCode != detectors.FaultStuck || all[0].Onset != start+3010_000 {
		t.Fatalf("found %+v", all)
	}
	all = append(all, e.Apply(reading("temp", at+10_000, 20.1))...)
	if brief(all[1:]) != "cleared sensor-stuck device" {
		t.Fatalf("found %s", brief(all[1:]))
	}
}

// crasher panics on a negative value.
type crasher struct{}

type crashMethod struct{}

func (crashMethod) Name() string                                        { return "crasher" }
func (crashMethod) Version() int                                        { return 1 }
func (crashMethod) New(string, detectors.MetricPlan) detectors.Detector { return &crasher{} }
func (c *crasher) Explain() detectors.Evidence                          { return detectors.Evidence{} }
func (c *crasher) AppendState(dst []byte) []byte                        { return dst }
func (c *crasher) RestoreState([]byte) error                            { return nil }
func (c *crasher) Observe(in *detectors.Input) detectors.Verdict {
	if in.Value < 0 {
		panic("negative")
	}
	if in.Value > 100 {
		return detectors.Faulty
	}
	return detectors.Healthy
}

type onePlan struct{ plan *detectors.Plan }

func (p onePlan) Plan(string, string) *detectors.Plan { return p.plan }

func TestCrashOfADetectorIsContained(t *testing.T) {
	plan := &detectors.Plan{Rules: []*detectors.Rule{{
		ID: "r", Fault: "f", Method: crashMethod{}, Matches: func(string, detectors.MetricPlan) bool { return true },
	}}}
	e := detectors.NewEngine(detectors.DefaultConfig(), onePlan{plan})
	want(t, e.Apply(reading("x", start, 200)), "raised f device")
	want(t, e.Apply(reading("x", start+1, -1)), "cleared f device")
	want(t, e.Apply(reading("x", start+2, 200)), "raised f device") // it may try again once
	want(t, e.Apply(reading("x", start+3, -1)), "cleared f device, raised detector-off device (notice)")
	want(t, e.Apply(reading("x", start+4, 200)), "")
	want(t, e.Apply(reading("y", start+4, 200)), "raised f device") // other metrics go on
}

func TestTooManyMetrics(t *testing.T) {
	cfg := detectors.DefaultConfig()
	cfg.MaxMetrics = 2
	e := detectors.NewEngine(cfg, plans(t, ""))
	want(t, e.Apply(reading("a", start, 1)), "")
	want(t, e.Apply(reading("b", start, 1)), "")
	want(t, e.Apply(reading("c", start, 1)), "raised too-many-metrics device (notice)")
	want(t, e.Apply(reading("d", start, 1)), "")
}

// A change of the catalogue keeps the state of rules that did not change, and ends the faults of those that went.
func TestChangeOfPlan(t *testing.T) {
	p := plans(t, ruleBook)
	e := detectors.NewEngine(detectors.DefaultConfig(), p)
	e.Apply(reading("temp", start, 101))
	want(t, e.Apply(reading("temp", start+10_000, 101)), "raised overheat cooling")
	want(t, e.Apply(reading("volts", start, 6)), "raised trial device (shadow)")
	p.Swap(compile(t, strings.Replace(ruleBook, "limit: {above: 5}", "limit: {above: 7}", 1)))
	want(t, e.Apply(reading("temp", start+11_000, 101)), "cleared trial device (shadow)")
	want(t, e.Apply(reading("temp", start+12_000, 90)), "cleared overheat cooling")

	// The same over a restart under another catalogue.
	e.Apply(reading("temp", start+20_000, 101))
	want(t, e.Apply(reading("temp", start+30_000, 101)), "raised overheat cooling")
	fresh := engine(t, strings.Replace(ruleBook, "above: 100", "above: 200", 1))
	if err := fresh.Restore(e.AppendState(nil)); err != nil {
		t.Fatal(err)
	}
	want(t, fresh.Apply(reading("temp", start+31_000, 101)), "cleared overheat cooling")
}

// traffic is a seeded stream of messages with everything that goes wrong: duplicates, late and unsorted readings, gaps, events in any order, level shifts,
// last wills, clocks that are off.
func traffic(seed uint64, n int) []telemetry.Batch {
	rng := rand.New(rand.NewPCG(seed, 7))
	var out []telemetry.Batch
	at := start
	for i := range n {
		at += int64(rng.IntN(2000))
		if rng.IntN(500) == 0 {
			at += 7200_000
		}
		b := telemetry.Batch{Tenant: "default", Device: fmt.Sprintf("d%d", rng.IntN(2)), Arrival: at + int64(rng.IntN(100))}
		switch back := i % 500; { // now and then a device was out of reach and sends what it kept
		case back > 350:
			b.Arrival += 7200_000
		case back == 0:
			at += 7200_000
		}
		level := 50.0
		if i > n/2 {
			level = 60
		}
		for j, m := range []string{"temp", "flow rate", "volts", "pump_on"} {
			s := telemetry.Sample{Metric: m, Time: at, Value: level + float64(j) + rng.NormFloat64()}
			if m == "pump_on" {
				s.Value = float64(rng.IntN(2))
			}
			if rng.IntN(50) == 0 {
				s.Time -= int64(rng.IntN(5000))
			}
			b.Samples = append(b.Samples, s)
		}
		if rng.IntN(10) == 0 {
			code := []string{"crash", "crash", "drop", "session_ok"}[rng.IntN(4)]
			b.Events = append(b.Events, telemetry.Event{Time: at - int64(rng.IntN(20_000)), Code: code})
		}
		if rng.IntN(200) == 0 {
			b.States = append(b.States, telemetry.State{Time: at, Online: rng.IntN(2) == 0})
		}
		if rng.IntN(300) == 0 {
			b.Samples[0].Time = []int64{5, at + 3600_000_000}[rng.IntN(2)]
		}
		out = append(out, b)
		if rng.IntN(20) == 0 {
			out = append(out, b)
		}
	}
	return out
}

// A checkpoint and restore at any point equals never having stopped: same findings, same state.
func TestCheckpointEqualsNeverHavingStopped(t *testing.T) {
	for name, fresh := range map[string]func() *detectors.Engine{
		"built in": func() *detectors.Engine { return engine(t, ruleBook) },
		"novelty of three metrics": func() *detectors.Engine { // memory for one full tier and two others
			cfg := detectors.DefaultConfig()
			cfg.NoveltyMemory = 50 << 10
			cfg.Criticality = func(_, device string) int { return int(device[1]-'0') + 1 }
			return detectors.NewEngine(cfg, withNovelty(t, ruleBook, distance{}))
		},
	} {
		t.Run(name, func(t *testing.T) { checkpointEqualsNeverHavingStopped(t, fresh) })
	}
}

func checkpointEqualsNeverHavingStopped(t *testing.T, fresh func() *detectors.Engine) {
	const n = 2500
	batches := traffic(3, n)
	step := func(e *detectors.Engine, i int) string {
		found := append([]detectors.Finding{}, e.Apply(&batches[i])...)
		if i%3 == 0 {
			found = append(found, e.Tick(batches[i].Arrival)...)
		}
		text, err := json.Marshal(found)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	whole := fresh()
	var expected []string
	count := map[string]int{}
	for i := range batches {
		expected = append(expected, step(whole, i))
		for _, what := range []string{`"raised"`, `"continued"`, `"cleared"`, `"backfill":true`, `"inhibited"`} {
			count[what] += strings.Count(expected[i], what)
		}
	}
	if count[`"raised"`] < 20 || count[`"inhibited"`] == 0 || count[`"backfill":true`] < 10 {
		t.Fatalf("the traffic has too little to tell: %v", count)
	}
	t.Log(count)
	state := whole.AppendState(nil)
	rng := rand.New(rand.NewPCG(9, 9))
	e := fresh()
	for i := range batches {
		if rng.IntN(25) == 0 {
			again := fresh()
			if err := again.Restore(e.AppendState(nil)); err != nil {
				t.Fatal(err)
			}
			e = again
		}
		if got := step(e, i); got != expected[i] {
			t.Fatalf("batch %d: found %s after a restart, want %s", i, got, expected[i])
		}
	}
	if !bytes.Equal(e.AppendState(nil), state) {
		t.Fatal("the state differs after restarts")
	}
	// Applying the tail again changes nothing but late judgements, which have the same identities.
	seen := map[string]bool{}
	for _, text := range expected {
		var fs []detectors.Finding
		if err := json.Unmarshal([]byte(text), &fs); err != nil {
			t.Fatal(err)
		}
		for _, f := range fs {
			if seen[f.ID] && f.Withheld != detectors.WithheldLate {
				t.Errorf("finding %s stands for two: %+v", f.ID, f)
			}
			seen[f.ID] = true
		}
	}
}

func FuzzRestore(f *testing.F) {
	e := engine(f, ruleBook)
	for _, b := range traffic(5, 40) {
		e.Apply(&b)
	}
	f.Add(e.AppendState(nil))
	f.Add([]byte("PRESAGE-DETECT-2\n\x00\x00"))
	f.Add([]byte("PRESAGE-DETECT-3\n\x00\x00\x00\x00"))
	f.Add([]byte("PRESAGE-DETECT-4\n\x00\x00\x00\x00"))
	f.Add([]byte("PRESAGE-DETECT-5\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	w := engine(f, ruleBook)
	for _, at := range []int64{1000, 0, 2000, 1500} { // the last two wait
		w.Apply(reading("temp", start+at, 20))
		w.Apply(event("drop", start+at, ""))
	}
	f.Add(w.AppendState(nil))
	one, err := os.ReadFile("testdata/checkpoint-1.bin")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(one)
	p := plans(f, ruleBook)
	after := traffic(6, 5)
	f.Fuzz(func(t *testing.T, data []byte) {
		e := detectors.NewEngine(detectors.DefaultConfig(), p)
		if err := e.Restore(data); err != nil {
			return
		}
		again := detectors.NewEngine(detectors.DefaultConfig(), p)
		for range 2 {
			state := e.AppendState(nil)
			if err := again.Restore(state); err != nil {
				t.Fatalf("what was restored cannot be restored again: %v", err)
			}
			if !bytes.Equal(again.AppendState(nil), state) {
				t.Fatal("what was restored is written otherwise")
			}
			for i := range after {
				e.Apply(&after[i])
			}
			e.Tick(start)
		}
	})
}
