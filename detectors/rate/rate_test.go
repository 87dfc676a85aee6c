package rate

import (
	"bytes"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/stat"
)

func newDetector() *detector {
	return New(Config{Bound: 5, Above: true, Per: time.Minute, Span: 10 * time.Second}).New("soc", detectors.MetricPlan{}).(*detector)
}

// feed gives a reading every ten seconds and returns the last verdict.
func feed(d *detector, from, n int, value func(i int) float64) (v detectors.Verdict) {
	for i := from; i < from+n; i++ {
		v = d.Observe(&detectors.Input{Time: int64(i) * 10_000, Value: value(i)})
	}
	return v
}

// slow changes by two in a minute, up for a while, then down.
func slow(i int) float64 {
	if phase := i % 60; phase > 30 {
		return 50 + float64(60-phase)/3
	} else {
		return 50 + float64(phase)/3
	}
}

func TestTellsTheUsualChange(t *testing.T) {
	d := newDetector()
	feed(d, 0, 300, slow)
	jump := func(int) float64 { return 90 }
	if feed(d, 300, 1, jump) != detectors.Faulty {
		t.Fatal("a jump is not found")
	}
	if got := d.Explain().Reason; got.Key != detectors.ReasonRateAbove || got.Params["usual"] != "2" || got.Params["limit"] != "5" {
		t.Errorf("reason is %+v, want a usual change of 2 in a minute", got)
	}
	// What is not allowed is not learned.
	before := d.usual
	feed(d, 300, 1, jump)
	if d.usual != before {
		t.Errorf("the usual change went from %v to %v with a fault", before, d.usual)
	}

	young := newDetector()
	feed(young, 0, leastUsual, slow)
	feed(young, leastUsual, 1, jump)
	if usual, told := young.Explain().Reason.Params["usual"]; told {
		t.Errorf("a young detector tells a usual change of %s", usual)
	}
}

func TestRestoresOldAndNewStates(t *testing.T) {
	d := newDetector()
	feed(d, 0, 300, slow)
	state := d.AppendState(nil)
	again := newDetector()
	if err := again.RestoreState(state); err != nil || !bytes.Equal(again.AppendState(nil), state) {
		t.Fatalf("restored to another state (%v)", err)
	}
	usual := len(stat.AppendUint(stat.AppendFloat(nil, d.usual), d.seen))
	if err := again.RestoreState(state[:len(state)-usual]); err != nil {
		t.Fatalf("a state without the usual change: %v", err)
	}
	if again.seen != 0 || again.usual != 0 || len(again.past) != len(d.past) || again.now != d.now {
		t.Errorf("restored %+v from a state without the usual change", again)
	}
	if again.RestoreState(state[:len(state)-1]) == nil || again.RestoreState(append(state, 0)) == nil {
		t.Error("a damaged state was restored")
	}
}
