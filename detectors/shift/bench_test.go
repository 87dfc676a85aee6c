package shift

import (
	"testing"

	"github.com/presage-pdm/presage/detectors"
)

func BenchmarkObserve(b *testing.B) {
	j := New(DefaultConfig()).New()
	rng := noise(1)
	j.Metric("a", "device")
	values := make([]float64, 4096)
	for i := range values {
		values[i] = rng.NormFloat64()
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		j.Observe(0, int64(i)*1000, values[i%len(values)], detectors.Expectation{})
		j.Decide(int64(i) * 1000)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "samples/s")
}
