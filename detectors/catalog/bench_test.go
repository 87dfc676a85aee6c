package catalog

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
)

// fill feeds devices ten metrics each every so many milliseconds.
func fill(e *detectors.Engine, devices []string, rows int, every int64, rng *rand.Rand) {
	b := telemetry.Batch{Tenant: "default"}
	for i := range rows {
		at := int64(1_700_000_000_000) + int64(i)*every
		b.Arrival = at
		for _, b.Device = range devices {
			b.Samples = b.Samples[:0]
			for j := range 10 {
				b.Samples = append(b.Samples, telemetry.Sample{Metric: metricNames[j], Time: at, Value: 20 + rng.NormFloat64()})
			}
			e.Apply(&b)
		}
	}
}

var metricNames = [10]string{"m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9"}

// BenchmarkEngineSample is the cost of one sample with the default catalogue, ten to a message.
func BenchmarkEngineSample(b *testing.B) {
	e := newEngine(b)
	rng := rand.New(rand.NewPCG(1, 2))
	fill(e, []string{"warm"}, 2000, 1000, rng)
	batches := make([]telemetry.Batch, 1000)
	for i := range batches {
		batches[i] = telemetry.Batch{Tenant: "default", Device: "warm"}
		for j := range 10 {
			batches[i].Samples = append(batches[i].Samples, telemetry.Sample{Metric: metricNames[j], Value: 20 + rng.NormFloat64()})
		}
	}
	at := int64(1_700_000_000_000) + 2000*1000
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if i%10 != 0 {
			continue
		}
		batch := &batches[i/10%len(batches)]
		at += 1000
		batch.Arrival = at
		for j := range batch.Samples {
			batch.Samples[j].Time = at
		}
		e.Apply(batch)
	}
}

// TestBytesASeries holds the engine to its memory: heap per series, everything of the device included, without novelty, and what novelty may take on top of that.
func TestBytesASeries(t *testing.T) {
	const most, novelty = 2048, 4 << 20
	each, series := bytesASeries(t, 0)
	if each > most {
		t.Errorf("%.0f bytes a series, want at most %d", each, most)
	}
	with, _ := bytesASeries(t, novelty)
	if took := (with - each) * series; took > 1.05*novelty || took < novelty/2 { // the allocator rounds up
		t.Errorf("novelty takes %.0f bytes, of %d that it may", took, novelty)
	}
}

// bytesASeries returns the heap per series with so much memory for novelty, and the series.
func bytesASeries(t *testing.T, novelty int64) (each, series float64) {
	const devices = 200
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	cfg := detectors.DefaultConfig()
	cfg.NoveltyMemory = novelty
	e := detectors.NewEngine(cfg, NewPlans(c, func(string, string) (string, string) { return "", "" }))
	rng := rand.New(rand.NewPCG(1, 2))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	names := make([]string, devices)
	for i := range names {
		names[i] = fmt.Sprintf("device-%d", i)
	}
	fill(e, names, 300, 600_000, rng) // two days: with profiles
	runtime.GC()
	runtime.ReadMemStats(&after)
	each = float64(int64(after.HeapAlloc)-int64(before.HeapAlloc)) / (devices * 10)
	t.Logf("%d bytes for novelty: %.0f bytes a series, %.0f in a checkpoint", novelty, each, float64(len(e.AppendState(nil)))/(devices*10))
	return each, devices * 10
}
