package limit

import (
	"testing"

	"github.com/presage-pdm/presage/detectors"
)

func TestTellsHowFarBeyond(t *testing.T) {
	for _, c := range []struct {
		cfg           Config
		value         float64
		over, percent string
	}{
		{Config{Bound: 110, Above: true, Clear: 100}, 121.5, "11.5", "10"},
		{Config{Bound: -10, Clear: -8}, -10.25, "0.25", "2.5"},
		{Config{Bound: 0, Above: true}, 3, "3", ""},
		{Config{Bound: 12345.1, Above: true}, 12345.6, "0.5", "0.0041"},
	} {
		d := New(c.cfg).New("m", detectors.MetricPlan{})
		if d.Observe(&detectors.Input{Time: 1000, Value: c.value}) != detectors.Faulty {
			t.Fatalf("%v is not beyond %+v", c.value, c.cfg)
		}
		if p := d.Explain().Reason.Params; p["over"] != c.over || p["percent"] != c.percent {
			t.Errorf("%v is told to be %s (%s %%) beyond %v, want %s (%s %%)", c.value, p["over"], p["percent"], c.cfg.Bound, c.over, c.percent)
		}
	}
}
