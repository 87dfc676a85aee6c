package identity

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	lookups      *prometheus.CounterVec
	pollFailures prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	with := promauto.With(r)
	return &metrics{
		lookups: with.NewCounterVec(prometheus.CounterOpts{
			Namespace: "presage", Subsystem: "identity", Name: "token_lookups_total",
			Help: "Tokens of devices that were looked up, by where: memory or store.",
		}, []string{"in"}),
		pollFailures: with.NewCounter(prometheus.CounterOpts{
			Namespace: "presage", Subsystem: "identity", Name: "poll_failures_total",
			Help: "Times that the store could not be asked for changed credentials.",
		}),
	}
}

func (m *metrics) lookedUp(inMemory bool) {
	if inMemory {
		m.lookups.WithLabelValues("memory").Inc()
	} else {
		m.lookups.WithLabelValues("store").Inc()
	}
}
