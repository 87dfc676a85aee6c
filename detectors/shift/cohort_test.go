package shift

import (
	"bytes"
	"testing"

	"github.com/presage-pdm/presage/detectors"
)

// joins makes the judge of a device that shares with others.
func joins(s detectors.Shared) *judge {
	j := New(DefaultConfig()).New().(*judge)
	j.Join(s, func() bool { return true })
	j.Metric("a", "device")
	return j
}

// live feeds a judge blocks whose level wanders with a spread.
func live(j *judge, seed uint64, blocks int, spread float64) {
	rng, from := noise(seed), j.metrics[0].last+1000
	for b := range blocks {
		level := spread * rng.NormFloat64()
		for i := range blockLen {
			at := from + int64(b*blockLen+i)*1000
			j.Observe(0, at, level+0.1*rng.NormFloat64(), detectors.Expectation{})
			j.Decide(at)
		}
	}
}

func TestCohortTellsHowMuchAMetricWanders(t *testing.T) {
	s := New(DefaultConfig()).NewShared()
	for device := range uint64(leastTeachers) {
		live(joins(s), device, 120, 2)
	}
	young := joins(s)
	live(young, 9, minBlocks+persist+1, 0.1) // it has seen a tenth of what there is
	if sd := young.metrics[0].sd; sd < 1 || sd > 2.5 {
		t.Errorf("a young device is judged by a spread of %.2f, want nearly that of its cohort, 2", sd)
	}
	alone := joins(New(DefaultConfig()).NewShared())
	live(alone, 9, minBlocks+persist+1, 0.1)
	if sd := alone.metrics[0].sd; sd > 0.3 {
		t.Errorf("a device alone is judged by a spread of %.2f, want its own, about 0.1", sd)
	}
	// With its own past, what the cohort said counts less and less.
	live(young, 10, 400, 0.1)
	if sd := young.metrics[0].sd; sd > 0.7 {
		t.Errorf("after 400 blocks the device is judged by a spread of %.2f, want nearly its own", sd)
	}
	young.Join(nil, nil)
	live(young, 11, 20, 0.1)
}

func TestFaultyDevicesTeachNothing(t *testing.T) {
	s := New(DefaultConfig()).NewShared().(*shared)
	j := joins(s)
	j.sound = func() bool { return false }
	live(j, 1, 120, 2)
	if len(s.wander) != 0 {
		t.Errorf("a device with a fault taught %v", s.wander)
	}
}

func FuzzRestoreShared(f *testing.F) {
	s := New(DefaultConfig()).NewShared()
	live(joins(s), 1, 120, 2)
	f.Add(s.AppendState(nil))
	f.Fuzz(func(t *testing.T, state []byte) {
		s := New(DefaultConfig()).NewShared()
		if s.RestoreState(state) != nil {
			return
		}
		again := New(DefaultConfig()).NewShared()
		if err := again.RestoreState(s.AppendState(nil)); err != nil || !bytes.Equal(again.AppendState(nil), s.AppendState(nil)) {
			t.Errorf("what was restored is not restored again: %v", err)
		}
	})
}
