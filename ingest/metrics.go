package ingest

import (
	"cmp"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/presage-pdm/presage/telemetry"
)

type intakeMetrics struct {
	messages, bytes, samples, failed, dropped, registered, retries, tooFast prometheus.Counter
	rejected                                                                *prometheus.CounterVec
	effects                                                                 *effectMetrics
}

func newIntakeMetrics(r prometheus.Registerer, waiting func() int) *intakeMetrics {
	with := promauto.With(r)
	counter := func(name, help string) prometheus.Counter {
		return with.NewCounter(prometheus.CounterOpts{Namespace: "presage", Subsystem: "intake", Name: name, Help: help})
	}
	with.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "presage", Subsystem: "intake", Name: "registrations_pending", Help: "Unknown devices that wait to be registered; at 4096 their messages wait.",
	}, func() float64 { return float64(waiting()) })
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
		effects: newEffectMetrics(r, "intake", effectRegister),
	}
}

type laneMetrics struct {
	stored, late, findings, retries, saveFailures prometheus.Counter
	refused, lost                                 *prometheus.CounterVec
	saves                                         *prometheus.HistogramVec
	ages                                          prometheus.Histogram
	effects                                       *effectMetrics
}

func newLaneMetrics(r prometheus.Registerer, status func() []LaneStatus) *laneMetrics {
	with := promauto.With(r)
	counter := func(name, help string) prometheus.Counter {
		return with.NewCounter(prometheus.CounterOpts{Namespace: "presage", Subsystem: "lane", Name: name, Help: help})
	}
	vector := func(name, help string) *prometheus.CounterVec {
		v := with.NewCounterVec(prometheus.CounterOpts{Namespace: "presage", Subsystem: "lane", Name: name, Help: help}, []string{"cursor"})
		v.WithLabelValues(roleStore)
		v.WithLabelValues(roleDetect)
		return v
	}
	if r != nil {
		r.MustRegister(&laneCollector{status})
	}
	m := &laneMetrics{
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
		ages: with.NewHistogram(prometheus.HistogramOpts{
			Namespace: "presage", Subsystem: "lane", Name: "reading_age_seconds",
			Help:    "Age of readings when they arrived, by the clock of their device, negative when that is ahead: the newest of the first message of every write.",
			Buckets: []float64{-3600, -60, -5, 0, 1, 5, 60, 3600, 24 * 3600, 7 * 24 * 3600},
		}),
		effects: newEffectMetrics(r, "lane", effectLease, effectAppend, effectSync, effectEvents, effectStates, effectQuarantine, effectReport),
	}
	for _, role := range []string{roleStore, roleDetect} {
		m.saves.WithLabelValues(role)
	}
	return m
}

// age notes how old the newest sample of a batch was when it arrived.
func (m *laneMetrics) age(b *telemetry.Batch) {
	newest := slices.MaxFunc(b.Samples, func(a, b telemetry.Sample) int { return cmp.Compare(a.Time, b.Time) })
	m.ages.Observe(float64(b.Arrival-newest.Time) / 1000)
}
