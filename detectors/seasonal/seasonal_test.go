package seasonal

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/presage-pdm/presage/detectors"
)

func noise(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 5)) }

func TestForecastFollowsLevelAndIgnoresSpikes(t *testing.T) {
	s := New().New()
	rng := noise(1)
	for i := range 2000 {
		v := 50 + rng.NormFloat64()
		if i%100 == 99 {
			v = 1000
		}
		s.Observe(int64(i)*1000, v, true)
	}
	e := s.Expect(2_000_000)
	if !e.Warm || math.Abs(e.Value-50) > 1.5 || e.Season != 0 || e.Profile != 0 {
		t.Errorf("expectation %+v, want about 50", e)
	}
	for range 1000 {
		s.Observe(3_000_000+int64(rng.IntN(1000)), 70+rng.NormFloat64(), true)
	}
	if e := s.Expect(4_000_000); math.Abs(e.Value-70) > 2 {
		t.Errorf("after a change of level: %v, want about 70", e.Value)
	}
}

func TestBandHoldsNearlyAllReadings(t *testing.T) {
	s := New().New()
	rng := noise(2)
	out, warm := 0, 0
	for i := range 5000 {
		at, v := int64(i)*1000, 5+2*rng.NormFloat64()
		if e := s.Expect(at); e.Warm {
			warm++
			if low, high := s.Band(e); v < low || v > high {
				out++
			}
		}
		s.Observe(at, v, true)
	}
	if share := float64(out) / float64(warm); share > 0.025 {
		t.Errorf("%.3f of the readings are outside the band", share)
	}
	if p := s.PValue(5_000_000, 50); p > 0.001 {
		t.Errorf("p-value of a far reading: %v", p)
	}
	if p := s.PValue(5_000_000, 5); p < 0.2 {
		t.Errorf("p-value of an ordinary reading: %v", p)
	}
}

func TestSpecialInputs(t *testing.T) {
	s := New().New()
	if p := s.PValue(0, 1e9); p != 1 {
		t.Errorf("p-value before any reading: %v, want 1", p)
	}
	for i := range 500 {
		s.Observe(int64(i)*1000, 7, true)
	}
	if e := s.Expect(500_000); e.Value != 7 {
		t.Errorf("constant input: expectation %v", e.Value)
	}
	if p := s.PValue(500_000, 7.1); p > 0.01 {
		t.Errorf("first change of a constant: p-value %v", p)
	}
	s.Observe(10_000_000, 30, true) // after a gap, at another level
	if e := s.Expect(10_001_000); math.Abs(e.Value-30) > 1 {
		t.Errorf("after a gap: expectation %v, want about 30", e.Value)
	}
}

// A profile is promoted after two cycles of a real one, and not for noise; the weekly one is promoted where days differ.
func TestProfileProvesItself(t *testing.T) {
	run := func(days int, value func(hour, weekday int) float64) detectors.Expectation {
		s := New().New()
		rng := noise(3)
		const start = int64(1_699_833_600_000) // a Monday, midnight
		for i := range days * 24 * 12 {
			at := start + int64(i)*300_000
			s.Observe(at, value(i/12%24, i/12/24%7)+rng.NormFloat64(), true)
		}
		return s.Expect(start + int64(days)*24*3600_000 + 12*3600_000)
	}
	daily := func(h, _ int) float64 { return 10 * math.Sin(float64(h)/24*2*math.Pi) }
	if e := run(5, daily); e.Profile != 1 || math.Abs(e.Season) > 2 {
		t.Errorf("daily cycle: %+v", e)
	}
	if e := run(1, daily); e.Profile != 0 {
		t.Errorf("after one day: %+v", e)
	}
	if e := run(10, func(int, int) float64 { return 0 }); e.Profile != 0 {
		t.Errorf("noise: %+v", e)
	}
	weekly := func(h, d int) float64 {
		if d >= 5 {
			return 0
		}
		return 10 + daily(h, d)
	}
	if e := run(29, weekly); e.Profile != 2 {
		t.Errorf("weekly cycle: %+v", e)
	}
}

func TestStateRoundTrip(t *testing.T) {
	rng := noise(4)
	a := New().New()
	for i := range 3000 {
		at, v := int64(i)*900_000, rng.NormFloat64()
		if i%97 == 0 {
			b := New().New()
			if err := b.RestoreState(a.AppendState(nil)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(a.AppendState(nil), b.AppendState(nil)) {
				t.Fatal("a restored series has another state")
			}
			a = b
		}
		a.Observe(at, v, i%3 > 0)
	}
}

func FuzzRestoreState(f *testing.F) {
	s := New().New()
	for i := range 400 {
		s.Observe(int64(i)*900_000, float64(i%11), true)
	}
	f.Add(s.AppendState(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := New().New()
		if s.RestoreState(data) != nil {
			return
		}
		written, again := s.AppendState(nil), New().New()
		if err := again.RestoreState(written); err != nil || !bytes.Equal(again.AppendState(nil), written) {
			t.Fatalf("what was restored is not restored again: %v", err)
		}
		for i := range 200 {
			at := int64(i) * 900_000
			s.PValue(at, float64(i))
			s.Observe(at, float64(i), true)
			s.Band(s.Expect(at))
		}
	})
}
