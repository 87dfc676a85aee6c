package ingest

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type intakeMetrics struct {
	messages, bytes, samples, failed, dropped, registered prometheus.Counter
	rejected                                              *prometheus.CounterVec
}

func newIntakeMetrics(r prometheus.Registerer) *intakeMetrics {
	with := promauto.With(r)
	counter := func(name, help string) prometheus.Counter {
		return with.NewCounter(prometheus.CounterOpts{Namespace: "presage", Subsystem: "intake", Name: name, Help: help})
	}
	return &intakeMetrics{
		messages:   counter("messages_total", "Messages handed over by brokers."),
		bytes:      counter("bytes_total", "Payload bytes handed over by brokers."),
		samples:    counter("samples_total", "Samples given to the journal."),
		failed:     counter("failed_total", "Messages that could not be made durable and were not acknowledged."),
		dropped:    counter("quarantine_dropped_total", "Refused messages that were acknowledged and forgotten because the quarantine was fed too fast."),
		registered: counter("registered_total", "Unknown devices that were registered."),
		rejected: with.NewCounterVec(prometheus.CounterOpts{
			Namespace: "presage", Subsystem: "intake", Name: "rejected_total",
			Help: "Messages that were refused, by reason.",
		}, []string{"reason"}),
	}
}
