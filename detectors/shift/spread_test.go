package shift

import (
	"testing"

	"github.com/presage-pdm/presage/detectors"
)

// TestFasterReadingsOfTheSameMachine reads a level that wanders within the hour every ten minutes, and then every second: what the level does
// within a minute is nothing new, a level far from where it has ever been is.
func TestFasterReadingsOfTheSameMachine(t *testing.T) {
	for _, broken := range []bool{false, true} {
		wrong := 0
		for seed := range uint64(20) {
			rng := noise(seed)
			j := New(DefaultConfig()).New()
			j.Metric("temp", "motor")
			wander, at := 0.0, int64(0)
			read := func(seconds int, shift float64) bool {
				for range seconds { // an autoregressive course with a memory of 15 minutes and a spread of 1
					wander += -wander/900 + 0.0471*rng.NormFloat64()
				}
				at += int64(seconds) * 1000
				j.Observe(0, at, 60+wander+shift+0.05*rng.NormFloat64(), detectors.Expectation{})
				return len(j.Decide(at)) > 0
			}
			for range 2000 {
				read(600, 0)
			}
			off := false
			for i := range 3600 {
				shift := 0.0
				if broken && i > 1800 {
					shift = 12
				}
				off = read(1, shift) || off
			}
			if off != broken {
				wrong++
			}
		}
		t.Logf("broken %v: %d of 20 are judged wrongly", broken, wrong)
		if wrong > 1 {
			t.Errorf("broken %v: %d of 20 are judged wrongly", broken, wrong)
		}
	}
}
