package seasonal

import "testing"

func BenchmarkObserve(b *testing.B) {
	s := New().New()
	rng := noise(1)
	values := make([]float64, 4096)
	for i := range values {
		values[i] = rng.NormFloat64()
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Observe(int64(i)*1000, values[i%len(values)], true)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "samples/s")
}
