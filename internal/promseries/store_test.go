package promseries

import (
	"testing"

	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/telemetry/series/seriestest"
)

func TestStore(t *testing.T) {
	seriestest.Run(t, func(t *testing.T) seriestest.Harness {
		dir := t.TempDir()
		return seriestest.Harness{Open: func(t testing.TB) series.Store { return open(t, DefaultConfig(dir)) }}
	})
}

func open(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func BenchmarkStore(b *testing.B) {
	seriestest.Bench(b, func(b *testing.B) seriestest.Harness {
		dir := b.TempDir()
		return seriestest.Harness{Open: func(t testing.TB) series.Store { return open(t, DefaultConfig(dir)) }}
	})
}
