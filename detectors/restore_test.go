package detectors_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
)

// FuzzRestoreRule gives any bytes to the detectors of the rules as their state: what is taken is written again as the
// same bytes, and the detector lives on, on whatever input.
func FuzzRestoreRule(f *testing.F) {
	p := plans(f, ruleBook).Plan("default", "d1")
	metric := p.Describe("temp")
	inputs := ruleInputs()
	for i, rule := range p.Rules {
		d := rule.Method.New("temp", metric)
		f.Add(uint8(i), d.AppendState(nil))
		for n := range inputs {
			d.Observe(&inputs[n])
			if n%7 == 0 {
				f.Add(uint8(i), d.AppendState(nil))
			}
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, state []byte) {
		rule := p.Rules[int(which)%len(p.Rules)]
		d := rule.Method.New("temp", metric)
		if err := d.RestoreState(state); err != nil {
			if d := rule.Method.New("temp", metric); d.RestoreState(d.AppendState(nil)) != nil {
				t.Fatalf("%s: a new detector's own state is refused", rule.Method.Name())
			}
			return
		}
		written := d.AppendState(nil)
		again := rule.Method.New("temp", metric)
		if err := again.RestoreState(written); err != nil {
			t.Fatalf("%s: what was restored cannot be restored again: %v", rule.Method.Name(), err)
		}
		if second := again.AppendState(nil); !bytes.Equal(second, written) {
			t.Fatalf("%s: %x became %x", rule.Method.Name(), written, second)
		}
		for i := range inputs {
			a, b := d.Observe(&inputs[i]), again.Observe(&inputs[i])
			if a != b {
				t.Fatalf("%s: input %d is judged %v, and %v after a restart", rule.Method.Name(), i, a, b)
			}
			if a == detectors.Faulty {
				d.Explain()
			}
		}
		if a, b := d.AppendState(nil), again.AppendState(nil); !bytes.Equal(a, b) {
			t.Fatalf("%s: the state is another after a restart", rule.Method.Name())
		}
	})
}

// ruleInputs are samples, events, states and ticks in turn, ordinary and at the ends of what there is.
func ruleInputs() []detectors.Input {
	values := []float64{20, 101, 103, 101, -1, 500, math.MaxFloat64, -math.MaxFloat64, 0, 20, 1, 1, 1}
	event := telemetry.Event{Code: "drop"}
	var all []detectors.Input
	for i := range 40 {
		at := int64(start) + int64(i)*7000
		in := detectors.Input{
			Time: at, Arrival: at, Tick: uint64(i), Live: true, Metric: "temp", Value: values[i%len(values)],
			Latest: func(string) (float64, int64, bool) { return 1, at, i%3 > 0 },
		}
		switch i % 5 {
		case 3:
			e := event
			e.Time = at
			if i%2 == 0 {
				e.Code = "crash"
			}
			in.Kind, in.Event = detectors.EventInput, &e
		case 4:
			in.Kind = detectors.TickInput
		default:
			in.Kind = detectors.SampleInput
		}
		all = append(all, in)
	}
	return all
}
