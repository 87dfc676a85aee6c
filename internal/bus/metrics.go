package bus

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics are what a relay and the webhooks behind it show.
type Metrics struct {
	events, dropped, failures prometheus.Counter
	lag                       prometheus.Histogram
	deliveries                *prometheus.CounterVec
	posts                     *prometheus.HistogramVec
}

// NewMetrics registers the metrics; a nil registerer keeps them to themselves.
func NewMetrics(r prometheus.Registerer) *Metrics {
	with := promauto.With(r)
	counter := func(name, help string) prometheus.Counter {
		return with.NewCounter(prometheus.CounterOpts{Namespace: "presage", Subsystem: "relay", Name: name, Help: help})
	}
	buckets := []float64{.005, .02, .1, .5, 1, 5, 10, 60, 300, 3600}
	return &Metrics{
		events:   counter("events_total", "Events that left the outbox, because every subscriber took them."),
		dropped:  counter("dropped_total", "Events that a subscriber refused so often that it goes without them."),
		failures: counter("failures_total", "Rounds of the relay that failed: events wait in the outbox."),
		lag: with.NewHistogram(prometheus.HistogramOpts{
			Namespace: "presage", Subsystem: "relay", Name: "lag_seconds",
			Help: "Time from what an event tells of until every subscriber took it.", Buckets: buckets,
		}),
		deliveries: with.NewCounterVec(prometheus.CounterOpts{
			Namespace: "presage", Subsystem: "webhook", Name: "deliveries_total",
			Help: "Attempts to post an event, by webhook and result: taken, failed (and tried again) or given-up.",
		}, []string{"webhook", "result"}),
		posts: with.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "presage", Subsystem: "webhook", Name: "post_seconds",
			Help: "Time of one attempt to post an event.", Buckets: buckets,
		}, []string{"webhook"}),
	}
}

// The results of an attempt, as they stand in the label.
const (
	resultTaken   = "taken"
	resultFailed  = "failed"
	resultGivenUp = "given-up"
)

// expect makes the metrics of a webhook appear before its first event.
func (m *Metrics) expect(webhook string) {
	m.posts.WithLabelValues(webhook)
	for _, result := range []string{resultTaken, resultFailed, resultGivenUp} {
		m.deliveries.WithLabelValues(webhook, result)
	}
}
