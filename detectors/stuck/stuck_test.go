package stuck

import (
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
)

func TestTellsTheUsualRun(t *testing.T) {
	for name, c := range map[string]struct {
		repeat      int // how often each value is read
		most, usual string
	}{
		"never equal":   {1, "", ""},
		"three a value": {3, "3", "4"}, // two seconds apart
	} {
		t.Run(name, func(t *testing.T) {
			d := New(Config{For: time.Minute}).New("level", detectors.MetricPlan{}).(*detector)
			at := int64(0)
			read := func(v float64) detectors.Verdict {
				at += 2000
				return d.Observe(&detectors.Input{Time: at, Value: v})
			}
			for i := range 60 {
				for range c.repeat {
					read(float64(i%7) + 1)
				}
			}
			verdict, readings := detectors.Healthy, 0
			for ; verdict == detectors.Healthy && readings < 1000; readings++ {
				verdict = read(4.5)
			}
			got := d.Explain().Reason
			if verdict != detectors.Faulty || got.Params["most"] != c.most || got.Params["usual"] != c.usual {
				t.Errorf("after %d readings verdict %d, %+v", readings, verdict, got)
			}
			if want := map[int]string{1: "31", 3: "61"}[c.repeat]; got.Params["readings"] != want {
				t.Errorf("told %s equal readings, want %s", got.Params["readings"], want)
			}
		})
	}
}
