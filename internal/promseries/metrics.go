package promseries

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// registerMetrics adds to the engine's own metrics what only this package knows.
func registerMetrics(r prometheus.Registerer, s *Store) {
	with := promauto.With(r)
	gauge := func(name, help string, value func() float64) {
		with.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "presage", Name: name, Help: help}, value)
	}
	gauge("series_active", "Series in memory: those with a reading in about the last three hours.",
		func() float64 { return float64(s.db.Head().NumSeries()) })
	gauge("series_limit", "Series that fit in memory; readings of further ones are dropped.",
		func() float64 { return float64(s.cfg.MaxSeries) })
	gauge("series_size_bytes", "Bytes of readings on disk, write-ahead logs included.",
		func() float64 { return float64(s.Size()) })
	gauge("series_room_bytes", "Bytes that the disk of the series store has left beyond what is kept free; storing waits while it is below 0.",
		func() float64 { free, kept, _ := s.Room(); return float64(free - kept) })
	gauge("promql_running", "Requests for PromQL that run; four run at once.",
		func() float64 { return float64(len(s.slots)) })
	gauge("promql_waiting", "Requests for PromQL that wait for one that runs.",
		func() float64 { return float64(s.queued.Load()) })
}
