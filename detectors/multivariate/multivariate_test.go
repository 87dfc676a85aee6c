package multivariate

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/presage-pdm/presage/detectors"
)

var _ detectors.Chart = (*Chart)(nil)

// source returns the reading of a metric in a row, NaN for none.
type source func(row, metric int) float64

// pump returns readings of four metrics: two that go together, one that is their difference at another scale, one alone.
func pump(seed uint64, scale float64) source {
	rng := rand.New(rand.NewPCG(seed, 7))
	var now [4]float64
	return func(_, m int) float64 {
		if m == 0 {
			load, a, b := rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()
			now = [4]float64{20 + load + 0.1*a, 300 + 5*load + 0.5*b, 1e6 * (a - b), rng.NormFloat64()}
		}
		return now[m] * scale
	}
}

var parts = []string{"pump", "pump", "motor", "motor"}

func newPump() *Chart {
	c := New(DefaultConfig()).Chart()
	for m, name := range []string{"flow", "pressure", "current", "voltage"} {
		c.Metric(name, parts[m])
	}
	return c
}

// decided is a decision with the row that it fell in.
type decided struct {
	row int
	detectors.Decision
}

func row(c *Chart, at int, value source) []detectors.Decision {
	for m := range c.metrics {
		c.Observe(m, int64(at)*1000, value(at, m), detectors.Expectation{})
	}
	return c.Decide(int64(at) * 1000)
}

func feed(c *Chart, from, to int, value source) (out []decided) {
	for at := from; at < to; at++ {
		for _, d := range row(c, at, value) {
			out = append(out, decided{at, d})
		}
	}
	return out
}

// shifted adds to a metric in rows [1000, 1200).
func shifted(value source, metric int, by float64) source {
	return func(row, m int) float64 {
		v := value(row, m)
		if m == metric && row >= 1000 && row < 1200 {
			v += by
		}
		return v
	}
}

func TestShiftIsFoundWhateverTheScale(t *testing.T) {
	for _, scale := range []float64{1e-9, 1e-3, 1, 1e9, 1e150} {
		got := feed(newPump(), 0, 2000, shifted(pump(1, scale), 3, 4*scale))
		if len(got) < 2 || got[0].Verdict != detectors.Faulty || got[len(got)-1].Verdict != detectors.Healthy {
			t.Fatalf("scale %g: %+v", scale, got)
		}
		first, last := got[0], got[len(got)-1]
		if first.row < 1000 || first.row > 1030 || first.Onset < 1_000_000 || first.Onset > int64(first.row)*1000 {
			t.Errorf("scale %g: found in row %d with onset %d", scale, first.row, first.Onset)
		}
		if last.row < 1200 || last.row > 1280 {
			t.Errorf("scale %g: ended in row %d", scale, last.row)
		}
		if first.Component != "motor" || first.Signals[0].Metric != "voltage" || first.Reason.Key != detectors.ReasonAbnormalAbove || first.Reason.Params["metric"] != "voltage" {
			t.Errorf("scale %g: blamed %s, %+v", scale, first.Component, first.Signals)
		}
		sum := 0.0
		for _, s := range first.Signals {
			sum += s.Share
		}
		if math.Abs(sum-1) > 1e-9 || first.Score < 0.5 || first.Score >= 1 || first.P > 0.02 {
			t.Errorf("scale %g: shares sum to %v, decision %+v", scale, sum, first.Decision)
		}
	}
}

func TestHealthyDecidesNothing(t *testing.T) {
	for seed := range uint64(20) {
		if got := feed(newPump(), 0, 6000, pump(seed, 1)); len(got) > 0 {
			t.Errorf("seed %d: row %d decided %+v", seed, got[0].row, got[0].Decision)
		}
	}
}

// What contributions name is the metric that was moved, for each of those that stand alone or in a pair.
func TestContributionsNameTheSensor(t *testing.T) {
	for metric, by := range []float64{4, 20, 6e6, 4} {
		c := newPump()
		got := feed(c, 0, 1150, shifted(pump(3, 1), metric, by))
		if len(got) == 0 {
			t.Errorf("a shift of metric %d is not found", metric)
			continue
		}
		d, ok := c.Still(parts[metric], 1_100_000)
		if !ok || d.Signals[0].Metric != c.metrics[metric].name {
			t.Errorf("metric %d: %v, blamed %+v", metric, ok, d.Signals)
		}
		if _, ok := c.Still(parts[metric], 1_200_000); ok {
			t.Errorf("metric %d: speaks for a time that was not read", metric)
		}
	}
}

// Metrics that a real device has: constant, duplicated, never read, rarely read, gone after a while, not finite, late.
func TestAwkwardMetrics(t *testing.T) {
	healthy := pump(5, 1)
	odd := func(row, m int) float64 {
		switch m {
		case 4:
			return 3 // constant
		case 6:
			return math.NaN() // never read
		case 7:
			if row%7 == 0 {
				return float64(row % 5)
			}
			return math.NaN()
		case 8:
			if row < 600 {
				return math.Sin(float64(row) / 10)
			}
			return math.Inf(1)
		}
		return healthy(row, m)
	}
	last := 0.0
	value := func(row, m int) float64 {
		if m == 5 {
			return last // a copy of another
		}
		v := odd(row, m)
		if m == 3 {
			if row >= 2000 {
				v += 6
			}
			last = v
		}
		return v
	}
	c := newPump()
	for _, name := range []string{"constant", "copy", "never", "rare", "gone"} {
		c.Metric(name, "extra")
	}
	got := feed(c, 0, 1500, value)
	c.Metric("late", "extra")
	got = append(got, feed(c, 1500, 2100, func(row, m int) float64 {
		if m == 9 {
			return float64(row)
		}
		return value(row, m)
	})...)
	if len(got) == 0 || got[0].row < 2000 || got[0].row > 2040 {
		t.Fatalf("decisions %+v", got)
	}
	for i, watched := range []bool{4: false, 5: true, 6: false, 7: true, 8: true} {
		if i >= 4 && (c.base.watched[i] >= 0) != watched {
			t.Errorf("%s: watched %v", c.metrics[i].name, !watched)
		}
	}
}

// A metric that changed a few times only has shown too little of how it moves. One that goes on to wander is allowed more.
func TestWhatIsKnownOfAMetric(t *testing.T) {
	healthy := pump(12, 1)
	rng := rand.New(rand.NewPCG(12, 13))
	walk := 0.0
	c := newPump()
	c.Metric("stepping", "extra")
	c.Metric("wandering", "extra")
	got := feed(c, 0, 4000, func(row, m int) float64 {
		switch m {
		case 4:
			if row < 1000 {
				return 100 + float64(row/100%2)
			}
			return 120
		case 5:
			walk += rng.NormFloat64() / 20
			return walk + rng.NormFloat64()/5
		}
		return healthy(row, m)
	})
	if len(got) > 0 {
		t.Errorf("row %d decided %+v", got[0].row, got[0].Decision)
	}
	if b := c.base; b.watched[4] >= 0 || b.watched[5] < 0 || !(b.sd[b.watched[5]] > b.least[b.watched[5]]) {
		t.Errorf("watched %v, spread %v, at the beginning %v", b.watched, b.sd, b.least)
	}
}

// A temperature that wanders over minutes is trusted less than the few minutes of the warm-up would have it; a metric that scatters is not.
func TestWanderingMetricIsTrustedLess(t *testing.T) {
	c := New(DefaultConfig()).Chart()
	c.Metric("temperature", "device")
	c.Metric("noise", "device")
	rng := rand.New(rand.NewPCG(14, 15))
	feed(c, 0, 400, func(row, m int) float64 {
		if m == 1 {
			return rng.NormFloat64()
		}
		return 10*math.Sin(float64(row)/60) + 0.1*rng.NormFloat64()
	})
	if sd := c.base.sd; sd[0] < 15 || sd[1] > 0.5 { // z deviates by about 6 and 0.16
		t.Errorf("deviations %v", sd)
	}
}

// More metrics than are watched together do no harm.
func TestManyMetrics(t *testing.T) {
	c := New(DefaultConfig()).Chart()
	for i := range mostMetrics + 10 {
		c.Metric(string(rune('a'+i)), "device")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	if got := feed(c, 0, 1000, func(int, int) float64 { return rng.NormFloat64() }); len(got) > 0 {
		t.Errorf("decided %+v", got[0])
	}
	if n := len(c.base.metrics); n != mostMetrics {
		t.Errorf("%d are watched", n)
	}
}

// A chart that is stopped and restored in any row decides as one that never was.
func TestRestoreEqualsNeverHavingStopped(t *testing.T) {
	value := shifted(pump(9, 1), 3, 4)
	var table [1300][4]float64
	for at := range table {
		for m := range 4 {
			if table[at][m] = value(at, m); at%11 == 0 && m == 1 || at > 1050 && m == 2 {
				table[at][m] = math.NaN()
			}
		}
	}
	read := func(row, m int) float64 { return table[row][m] }
	whole := newPump()
	want := feed(whole, 0, len(table), read)
	if len(want) == 0 {
		t.Fatal("nothing was decided")
	}
	for stop := 1; stop < len(table); stop += 13 {
		first := newPump()
		got := feed(first, 0, stop, read)
		first.Observe(0, int64(stop)*1000, table[stop][0], detectors.Expectation{}) // in the middle of a row
		second := New(DefaultConfig()).Chart()
		if err := second.RestoreState(first.AppendState(nil)); err != nil {
			t.Fatalf("stopped in row %d: %v", stop, err)
		}
		d1, ok1 := first.Still("motor", 0)
		d2, ok2 := second.Still("motor", 0)
		if ok1 != ok2 || !reflect.DeepEqual(d1, d2) {
			t.Fatalf("stopped in row %d: still %+v before and %+v after", stop, d1, d2)
		}
		if !reflect.DeepEqual(first.regimes, second.regimes) {
			t.Fatalf("stopped in row %d: regimes %+v before and %+v after", stop, first.regimes, second.regimes)
		}
		for m := 1; m < 4; m++ {
			second.Observe(m, int64(stop)*1000, table[stop][m], detectors.Expectation{})
		}
		for _, d := range second.Decide(int64(stop) * 1000) {
			got = append(got, decided{stop, d})
		}
		got = append(got, feed(second, stop+1, len(table), read)...)
		if !bytes.Equal(whole.AppendState(nil), second.AppendState(nil)) || len(got) != len(want) {
			t.Fatalf("stopped in row %d: %d decisions, not %d, or another state", stop, len(got), len(want))
		}
		for i := range want {
			if got[i].row != want[i].row || got[i].Verdict != want[i].Verdict || got[i].Score != want[i].Score {
				t.Fatalf("stopped in row %d: decided %+v, not %+v", stop, got[i], want[i])
			}
		}
	}
}

func FuzzRestoreState(f *testing.F) {
	for _, rows := range []int{0, 100, 500, 1100} {
		c := newPump()
		feed(c, 0, rows, shifted(pump(2, 1), 3, 4))
		f.Add(c.AppendState(nil))
	}
	for _, rows := range []int{700, 1200} {
		c := newMachine()
		feed(c, 0, rows, machine(2, turns(600, 1000, 1, 2)))
		f.Add(c.AppendState(nil))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := New(DefaultConfig()).Chart()
		if c.RestoreState(data) != nil {
			return
		}
		again, d := c.AppendState(nil), New(DefaultConfig()).Chart()
		if err := d.RestoreState(again); err != nil {
			t.Fatalf("what was restored cannot be restored again: %v", err)
		}
		if !bytes.Equal(d.AppendState(nil), again) {
			t.Fatal("what was restored is written otherwise")
		}
		a := c.Metric("a", "device")
		for row := range 500 {
			c.Observe(a, c.last+1000, float64(row%7), detectors.Expectation{})
			c.Decide(c.last + 1000)
			c.Suspect(a)
			c.Still(c.component, 0)
		}
	})
}

func BenchmarkRow(b *testing.B) {
	for _, size := range []struct{ metrics, regimes int }{{8, 1}, {8, 4}, {26, 4}} {
		b.Run(fmt.Sprintf("%d metrics, %d regimes", size.metrics, size.regimes), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 2))
			c := New(DefaultConfig()).Chart()
			c.Metric("speed", "device")
			for i := 1; i < size.metrics; i++ {
				c.Metric(fmt.Sprint("metric", i), "device")
			}
			values := make([]float64, size.metrics*512)
			for i := range values {
				values[i] = rng.NormFloat64()
			}
			at := 0
			one := func(speed float64) {
				c.Observe(0, int64(at)*1000, speed+values[at%512], detectors.Expectation{})
				for m := 1; m < size.metrics; m++ {
					c.Observe(m, int64(at)*1000, values[(at*size.metrics+m)%len(values)], detectors.Expectation{})
				}
				c.Decide(int64(at) * 1000)
				at++
			}
			for r := range size.regimes {
				for range 600 {
					one(float64(100 * r))
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				one(0)
			}
			if c.Regimes() != size.regimes {
				b.Fatalf("%d regimes", c.Regimes())
			}
			b.ReportMetric(float64(len(c.AppendState(nil))), "state-B")
		})
	}
}

// Metrics that no longer go together are told together; a metric far outside its own range is told by itself.
func TestReasonTellsWhatIsOffTogether(t *testing.T) {
	apart := func(by float64) source {
		healthy := pump(1, 1)
		return func(row, m int) float64 {
			v := healthy(row, m)
			switch {
			case row < 1000:
			case m == 0:
				v += by
			case m == 1:
				v -= 5 * by
			}
			return v
		}
	}
	got := feed(newPump(), 0, 1200, apart(1.2))
	if len(got) == 0 || got[0].Reason.Key != detectors.ReasonOffTogether || len(got[0].Signals) < 2 {
		t.Fatalf("want metrics off together, got %+v", got)
	}
	got = feed(newPump(), 0, 1200, shifted(pump(1, 1), 3, -8))
	if len(got) == 0 || got[0].Reason.Key != detectors.ReasonAbnormalBelow || got[0].Reason.Params["metric"] != "voltage" {
		t.Fatalf("want voltage below what is expected, got %+v", got)
	}
}
