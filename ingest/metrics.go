package ingest

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type intakeMetrics struct {
	messages, bytes, samples, failed, dropped, registered, retries, tooFast prometheus.Counter
	rejected                                                                *prometheus.CounterVec
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
		tooFast:    counter("too_fast_total", "Messages of devices that send more than they may; their senders are slowed down where the broker can."),
		retries:    counter("retries_total", "Attempts to register a device that have to be repeated."),
		rejected: with.NewCounterVec(prometheus.CounterOpts{
			Namespace: "presage", Subsystem: "intake", Name: "rejected_total",
			Help: "Messages that were refused, by reason.",
		}, []string{"reason"}),
	}
}

type laneMetrics struct {
	stored, late, findings, retries, saveFailures prometheus.Counter
	refused, lost                                 *prometheus.CounterVec
	saves                                         *prometheus.HistogramVec
}

func newLaneMetrics(r prometheus.Registerer, status func() []LaneStatus) *laneMetrics {
	with := promauto.With(r)
	counter := func(name, help string) prometheus.Counter {
		return with.NewCounter(prometheus.CounterOpts{Namespace: "presage", Subsystem: "lane", Name: name, Help: help})
	}
	vector := func(name, help string) *prometheus.CounterVec {
		return with.NewCounterVec(prometheus.CounterOpts{Namespace: "presage", Subsystem: "lane", Name: name, Help: help}, []string{"cursor"})
	}
	if r != nil {
		r.MustRegister(&laneCollector{status})
	}
	return &laneMetrics{
		stored:       counter("stored_samples_total", "Samples stored in the series store."),
		late:         counter("late_samples_total", "Samples that the series store counted as too old for it."),
		findings:     counter("findings_total", "Findings of the detection."),
		retries:      counter("retries_total", "Attempts at a store or at the desk that have to be repeated."),
		saveFailures: counter("checkpoint_failures_total", "Checkpoints that could not be saved."),
		refused:      vector("refused_total", "Readings and findings that a store or the desk refused and that went to the quarantine."),
		lost:         vector("lost_total", "Refused readings and findings that even the quarantine refused."),
		saves: with.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "presage", Subsystem: "lane", Name: "checkpoint_seconds",
			Help:    "Time to save a checkpoint.",
			Buckets: prometheus.ExponentialBuckets(1e-3, 2, 15), // 1 ms to 16 s
		}, []string{"cursor"}),
	}
}

// laneCollector shows the status of the lanes as gauges at the time of each scrape.
type laneCollector struct {
	status func() []LaneStatus
}

var (
	lagDesc     = prometheus.NewDesc("presage_lane_lag_seconds", "Age of the oldest reading that a cursor has not dealt with.", []string{"partition", "cursor"}, nil)
	stuckDesc   = prometheus.NewDesc("presage_lane_stuck", "1 when a cursor has readings before it and does not move.", []string{"partition", "cursor"}, nil)
	pendingDesc = prometheus.NewDesc("presage_lane_pending_findings", "Findings that wait for the desk.", []string{"partition"}, nil)
	failedDesc  = prometheus.NewDesc("presage_lane_failed", "1 when a lane has ended with an error.", []string{"partition"}, nil)
)

// Describe implements [prometheus.Collector].
func (c *laneCollector) Describe(out chan<- *prometheus.Desc) {
	out <- lagDesc
	out <- stuckDesc
	out <- pendingDesc
	out <- failedDesc
}

// Collect implements [prometheus.Collector].
func (c *laneCollector) Collect(out chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, v, labels...)
	}
	truth := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	for _, s := range c.status() {
		partition := strconv.Itoa(s.Partition)
		gauge(lagDesc, s.Store.LagSeconds, partition, roleStore)
		gauge(lagDesc, s.Detect.LagSeconds, partition, roleDetect)
		gauge(stuckDesc, truth(s.Store.Stuck), partition, roleStore)
		gauge(stuckDesc, truth(s.Detect.Stuck), partition, roleDetect)
		gauge(pendingDesc, float64(s.Pending), partition)
		gauge(failedDesc, truth(s.Err != ""), partition)
	}
}
