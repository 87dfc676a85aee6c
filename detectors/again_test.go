package detectors_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
)

const settleBook = `
version: 1
models:
  - rules:
      - {id: hot, fault: overheat, metric: temp, limit: {above: 100}}
      - {id: low, fault: low-flow, metric: flow, limit: {below: 5}}
      - {id: weak, fault: weak, metric: volts, limit: {below: 5}}
faults:
  - {code: overheat, severity: critical, title: {en: Too hot}, inhibits: [low-flow, abnormal-behaviour]}
  - {code: low-flow, severity: major, title: {en: Too little flow}}
  - {code: weak, severity: major, title: {en: Low voltage}}
`

// hoursLate makes a batch arrive hours after its readings were taken.
func hoursLate(b *telemetry.Batch) *telemetry.Batch {
	b.Arrival += 5 * 3600_000
	return b
}

// A fault of the past that is still there is told once more when live readings show it.
func TestBackfilledFaultIsToldLive(t *testing.T) {
	const live = start + 5*3600_000
	quiet := func(t *testing.T, found []detectors.Finding) {
		t.Helper()
		if len(found) != 1 || !found[0].Backfill {
			t.Fatalf("found %+v, want one finding on backfilled readings", found)
		}
	}
	t.Run("rule", func(t *testing.T) {
		e := engine(t, settleBook)
		found := e.Apply(hoursLate(reading("temp", start, 120)))
		want(t, found, "raised overheat device")
		quiet(t, found)
		want(t, e.Apply(hoursLate(reading("temp", start+1000, 121))), "")
		e = restarted(t, e, settleBook)
		want(t, e.Apply(reading("flow", live, 9)), "") // another metric says nothing about this fault
		found = e.Apply(reading("temp", live+1000, 119))
		want(t, found, "continued overheat device")
		if f := found[0]; f.Backfill || f.Onset != start || f.Time != live+1000 || f.Signals[0].Actual != 119 {
			t.Errorf("finding %+v", f)
		}
		e = restarted(t, e, settleBook)
		want(t, e.Apply(reading("temp", live+2000, 119)), "")
		want(t, e.Apply(reading("temp", live+3000, 90)), "cleared overheat device")
	})
	t.Run("rule that is over", func(t *testing.T) {
		e := engine(t, settleBook)
		quiet(t, e.Apply(hoursLate(reading("temp", start, 120))))
		want(t, e.Apply(reading("temp", live, 90)), "cleared overheat device")
	})
	t.Run("events", func(t *testing.T) {
		e := engine(t, settleBook)
		e.Apply(hoursLate(event("crash", start, "")))
		e.Apply(hoursLate(event("crash", start+1000, "")))
		quiet(t, e.Apply(hoursLate(event("crash", start+2000, ""))))
		found := e.Apply(reading("temp", live, 20))
		want(t, found, "continued crash-loop software")
		if found[0].Backfill || len(found[0].Events) != 3 {
			t.Errorf("finding %+v", found[0])
		}
		want(t, e.Apply(reading("temp", live+1000, 20)), "")
	})
	t.Run("in shadow", func(t *testing.T) {
		e := engine(t, ruleBook)
		quiet(t, e.Apply(hoursLate(reading("volts", start, 6))))
		want(t, e.Apply(reading("volts", live, 6)), "")
	})
	t.Run("raised live", func(t *testing.T) {
		e := engine(t, settleBook)
		want(t, e.Apply(reading("temp", start, 120)), "raised overheat device")
		want(t, e.Apply(reading("temp", start+1000, 120)), "")
	})
	// The statistical tier needs a whole block of live readings.
	for name, c := range map[string]struct {
		level float64
		want  string
		soon  int // readings before which nothing may be told
	}{
		"shift":              {30, "continued abnormal-behaviour device", 19},
		"shift that is over": {20, "cleared abnormal-behaviour device", 0},
	} {
		t.Run(name, func(t *testing.T) {
			e, rng := engine(t, settleBook), rand.New(rand.NewPCG(1, 2))
			var found []detectors.Finding
			for i := range int64(600) {
				level := 20.0
				if i >= 450 {
					level = 30
				}
				found = append(found, e.Apply(hoursLate(reading("flow", start+i*1000, level+rng.NormFloat64())))...)
			}
			want(t, found[:1], "raised abnormal-behaviour device")
			for _, f := range found {
				quiet(t, []detectors.Finding{f})
			}
			e = restarted(t, e, settleBook)
			found = nil
			for i := range int64(80) {
				more := e.Apply(reading("flow", live+i*1000, c.level+rng.NormFloat64()))
				if len(more) > 0 && int(i) < c.soon {
					t.Errorf("live reading %d: %s", i, brief(more))
				}
				found = append(found, more...)
			}
			want(t, found, c.want)
			if found[0].Backfill || len(found[0].Signals) == 0 && c.soon > 0 {
				t.Errorf("finding %+v", found[0])
			}
		})
	}
}

// What began while another fault held is explained by it for as long again as that fault lasted.
func TestFaultIsExplainedWhileItSettles(t *testing.T) {
	hot := func(e *detectors.Engine, seconds int64) {
		want(t, e.Apply(reading("temp", start, 120)), "raised overheat device")
		want(t, e.Apply(reading("flow", start+1000, 3)), "raised low-flow device (inhibited)")
		want(t, e.Apply(reading("temp", start+seconds*1000, 90)), "cleared overheat device")
	}
	t.Run("raised when it stays", func(t *testing.T) {
		e := engine(t, settleBook)
		hot(e, 60)
		want(t, e.Apply(reading("flow", start+61_000, 3)), "")
		e = restarted(t, e, settleBook)
		want(t, e.Apply(reading("flow", start+119_000, 3)), "")
		e = restarted(t, e, settleBook)
		found := e.Apply(reading("flow", start+120_000, 3))
		want(t, found, "raised low-flow device")
		if found[0].Onset != start+1000 {
			t.Errorf("finding %+v", found[0])
		}
		want(t, e.Apply(reading("flow", start+121_000, 3)), "")
		want(t, e.Apply(reading("flow", start+122_000, 8)), "cleared low-flow device")
	})
	t.Run("nothing when it fades", func(t *testing.T) {
		e := engine(t, settleBook)
		hot(e, 60)
		want(t, e.Apply(reading("flow", start+100_000, 8)), "cleared low-flow device (inhibited)")
		want(t, e.Apply(reading("flow", start+101_000, 3)), "raised low-flow device") // began after the repair
	})
	t.Run("explained again", func(t *testing.T) {
		e := engine(t, settleBook)
		hot(e, 60)
		want(t, e.Apply(reading("temp", start+100_000, 120)), "raised overheat device")
		want(t, e.Apply(reading("flow", start+130_000, 3)), "")
		want(t, e.Apply(reading("temp", start+140_000, 90)), "cleared overheat device")
		want(t, e.Apply(reading("flow", start+179_000, 3)), "")
		want(t, e.Apply(reading("flow", start+180_000, 3)), "raised low-flow device")
	})
	t.Run("not for ever", func(t *testing.T) {
		cfg := detectors.DefaultConfig()
		cfg.Settle = 10 * time.Second
		e := detectors.NewEngine(cfg, plans(t, settleBook))
		hot(e, 3600)
		want(t, e.Apply(reading("flow", start+3609_000, 3)), "")
		want(t, e.Apply(reading("flow", start+3610_000, 3)), "raised low-flow device")
	})
	t.Run("shown on backfilled readings first", func(t *testing.T) {
		e := engine(t, settleBook)
		e.Apply(hoursLate(reading("temp", start, 120)))
		e.Apply(hoursLate(reading("flow", start+1000, 3)))
		e.Apply(hoursLate(reading("temp", start+60_000, 90)))
		found := e.Apply(hoursLate(reading("flow", start+120_000, 3)))
		want(t, found, "raised low-flow device")
		if !found[0].Backfill {
			t.Error("not marked as backfill")
		}
		want(t, e.Apply(reading("flow", start+5*3600_000, 3)), "continued low-flow device")
	})
}

// A shift that outlives what explained it is raised by readings that were all taken after the settling time.
func TestShiftIsExplainedWhileItSettles(t *testing.T) {
	for name, c := range map[string]struct {
		ends int64 // second at which the shift is gone
		want string
	}{
		"fades": {2260, "raised abnormal-behaviour device (inhibited), cleared abnormal-behaviour device (inhibited)"},
		"stays": {1 << 30, "raised abnormal-behaviour device (inhibited), raised abnormal-behaviour device"},
	} {
		t.Run(name, func(t *testing.T) {
			e, rng := engine(t, settleBook), rand.New(rand.NewPCG(3, 4))
			var found []detectors.Finding
			var raised int64
			for i := range int64(2600) {
				level, temp := 20.0, 50+rng.NormFloat64()
				if i >= 2000 && i < c.ends {
					level = 30
				}
				if i >= 2010 && i < 2200 {
					temp += 60
				}
				b := reading("flow", start+i*1000, level+rng.NormFloat64())
				b.Samples = append(b.Samples, telemetry.Sample{Metric: "temp", Time: start + i*1000, Value: temp})
				for _, f := range e.Apply(b) {
					// Only what the shift is told by; the other metric has a shift of its own, which joins.
					if f.FaultCode == detectors.FaultAbnormal && f.Phase != detectors.Continued {
						found = append(found, f)
						raised = i
					}
				}
				if i%100 == 99 {
					e = restarted(t, e, settleBook)
				}
			}
			want(t, found, c.want)
			if c.ends > 2600 && (raised < 2200+190+19 || raised > 2200+190+40) {
				t.Errorf("raised in second %d", raised)
			}
		})
	}
}

// A sensor that lies explains what was found on its own metric; a fault that shows on another metric, too, is the machine's.
func TestSensorExplainsItsMetricAlone(t *testing.T) {
	const book = `
version: 1
models:
  - rules:
      - {id: lies, fault: sensor-lies, metric: "*", limit: {above: 100}}
      - {id: low, fault: low, metric: "*", limit: {below: 5}}
      - {id: warm, fault: warm, metric: "*", limit: {above: 50}}
      - {id: both, fault: both, expression: {when: 'a > 50 && b > 50'}}
faults:
  - {code: sensor-lies, title: {en: Lies}, inhibits: [low, warm, both]}
  - {code: low, title: {en: Low}}
  - {code: warm, component: body, title: {en: Warm}}
  - {code: both, component: whole, title: {en: Both}}
`
	e := engine(t, book)
	step := func(metric string, second int64, value float64, expected string) {
		t.Helper()
		want(t, e.Apply(reading(metric, start+second*1000, value)), expected)
		e = restarted(t, e, book)
	}
	step("a", 0, 120, "raised sensor-lies device, raised warm body (inhibited)")
	step("c", 1, 3, "raised low device") // it lies not
	step("b", 2, 60, "continued warm body (inhibited), raised both whole")
	step("a", 3, 121, "raised warm body") // b shows it, too
	step("b", 4, 130, "continued sensor-lies device")
	step("c", 5, 9, "cleared low device")

	e = engine(t, book)
	step("a", 0, 120, "raised sensor-lies device, raised warm body (inhibited)")
	step("b", 1, 120, "continued sensor-lies device, continued warm body (inhibited), raised both whole (inhibited)")
	step("a", 60, 90, "") // this sensor is well again, and its traces take a minute to fade
	step("b", 119, 121, "")
	step("a", 121, 91, "raised warm body, raised both whole")

	e = engine(t, book)
	step("a", 0, 120, "raised sensor-lies device, raised warm body (inhibited)")
	step("b", 30, 120, "continued sensor-lies device, continued warm body (inhibited), raised both whole (inhibited)")
	step("b", 60, 90, "")
	step("a", 70, 90, "cleared sensor-lies device")
	step("a", 119, 91, "")
	step("b", 121, 91, "raised warm body, raised both whole") // the traces of this sensor have faded, and it shows the fault
}

// A checkpoint in the first form is still read: the fault that was due then is raised with the next reading that shows it.
func TestRestoreOfTheFirstForm(t *testing.T) {
	data, err := os.ReadFile("testdata/checkpoint-1.bin")
	if err != nil {
		t.Fatal(err)
	}
	const book = `
version: 1
models:
  - rules:
      - {id: hot, fault: overheat, metric: temp, limit: {above: 100}}
      - {id: low, fault: low-flow, metric: flow, limit: {below: 5}}
      - {id: weak, fault: weak, metric: volts, limit: {below: 5}}
faults:
  - {code: overheat, severity: critical, title: {en: Too hot}, inhibits: [low-flow]}
  - {code: low-flow, severity: major, title: {en: Too little flow}}
  - {code: weak, severity: major, title: {en: Low voltage}}
`
	e := engine(t, book)
	if err := e.Restore(data); err != nil {
		t.Fatal(err)
	}
	e = restarted(t, e, book) // and it goes on in the form of today
	want(t, e.Apply(reading("flow", start+3000, 3)), "raised low-flow device")
	want(t, e.Apply(reading("flow", start+4000, 3)), "")
	want(t, e.Apply(reading("volts", start+4000, 9)), "cleared weak device")
	for i := range data {
		if fresh := engine(t, book); fresh.Restore(slices.Clone(data[:i])) == nil {
			t.Fatalf("the first %d bytes are taken for a checkpoint", i)
		}
	}
}
