package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors/catalog"
	"github.com/presage-pdm/presage/internal/backtest"
	"github.com/presage-pdm/presage/internal/promseries"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
)

// An ordinary fleet: 20 devices with 8 metrics, a reading of each every five minutes over 90 days, on the embedded stores.
func BenchmarkBacktestNinetyDays(b *testing.B) {
	const devices, metrics, readings, chunk = 20, 8, 90 * 24 * 12, 500
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	store, err := promseries.Open(promseries.DefaultConfig(filepath.Join(b.TempDir(), "series")))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	records := sqlstore.DefaultConfig()
	records.Path = filepath.Join(b.TempDir(), "presage.db")
	sql, err := sqlstore.Open(b.Context(), records)
	if err != nil {
		b.Fatal(err)
	}
	defer sql.Close()
	random := rand.New(rand.NewPCG(3, 4))
	var ids []string
	for d := range devices {
		ids = append(ids, fmt.Sprintf("bus-%d", d))
	}
	for at := 0; at < readings; at += chunk {
		var all []telemetry.Batch
		for _, id := range ids {
			batch := telemetry.Batch{Tenant: telemetry.DefaultTenant, Device: id}
			for i := at; i < min(at+chunk, readings); i++ {
				for m := range metrics {
					batch.Samples = append(batch.Samples, telemetry.Sample{Metric: fmt.Sprintf("m%d", m),
						Time: start.Add(time.Duration(i) * 5 * time.Minute).UnixMilli(), Value: float64(10*m) + random.NormFloat64()})
				}
			}
			all = append(all, batch)
		}
		if dropped, err := store.Append(b.Context(), all); err != nil || dropped > 0 {
			b.Fatal(dropped, err)
		}
	}
	c, err := catalog.New()
	if err != nil {
		b.Fatal(err)
	}
	plans := catalog.NewPlans(c, func(_, _ string) (string, string) { return "", "" })
	cfg := backtest.DefaultConfig()
	cfg.Readings, cfg.Records, cfg.From, cfg.To = store, sql, start, start.Add(90*24*time.Hour)
	var total int64
	b.ReportAllocs()
	for b.Loop() {
		_, h, err := backtest.Run(b.Context(), cfg, ids, plans)
		if err != nil {
			b.Fatal(err)
		}
		total += h.Readings
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "readings/s")
}
