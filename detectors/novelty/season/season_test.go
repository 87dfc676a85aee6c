package season

import (
	"math"
	"math/rand/v2"
	"testing"
)

const minutes5 = 300_000 // ms

func TestProfileOfADay(t *testing.T) {
	for _, bins := range []int{24, 288} {
		p := New(bins)
		rng := rand.New(rand.NewPCG(1, 2))
		counted, most := 0, 0.0
		for i := range 10 * 288 {
			v := 10*math.Sin(2*math.Pi*float64(i)/288) + 0.3*rng.NormFloat64()
			_, long, ok := p.Observe(int64(i)*minutes5, float32(v), 0)
			if ok && i < 288+144 {
				t.Fatalf("%d bins: the profile counts at reading %d", bins, i)
			}
			if ok {
				counted, most = counted+1, max(most, math.Abs(long))
			}
		}
		if counted < 6*288 || most > 2.5 {
			t.Errorf("%d bins: it counts for %d readings, residuals up to %.2f", bins, counted, most)
		}
		short, _, ok := 0.0, 0.0, false
		for i := range 3 {
			short, _, ok = p.Observe(int64(10*288+i)*minutes5, 8, 0)
		}
		if !ok || short < 6 {
			t.Errorf("%d bins: 8 where 0 is usual leaves %.2f", bins, short)
		}
	}
}

// Noise has no day: the profile never counts.
func TestNoiseHasNoSeason(t *testing.T) {
	p := New(288)
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 20 * 288 {
		if _, _, ok := p.Observe(int64(i)*minutes5, float32(rng.NormFloat64()), 0); ok {
			t.Fatalf("the profile of noise counts at reading %d", i)
		}
	}
}
