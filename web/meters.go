package web

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// meters are the server's own metrics.
type meters struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	streams  prometheus.Gauge
}

func newMeters(reg prometheus.Registerer) (*meters, error) {
	m := &meters{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "presage_http_requests_total", Help: "Answered HTTP requests by operation and status.",
		}, []string{"operation", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "presage_http_request_seconds", Help: "Time to answer HTTP requests, without streams.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"operation"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "presage_http_streams", Help: "Open live streams.",
		}),
	}
	if reg == nil {
		return m, nil
	}
	return m, errors.Join(reg.Register(m.requests), reg.Register(m.seconds), reg.Register(m.streams))
}
