package changepoint

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/presage-pdm/presage/detectors"
)

// series feeds first-order autoregressive noise with unit innovations around a level.
type series struct {
	rng   *rand.Rand
	phi   float64
	x     float64
	at    int64
	input detectors.Input
}

func (s *series) next(d detectors.Detector, level float64) detectors.Verdict {
	s.x = s.phi*s.x + s.rng.NormFloat64()
	s.at += 1000
	s.input.Time, s.input.Value = s.at, level+s.x
	return d.Observe(&s.input)
}

// Alarms on noise come about as rarely as stated, independent or not. The level is learned from what is judged, which costs a part of it.
func TestFalseAlarmsAreAsRareAsStated(t *testing.T) {
	const between, readings = 2000, 400_000
	for _, phi := range []float64{0, 0.5, 0.8} {
		d := New(Config{Shift: 1, Between: between}).New("m", detectors.MetricPlan{})
		s := series{rng: rand.New(rand.NewPCG(1, 2)), phi: phi}
		alarms, before := 0, detectors.Healthy
		for range readings {
			v := s.next(d, 20)
			if v == detectors.Faulty && before == detectors.Healthy {
				alarms++
			}
			before = v
		}
		t.Logf("autocorrelation %.1f: %d alarms in %d readings, %d were stated", phi, alarms, readings, readings/between)
		if alarms > 2*readings/between || alarms < readings/between/4 {
			t.Errorf("autocorrelation %.1f: %d alarms, %d were stated", phi, alarms, readings/between)
		}
	}
}

// A change is found within the readings that the theory gives, h/(delta-k) on average, is dated to where it began, and ends when it is over.
func TestChangeIsFoundAndEnds(t *testing.T) {
	for _, delta := range []float64{1, -1, 2} {
		found, late := 0, 0.0
		const runs = 100
		for run := range uint64(runs) {
			d := New(DefaultConfig()).New("m", detectors.MetricPlan{})
			s := series{rng: rand.New(rand.NewPCG(run, 3))}
			for range 2000 {
				if s.next(d, 20) != detectors.Healthy {
					t.Fatalf("run %d: an alarm on noise", run)
				}
			}
			began := s.at
			for i := 1; i <= 200; i++ {
				if s.next(d, 20+delta) == detectors.Healthy {
					continue
				}
				found++
				late += float64(i)
				e := d.Explain()
				if off := e.Onset - began; off < -40_000 || off > 60_000 {
					t.Errorf("run %d: the onset is %d s from the change", run, off/1000)
				}
				if (e.Reason.Key == detectors.ReasonChangeUp) != (delta > 0) || math.Abs(e.Signals[0].Actual-20-delta) > 1 {
					t.Errorf("run %d: %+v", run, e)
				}
				for range 200 {
					s.next(d, 20)
				}
				if s.next(d, 20) != detectors.Healthy {
					t.Errorf("run %d: the change does not end", run)
				}
				break
			}
		}
		t.Logf("change of %+.0f standard deviations: %d of %d found, after %.0f readings", delta, found, runs, late/float64(found))
		if found < runs || late/runs > 1.5*New(DefaultConfig()).level/(math.Abs(delta)-0.5) {
			t.Errorf("change of %+.0f: %d of %d found, after %.0f readings", delta, found, runs, late/runs)
		}
	}
}

// What is constant, missing or not a number is not judged, and what stays becomes normal.
func TestChangepointAtTheEdges(t *testing.T) {
	d := New(DefaultConfig()).New("m", detectors.MetricPlan{})
	for i := range int64(1000) {
		v := 5.0
		if i%3 == 0 {
			v = math.NaN()
		}
		if d.Observe(&detectors.Input{Time: i, Value: v}) != detectors.Healthy {
			t.Fatal("an alarm on a constant")
		}
	}
	s := series{rng: rand.New(rand.NewPCG(4, 4))}
	d = New(DefaultConfig()).New("m", detectors.MetricPlan{})
	for range 1000 {
		s.next(d, 20)
	}
	held := 0
	for range 100_000 {
		if s.next(d, 23) == detectors.Faulty {
			held++
		}
	}
	if held < 1000 || s.next(d, 23) != detectors.Healthy {
		t.Errorf("the change held for %d readings", held)
	}
}

// Checkpoint plus restore equals never having stopped.
func TestStateOfChangepoint(t *testing.T) {
	m := New(DefaultConfig())
	whole, again := m.New("m", detectors.MetricPlan{}), m.New("m", detectors.MetricPlan{})
	a, b := series{rng: rand.New(rand.NewPCG(5, 5))}, series{rng: rand.New(rand.NewPCG(5, 5))}
	for i := range 3000 {
		level := 20.0
		if i > 1500 && i < 2000 {
			level = 21.5
		}
		if i%7 == 0 {
			state := again.AppendState(nil)
			again = m.New("m", detectors.MetricPlan{})
			if err := again.RestoreState(state); err != nil {
				t.Fatal(err)
			}
		}
		if x, y := a.next(whole, level), b.next(again, level); x != y {
			t.Fatalf("reading %d: %v after a restart, want %v", i, y, x)
		}
		if x, y := whole.Explain(), again.Explain(); !reflect.DeepEqual(x, y) {
			t.Fatalf("reading %d: %+v after a restart, want %+v", i, y, x)
		}
	}
	if !bytes.Equal(whole.AppendState(nil), again.AppendState(nil)) {
		t.Error("the state differs")
	}
}
