package influx

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/presage-pdm/presage/internal/realserver"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/telemetry/series/seriestest"
)

func TestStore(t *testing.T) {
	server := realserver.Influx(t)
	var databases atomic.Int64
	seriestest.Run(t, func(t *testing.T) seriestest.Harness {
		cfg := DefaultConfig(server.URL, server.Token, fmt.Sprintf("test %d", databases.Add(1)))
		return seriestest.Harness{Open: func(t testing.TB) series.Store { return open(t, cfg) }}
	})
}

func open(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func BenchmarkStore(b *testing.B) {
	server := realserver.Influx(b)
	var databases atomic.Int64
	seriestest.Bench(b, func(b *testing.B) seriestest.Harness {
		cfg := DefaultConfig(server.URL, server.Token, fmt.Sprintf("bench %d", databases.Add(1)))
		return seriestest.Harness{Open: func(t testing.TB) series.Store { return open(t, cfg) }}
	})
}
