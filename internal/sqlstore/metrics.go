package sqlstore

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	seconds  *prometheus.HistogramVec
	failures *prometheus.CounterVec
	retries  prometheus.Counter
}

func newMetrics(r prometheus.Registerer, s *Store) *metrics {
	with := promauto.With(r)
	if r != nil {
		r.MustRegister(pools{s})
	}
	return &metrics{
		seconds: with.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "presage", Subsystem: "sql", Name: "transaction_seconds",
			Help:    "Time of a writing transaction with its retries and its wait for the writer, by what it does.",
			Buckets: prometheus.ExponentialBuckets(500e-6, 4, 9), // 500 us to 33 s
		}, []string{"operation"}),
		failures: with.NewCounterVec(prometheus.CounterOpts{
			Namespace: "presage", Subsystem: "sql", Name: "failures_total",
			Help: "Writing transactions that failed, refusals for good reason among them, by what they do.",
		}, []string{"operation"}),
		retries: with.NewCounter(prometheus.CounterOpts{
			Namespace: "presage", Subsystem: "sql", Name: "retries_total",
			Help: "Transactions that lost against another one and were run again.",
		}),
	}
}

// operation is the label of a transaction: the first two words of what it does, without articles. These are
// constants of this package, so that there are no more labels than kinds of transactions; names and numbers come behind them.
func operation(op string) string {
	var words []string
	for word := range strings.FieldsSeq(op) {
		if word != "a" && word != "the" {
			words = append(words, word)
		}
		if len(words) == 2 {
			break
		}
	}
	return strings.Join(words, "-")
}

// pools shows the connections at the time of each scrape.
type pools struct{ s *Store }

var (
	connectionsDesc = prometheus.NewDesc("presage_sql_connections", "Connections to the database, by pool and state: in-use or idle.", []string{"pool", "state"}, nil)
	mostDesc        = prometheus.NewDesc("presage_sql_connections_limit", "Most connections of a pool.", []string{"pool"}, nil)
	waitsDesc       = prometheus.NewDesc("presage_sql_waits_total", "Times that somebody had to wait for a connection: with SQLite, writers for the one writer.", []string{"pool"}, nil)
	waitedDesc      = prometheus.NewDesc("presage_sql_wait_seconds_total", "Time spent waiting for a connection.", []string{"pool"}, nil)
)

// Describe implements [prometheus.Collector].
func (pools) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{connectionsDesc, mostDesc, waitsDesc, waitedDesc} {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (p pools) Collect(out chan<- prometheus.Metric) {
	show := func(pool string, inUse, idle, most, waits, waited float64) {
		gauge := func(d *prometheus.Desc, v float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
		}
		gauge(connectionsDesc, inUse, pool, "in-use")
		gauge(connectionsDesc, idle, pool, "idle")
		gauge(mostDesc, most, pool)
		out <- prometheus.MustNewConstMetric(waitsDesc, prometheus.CounterValue, waits, pool)
		out <- prometheus.MustNewConstMetric(waitedDesc, prometheus.CounterValue, waited, pool)
	}
	if p.s.pool != nil {
		s := p.s.pool.Stat()
		show("all", float64(s.AcquiredConns()), float64(s.IdleConns()), float64(s.MaxConns()),
			float64(s.EmptyAcquireCount()), s.EmptyAcquireWaitTime().Seconds())
		return
	}
	w, r := p.s.write.Stats(), p.s.read.Stats()
	show("write", float64(w.InUse), float64(w.Idle), float64(w.MaxOpenConnections), float64(w.WaitCount), w.WaitDuration.Seconds())
	show("read", float64(r.InUse), float64(r.Idle), float64(r.MaxOpenConnections), float64(r.WaitCount), r.WaitDuration.Seconds())
}
