package novelty

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/presage-pdm/presage/detectors"
)

var tiers = []detectors.Tier{detectors.BaseTier, detectors.PromotedTier, detectors.FullTier}

// reading is a noisy daily cycle of five minutes, in steps so that there are ties, that is still for a while and jumps.
func reading(rng *rand.Rand, i int) (time int64, value float64) {
	value = 20 + 8*math.Sin(2*math.Pi*float64(i)/288) + rng.NormFloat64()
	switch {
	case i%3 == 0:
		value = math.Round(value)
	case i%1500 > 1400:
		value = 20
	case i%1100 > 1080:
		value += 30
	}
	return int64(i) * 300_000, value
}

func TestFindsWhatIsNew(t *testing.T) {
	for _, tier := range tiers {
		j := New().New(tier)
		rng := rand.New(rand.NewPCG(1, 2))
		most := 0.0
		for i := range 3000 {
			s := j.Observe(int64(i)*1000, rng.NormFloat64())
			if s.Warm != (i >= warmUp) || !s.Warm && s.Sum != 0 {
				t.Fatalf("tier %d, reading %d: %+v", tier, i, s)
			}
			if i > 1000 {
				most = max(most, s.Sum)
			}
		}
		s := j.Observe(3_000_000, 40)
		if s.Sum < most || s.Sum < 6.3 || s.Strongest == "" {
			t.Errorf("tier %d: a value of 40 deviations is surprising by %+v, noise by up to %.1f", tier, s, most)
		}
	}
}

// A checkpoint and a restore at any moment, and a new checkpoint, equal never having stopped.
func TestRestoreEqualsNeverStopping(t *testing.T) {
	for _, tier := range tiers {
		rng := rand.New(rand.NewPCG(3, uint64(tier)))
		through, again := New().New(tier), New().New(tier)
		for i := range 9000 {
			at, v := reading(rng, i)
			if a, b := through.Observe(at, v), again.Observe(at, v); a != b {
				t.Fatalf("tier %d, reading %d: %+v and after a restore %+v", tier, i, a, b)
			}
			if i < 70 || rng.IntN(200) == 0 {
				state := again.AppendState(nil)
				again = New().New(detectors.BaseTier)
				if err := again.RestoreState(state); err != nil {
					t.Fatalf("tier %d, reading %d: %v", tier, i, err)
				}
				if !bytes.Equal(state, again.AppendState(nil)) || again.Tier() != tier {
					t.Fatalf("tier %d, reading %d: the state differs after a restore", tier, i)
				}
			}
		}
	}
}

func TestSize(t *testing.T) {
	for tier, want := range map[detectors.Tier][2]int{
		detectors.BaseTier: {2000, 4000}, detectors.PromotedTier: {5000, 8500}, detectors.FullTier: {24000, 36000},
	} {
		j := New().New(tier)
		fresh := j.Size()
		rng := rand.New(rand.NewPCG(5, 6))
		for i := range 5000 {
			j.Observe(reading(rng, i))
		}
		state := len(j.AppendState(nil))
		t.Logf("tier %d: %d B in memory, %d B as a checkpoint", tier, j.Size(), state)
		if j.Size() != fresh || fresh < want[0] || fresh > want[1] || state > fresh+fresh/4 {
			t.Errorf("tier %d: %d B, %d when new, want %v; %d as a checkpoint", tier, j.Size(), fresh, want, state)
		}
		if n := testing.AllocsPerRun(500, func() { j.Observe(reading(rng, 5001)) }); n != 0 {
			t.Errorf("tier %d: %v allocations a reading", tier, n)
		}
	}
}

func TestSetTierKeepsWhatFits(t *testing.T) {
	for _, from := range tiers {
		for _, to := range tiers {
			j := New().New(from)
			rng := rand.New(rand.NewPCG(7, 8))
			for i := range 2000 {
				j.Observe(int64(i)*60_000, rng.NormFloat64())
			}
			j.SetTier(to)
			if j.Tier() != to || j.Size() != New().New(to).Size() {
				t.Errorf("from %d to %d: tier %d, %d B", from, to, j.Tier(), j.Size())
			}
			if s := j.Observe(2000*60_000, 30); !s.Warm || s.Sum < 3 {
				t.Errorf("from %d to %d: a value of 30 deviations is surprising by %+v: the past is forgotten", from, to, s)
			}
			state := j.AppendState(nil)
			if err := New().New(to).RestoreState(state); err != nil {
				t.Errorf("from %d to %d: %v", from, to, err)
			}
		}
	}
}

// Constant input is never surprising, its first change is; extreme numbers and clocks that jump give finite sums.
func TestStrangeInput(t *testing.T) {
	for _, tier := range tiers {
		j := New().New(tier)
		for i := range 1000 {
			if s := j.Observe(int64(i)*1000, 7); s.Sum > 3 {
				t.Fatalf("tier %d: constant reading %d is surprising by %+v", tier, i, s)
			}
		}
		if s := j.Observe(1_000_000, 7.5); s.Sum < 3 {
			t.Errorf("tier %d: the first change after 1000 equal readings is surprising by %+v", tier, s)
		}
		j = New().New(tier)
		rng := rand.New(rand.NewPCG(9, 10))
		odd := []float64{1e308, -1e308, math.Inf(1), math.Inf(-1), math.NaN(), 0, math.SmallestNonzeroFloat64, 1e-300, 1e15, 1e15 + 1}
		for range 5000 {
			v := odd[rng.IntN(len(odd))]
			if s := j.Observe(rng.Int64()-1<<62, v); math.IsNaN(s.Sum) || math.IsInf(s.Sum, 0) || s.Sum < 0 {
				t.Fatalf("tier %d: %v is surprising by %+v", tier, v, s)
			}
		}
		if err := New().New(tier).RestoreState(j.AppendState(nil)); err != nil {
			t.Errorf("tier %d: %v", tier, err)
		}
	}
}

func FuzzRestoreState(f *testing.F) {
	for _, tier := range tiers {
		j := New().New(tier)
		rng := rand.New(rand.NewPCG(11, 12))
		for i := range 200 {
			j.Observe(reading(rng, i))
		}
		f.Add(j.AppendState(nil))
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		j := New().New(detectors.BaseTier)
		if err := j.RestoreState(state); err != nil {
			state = nil
		}
		for i := range 100 {
			if s := j.Observe(int64(i)*300_000, float64(i%7)); math.IsNaN(s.Sum) {
				t.Fatalf("reading %d: %+v", i, s)
			}
		}
		if err := New().New(0).RestoreState(j.AppendState(nil)); err != nil && state == nil {
			t.Fatalf("a new judge: %v", err)
		}
	})
}

func BenchmarkObserve(b *testing.B) {
	for _, c := range []struct {
		name string
		tier detectors.Tier
	}{{"base", detectors.BaseTier}, {"promoted", detectors.PromotedTier}, {"full", detectors.FullTier}} {
		b.Run(c.name, func(b *testing.B) {
			j := New().New(c.tier)
			rng := rand.New(rand.NewPCG(13, 14))
			values := make([]float64, 8192)
			for i := range values {
				_, values[i] = reading(rng, i)
				j.Observe(int64(i)*300_000, values[i])
			}
			b.ReportAllocs()
			for i := len(values); b.Loop(); i++ {
				j.Observe(int64(i)*300_000, values[i%len(values)])
			}
		})
	}
}
