package subscriber

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	messages, acks, unacknowledged, lost, fresh prometheus.Counter
	skipped                                     *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer, s *Subscriber) *metrics {
	with := promauto.With(r)
	counter := func(name, help string) prometheus.Counter {
		return with.NewCounter(prometheus.CounterOpts{Namespace: "presage", Subsystem: "subscriber", Name: name, Help: help})
	}
	gauge := func(name, help string, value func() int) {
		with.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "presage", Subsystem: "subscriber", Name: name, Help: help},
			func() float64 { return float64(value()) })
	}
	gauge("sessions", "Sessions at the external broker that there are to be.", func() int { return len(s.shards) })
	gauge("sessions_down", "Sessions that are not connected and subscribed.", func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.down
	})
	gauge("in_flight", "Messages that were taken from the broker and are not acknowledged to it yet.", func() int { return s.held().messages })
	gauge("waiting_bytes", "Payload bytes that wait for the intake; at 64 MiB a session is not read from.", func() int { return s.held().bytes })
	m := &metrics{
		messages:       counter("messages_total", "Messages taken from the broker."),
		acks:           counter("acks_total", "Messages acknowledged to the broker."),
		unacknowledged: counter("unacknowledged_total", "Messages that could not be made durable and will come again."),
		lost:           counter("connections_lost_total", "Connections that ended or could not be made."),
		fresh:          counter("new_sessions_total", "Connections for which the broker had no session of ours."),
		skipped: with.NewCounterVec(prometheus.CounterOpts{
			Namespace: "presage", Subsystem: "subscriber", Name: "skipped_total",
			Help: "Messages that were acknowledged without being taken, by reason.",
		}, []string{"reason"}),
	}
	for _, reason := range []string{skipNotOurs, skipRetained} {
		m.skipped.WithLabelValues(reason)
	}
	return m
}
