package detectors

import (
	"testing"

	"github.com/presage-pdm/presage/telemetry"
)

// BenchmarkOrderOfAMessage is what a message of a device in order costs more than if its order were of no interest.
func BenchmarkOrderOfAMessage(b *testing.B) {
	samples := make([]telemetry.Sample, 10)
	for i := range samples {
		samples[i] = telemetry.Sample{Metric: "metric_1_value", Value: float64(i)}
	}
	var o order
	for i := range b.N {
		for j := range samples {
			samples[j].Time = int64(1_700_000_000_000 + i*1000)
		}
		if o.repeats(samples, samples[0].Time) || o.skips(samples, 120_000) {
			b.Fatal("in order, and taken for a redelivery or a gap")
		}
	}
}
