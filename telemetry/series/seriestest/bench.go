package seriestest

import (
	"fmt"
	"testing"
	"time"

	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
)

// Bench measures a store that is empty: appending what is new and what is months old from
// many devices, and the chart of one device, ten metrics over a day of minutes.
func Bench(b *testing.B, fresh func(b *testing.B) Harness) {
	b.Run("append", func(b *testing.B) { benchAppend(b, open(b, fresh(b)), time.Now().Add(-30*time.Minute)) })
	b.Run("late", func(b *testing.B) { benchAppend(b, open(b, fresh(b)), base) })
	b.Run("chart", func(b *testing.B) { benchChart(b, open(b, fresh(b))) })
}

// benchAppend appends one reading of ten metrics of a hundred devices per call, ten milliseconds apart.
func benchAppend(b *testing.B, s series.Store, start time.Time) {
	const devices, metrics = 100, 10
	batches := make([]telemetry.Batch, devices)
	for d := range batches {
		batches[d] = telemetry.Batch{Tenant: telemetry.DefaultTenant, Device: fmt.Sprintf("car-%d", d), Samples: make([]telemetry.Sample, metrics)}
		for m := range metrics {
			batches[d].Samples[m].Metric = fmt.Sprintf("metric_%d", m)
		}
	}
	at := start.UnixMilli()
	for b.Loop() {
		at += 10
		for d := range batches {
			for m := range batches[d].Samples {
				batches[d].Samples[m].Time = at
				batches[d].Samples[m].Value = float64(at%3600e3) * float64(m)
			}
		}
		if _, err := s.Append(b.Context(), batches); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*devices*metrics), "ns/sample")
}

func benchChart(b *testing.B, s series.Store) {
	const metrics, samples = 10, 24 * 60
	start := base.Truncate(time.Hour).UnixMilli()
	for i := range samples {
		batch := telemetry.Batch{Tenant: telemetry.DefaultTenant, Device: "car-1"}
		for m := range metrics {
			batch.Samples = append(batch.Samples, telemetry.Sample{Metric: fmt.Sprintf("metric_%d", m), Time: start + int64(i)*minute, Value: float64(i % 97 * m)})
		}
		if _, err := s.Append(b.Context(), []telemetry.Batch{batch}); err != nil {
			b.Fatal(err)
		}
	}
	r := series.Range{From: time.UnixMilli(start), To: time.UnixMilli(start + samples*minute)}
	for b.Loop() {
		for m := range metrics {
			w, err := s.Windows(b.Context(), key("car-1", fmt.Sprintf("metric_%d", m)), r, 5*time.Minute)
			if err != nil || len(w) != samples/5 {
				b.Fatalf("%d windows, %v", len(w), err)
			}
		}
	}
}
