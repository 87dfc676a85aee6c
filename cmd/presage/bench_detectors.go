package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/catalog"
	"github.com/presage-pdm/presage/telemetry"
)

type benchDetectorsCommand struct {
	Devices int  `help:"Devices of ten metrics." default:"500"`
	JSON    bool `name:"json" help:"Print the report as JSON."`
}

// Help says what is measured.
func (benchDetectorsCommand) Help() string {
	return `Runs the detectors of the built-in catalogue in this process, without broker, journal and stores: two days of readings, one of every metric
in ten minutes, so that profiles of the day are there. The bytes are those of the heap, everything of a device included. It does so twice: without novelty, and
with the memory that novelty has by default, of which what it takes is shown apart.`
}

// detectorsReport is what watching costs by itself.
type detectorsReport struct {
	Series          int     `json:"series"`
	BytesASeries    float64 `json:"bytes_a_series"`
	CheckpointBytes float64 `json:"checkpoint_bytes_a_series"`
	NsASample       float64 `json:"ns_a_sample"`
	// Novelty is what judging the novelty of every reading adds.
	NoveltyBytes     float64 `json:"novelty_bytes_a_series"`
	NoveltyNsASample float64 `json:"novelty_ns_a_sample"`
}

// Run measures and prints.
func (c benchDetectorsCommand) Run(ctx context.Context, std streams) error {
	r, err := c.measure(ctx)
	return show(std.out, c.JSON, r, err)
}

func (r *detectorsReport) text(w io.Writer) error {
	_, err := fmt.Fprintf(w, "detectors       %d series: %.0f bytes a series, %.0f in a checkpoint, %.0f ns a sample; novelty adds %.0f bytes a series and %.0f ns a sample\n",
		r.Series, r.BytesASeries, r.CheckpointBytes, r.NsASample, r.NoveltyBytes, r.NoveltyNsASample)
	return err
}

func (c benchDetectorsCommand) measure(ctx context.Context) (*detectorsReport, error) {
	without, err := c.measureWith(ctx, 0)
	if err != nil {
		return nil, err
	}
	with, err := c.measureWith(ctx, detectors.DefaultConfig().NoveltyMemory)
	if err != nil {
		return nil, err
	}
	without.NoveltyBytes, without.NoveltyNsASample = with.BytesASeries-without.BytesASeries, with.NsASample-without.NsASample
	return without, nil
}

// measureWith measures with so much memory for novelty.
func (c benchDetectorsCommand) measureWith(ctx context.Context, memory int64) (*detectorsReport, error) {
	const metrics, rows, every = 10, 288, 10 * time.Minute
	builtIn, err := catalog.New()
	if err != nil {
		return nil, err
	}
	plans := catalog.NewPlans(builtIn, func(string, string) (model, kind string) { return "", "" })
	cfg := detectors.DefaultConfig()
	cfg.NoveltyMemory = memory
	engine := detectors.NewEngine(cfg, plans)
	rng := rand.New(rand.NewPCG(1, 2))
	batches := make([]telemetry.Batch, c.Devices)
	for i := range batches {
		batches[i] = telemetry.Batch{Tenant: telemetry.DefaultTenant, Device: fmt.Sprintf("bench-%06d", i)}
		for m := range metrics {
			batches[i].Samples = append(batches[i].Samples, telemetry.Sample{Metric: chartMetric(m)})
		}
	}
	r := &detectorsReport{Series: c.Devices * metrics}
	before := heap()
	var watching time.Duration
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for range rows {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		at = at.Add(every)
		for i := range batches {
			batches[i].Arrival = at.UnixMilli()
			for m := range batches[i].Samples {
				batches[i].Samples[m].Time, batches[i].Samples[m].Value = at.UnixMilli(), 20+rng.NormFloat64()
			}
		}
		began := time.Now()
		for i := range batches {
			engine.Apply(&batches[i])
		}
		watching += time.Since(began)
	}
	r.BytesASeries = float64(heap()-before) / float64(r.Series)
	r.NsASample = float64(watching.Nanoseconds()) / float64(r.Series*rows)
	r.CheckpointBytes = float64(len(engine.AppendState(nil))) / float64(r.Series)
	return r, nil
}

// heap returns the bytes of the heap that are in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
