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

func newMeters(reg prometheus.Registerer, hub *Hub) (*meters, error) {
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
	return m, errors.Join(reg.Register(m.requests), reg.Register(m.seconds), reg.Register(m.streams), reg.Register(hubCollector{hub}))
}

// hubCollector shows what the hub holds for its listeners at the time of each scrape.
type hubCollector struct{ hub *Hub }

var (
	hubMessagesDesc = prometheus.NewDesc("presage_http_stream_messages_total", "Messages that were given to the live streams.", nil, nil)
	hubResetsDesc   = prometheus.NewDesc("presage_http_stream_resets_total", "Messages that a live stream had no room for: its browser was told to load everything again.", nil, nil)
	hubWaitingDesc  = prometheus.NewDesc("presage_http_stream_waiting", "Messages that wait to be written to browsers, in all streams; 64 fit in one.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (hubCollector) Describe(out chan<- *prometheus.Desc) {
	out <- hubMessagesDesc
	out <- hubResetsDesc
	out <- hubWaitingDesc
}

// Collect implements [prometheus.Collector].
func (c hubCollector) Collect(out chan<- prometheus.Metric) {
	messages, lost, waiting := c.hub.counts()
	out <- prometheus.MustNewConstMetric(hubMessagesDesc, prometheus.CounterValue, float64(messages))
	out <- prometheus.MustNewConstMetric(hubResetsDesc, prometheus.CounterValue, float64(lost))
	out <- prometheus.MustNewConstMetric(hubWaitingDesc, prometheus.GaugeValue, float64(waiting))
}
