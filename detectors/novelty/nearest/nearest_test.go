package nearest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The distance is that of an exhaustive search over all the windows in memory, also once the ring has gone round, for points and for means.
func TestDistanceIsExact(t *testing.T) {
	for _, cfg := range []Config{{Step: 1, Points: 50, Rank: 2}, {Step: 3, Points: 40, Rank: 4}} {
		w := New(cfg)
		rng := rand.New(rand.NewPCG(1, 2))
		var points []float64
		sum, judged := 0.0, 0
		for i := range 600 {
			x := float32(rng.NormFloat64())
			d, ok := w.Observe(x)
			if sum += float64(x); (i+1)%cfg.Step == 0 {
				points, sum = append(points, float64(float32(sum/float64(cfg.Step)))), 0
			}
			memory := points[max(0, len(points)-cfg.Points):]
			var all []float64
			for from := 0; from+2*Width <= len(memory); from++ {
				s := 0.0
				for j := range Width {
					e := memory[from+j] - memory[len(memory)-Width+j]
					s += e * e
				}
				all = append(all, math.Sqrt(s))
			}
			if want := (i+1)%cfg.Step == 0 && len(all) >= cfg.Rank; ok != want {
				t.Fatalf("reading %d: %v, want %v", i, ok, want)
			}
			if !ok {
				continue
			}
			judged++
			slices.Sort(all)
			if math.Abs(d-all[cfg.Rank-1]) > 1e-6 {
				t.Fatalf("reading %d: distance %v, want %v", i, d, all[cfg.Rank-1])
			}
		}
		if judged < 100 {
			t.Errorf("%d distances", judged)
		}
	}
}
