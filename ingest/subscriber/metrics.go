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
	with.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "presage", Subsystem: "subscriber", Name: "sessions_down", Help: "Sessions that are not connected and subscribed.",
	}, func() float64 {
		s.mu.Lock()
		defer s.mu.Unlock()
		return float64(s.down)
	})
	return &metrics{
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
}
