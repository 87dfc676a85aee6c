package detectors

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/presage-pdm/presage/telemetry"
)

// Metrics are what the engines of all lanes show.
type Metrics struct {
	devices, series, noveltyBytes            *prometheus.GaugeVec   // by partition
	noveltySeries                            *prometheus.GaugeVec   // by partition and tier
	timed, observed, crashes                 *prometheus.CounterVec // by detector
	timedBatches, timedSamples, batchSeconds prometheus.Counter
	disorder                                 Counts
}

// NewMetrics registers the metrics of detection; a nil registerer keeps them to themselves.
func NewMetrics(r prometheus.Registerer) *Metrics {
	with := promauto.With(r)
	gauges := func(name, help string) *prometheus.GaugeVec {
		return with.NewGaugeVec(prometheus.GaugeOpts{Namespace: "presage", Subsystem: "detection", Name: name, Help: help}, []string{"partition"})
	}
	byTier := prometheus.GaugeOpts{Namespace: "presage", Subsystem: "detection", Name: "novelty_series", Help: "Metrics of devices of which the novelty is judged."}
	counter := func(name, help string) prometheus.Counter {
		return with.NewCounter(prometheus.CounterOpts{Namespace: "presage", Subsystem: "detection", Name: name, Help: help})
	}
	counters := func(name, help string) *prometheus.CounterVec {
		return with.NewCounterVec(prometheus.CounterOpts{Namespace: "presage", Subsystem: "detector", Name: name, Help: help}, []string{"detector"})
	}
	m := &Metrics{
		devices:       gauges("devices", "Devices that are watched."),
		series:        gauges("series", "Metrics of devices that are watched."),
		noveltyBytes:  gauges("novelty_bytes", "Memory that is set aside for judging novelty, in bytes."),
		noveltySeries: with.NewGaugeVec(byTier, []string{"partition", "tier"}),
		timedBatches:  counter("timed_batches_total", "Batches whose detection was timed: the first one after every tick of a lane, one a second."),
		timedSamples:  counter("timed_samples_total", "Samples in the batches that were timed."),
		batchSeconds:  counter("timed_seconds_total", "Time of detection on the batches that were timed."),
		timed:         counters("timed_seconds_total", "Time of one detector on the batches that were timed."),
		observed:      counters("timed_observations_total", "What one detector was shown of the batches that were timed."),
		crashes:       counters("crashes_total", "Crashes of a detector, each contained to its device."),
	}
	with.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "presage", Subsystem: "detection", Name: "held",
		Help: "Readings and events that wait to be judged in the order of their times.",
	}, func() float64 { return float64(m.disorder.Held.Load()) })
	with.NewCounterFunc(prometheus.CounterOpts{
		Namespace: "presage", Subsystem: "detection", Name: "reordered_total",
		Help: "Readings and events that were judged before others that had come earlier.",
	}, func() float64 { return float64(m.disorder.Reordered.Load()) })
	with.NewCounterFunc(prometheus.CounterOpts{
		Namespace: "presage", Subsystem: "detection", Name: "late_total",
		Help: "Readings and events that came when newer ones of their kind had been judged.",
	}, func() float64 { return float64(m.disorder.Late.Load()) })
	return m
}

// Counts is what the engines of all lanes tell of what was out of order.
func (m *Metrics) Counts() *Counts { return &m.disorder }

// Lane returns what the engine of a partition tells the metrics with.
func (m *Metrics) Lane(partition int) *Meter {
	label := strconv.Itoa(partition)
	meter := &Meter{
		metrics: m, devices: m.devices.WithLabelValues(label), series: m.series.WithLabelValues(label),
		noveltyBytes: m.noveltyBytes.WithLabelValues(label),
	}
	for tier := BaseTier; tier <= FullTier; tier++ {
		meter.noveltySeries[tier] = m.noveltySeries.WithLabelValues(label, tier.String())
	}
	return meter
}

// Meter measures one engine, by whose goroutine alone it is used. A nil one measures nothing.
type Meter struct {
	metrics         *Metrics
	devices, series prometheus.Gauge
	noveltyBytes    prometheus.Gauge
	noveltySeries   [FullTier + 1]prometheus.Gauge
	timed           bool // a batch was timed since the last tick
}

// due reports whether to time the next batch: the first one after every tick. Reading the clock around every detector
// takes ten times as long as the detection; one batch a second makes that nothing where there are many, and misses none
// where there are few.
func (m *Meter) due() bool {
	if m == nil || m.timed {
		return false
	}
	m.timed = true
	return true
}

// batch notes the time of a whole batch.
func (m *Meter) batch(begun time.Time, samples int) {
	m.metrics.batchSeconds.Add(time.Since(begun).Seconds())
	m.metrics.timedBatches.Inc()
	m.metrics.timedSamples.Add(float64(samples))
}

// observation notes the time of one call of a detector.
func (m *Meter) observation(detector string, begun time.Time) {
	m.metrics.timed.WithLabelValues(detector).Add(time.Since(begun).Seconds())
	m.metrics.observed.WithLabelValues(detector).Inc()
	m.metrics.crashes.WithLabelValues(detector) // there before the first crash, which is then a rise from 0
}

// watched notes how much is watched. It is told so with every tick.
func (m *Meter) watched(devices, series int, b *budget) {
	if m == nil {
		return
	}
	m.timed = false
	m.devices.Set(float64(devices))
	m.series.Set(float64(series))
	m.noveltyBytes.Set(float64(b.used))
	for tier, gauge := range m.noveltySeries {
		gauge.Set(float64(b.holders(Tier(tier))))
	}
}

func (m *Meter) crashed(detector string) {
	if m != nil {
		m.metrics.crashes.WithLabelValues(detector).Inc()
	}
}

// applyTimed is apply with the clock read around every call of a detector.
func (e *Engine) applyTimed(b *telemetry.Batch) []Finding {
	e.timing = true
	defer func(begun time.Time) {
		e.timing = false
		e.cfg.Meter.batch(begun, len(b.Samples))
	}(time.Now())
	return e.apply(b)
}

// timed runs one call of a detector and notes its time.
func timed[T any](e *Engine, detector string, call func() T) T {
	defer e.cfg.Meter.observation(detector, time.Now())
	return call()
}
