package journal

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	commit                          prometheus.Histogram
	bytes, waits, failures, damaged prometheus.Counter
}

func newMetrics(r prometheus.Registerer, size func() int64) *metrics {
	with := promauto.With(r)
	counter := func(name, help string) prometheus.Counter {
		return with.NewCounter(prometheus.CounterOpts{Namespace: "presage", Subsystem: "journal", Name: name, Help: help})
	}
	with.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "presage", Subsystem: "journal", Name: "size_bytes", Help: "Bytes that the journal holds on disk.",
	}, func() float64 { return float64(size()) })
	return &metrics{
		commit: with.NewHistogram(prometheus.HistogramOpts{
			Namespace: "presage", Subsystem: "journal", Name: "commit_seconds",
			Help:    "Time to write and sync one group of entries.",
			Buckets: prometheus.ExponentialBuckets(50e-6, 2, 16), // 50 us to 1.6 s
		}),
		bytes:    counter("bytes_total", "Bytes committed."),
		waits:    counter("waits_total", "Entries that had to wait for room: back-pressure."),
		failures: counter("failures_total", "Attempts to commit that failed."),
		damaged:  counter("damaged_bytes_total", "Bytes that readers had to pass over because they were damaged."),
	}
}
