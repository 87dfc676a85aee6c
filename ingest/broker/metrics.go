package broker

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	turnedAway                             *prometheus.CounterVec
	plain, acks, ackWrites, unacknowledged prometheus.Counter
	tooLarge, wills, notRetained, blocked  prometheus.Counter
	notRouted, refusedFilters, slowed      prometheus.Counter
	stalled, deaf, panics, sessionsDropped prometheus.Counter
	dismissed                              prometheus.Counter
	ackSeconds                             prometheus.Histogram
}

func newMetrics(r prometheus.Registerer, b *Broker) *metrics {
	with := promauto.With(r)
	counter := func(name, help string) prometheus.Counter {
		return with.NewCounter(prometheus.CounterOpts{Namespace: "presage", Subsystem: "broker", Name: name, Help: help})
	}
	gauge := func(name, help string, value func() int64) {
		with.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "presage", Subsystem: "broker", Name: name, Help: help},
			func() float64 { return float64(value()) })
	}
	gauge("connections", "Clients that are connected.", func() int64 { return atomic.LoadInt64(&b.server.Info.ClientsConnected) })
	gauge("subscriptions", "Subscriptions of clients.", func() int64 { return atomic.LoadInt64(&b.server.Info.Subscriptions) })
	gauge("retained", "Topics with a retained message.", func() int64 { return int64(b.server.Topics.Retained.Len()) })
	gauge("retained_bytes", "What the retained messages take, roughly.", b.retained.size)
	gauge("sessions_away", "Sessions that are kept of which the client is away.", b.away)
	gauge("handshakes", "Connections that have not said yet who they are.", func() int64 {
		b.mu.Lock()
		defer b.mu.Unlock()
		return int64(len(b.doors.strangers))
	})
	gauge("reading", "Connections of which a part of a packet was read.", b.lent.Load)
	gauge("in_flight", "Messages that wait to be durable.", b.inFlight.Load)
	gauge("connections_limit", "Clients that may be connected at a time.", func() int64 { return int64(b.config.Connections) })
	with.NewCounterFunc(prometheus.CounterOpts{
		Namespace: "presage", Subsystem: "broker", Name: "dropped_total", Help: "Messages that subscribers other than Presage did not take in time.",
	}, func() float64 {
		return float64(atomic.LoadInt64(&b.server.Info.MessagesDropped) + atomic.LoadInt64(&b.server.Info.InflightDropped))
	})
	m := &metrics{
		turnedAway: with.NewCounterVec(prometheus.CounterOpts{
			Namespace: "presage", Subsystem: "broker", Name: "turned_away_total",
			Help: "Connections that were refused, by reason.",
		}, []string{"reason"}),
		plain:           counter("plain_messages_total", "Messages on topics that are not for the intake."),
		acks:            counter("acks_total", "Durable messages that were acknowledged."),
		ackWrites:       counter("ack_writes_total", "Writes that carried those acknowledgements."),
		unacknowledged:  counter("unacknowledged_total", "Connections that were closed because a message could not be made durable."),
		dismissed:       counter("dismissed_total", "Connections that were ended because their credential was withdrawn or had expired."),
		tooLarge:        counter("too_large_total", "Packets that were too large."),
		wills:           counter("wills_total", "Last wills that were sent."),
		notRetained:     counter("not_retained_total", "Messages that were not retained because too many or too much is."),
		notRouted:       counter("not_routed_total", "Messages between clients that were not routed because their topic has too many levels, or they too many properties."),
		refusedFilters:  counter("refused_filters_total", "Subscriptions that were refused because they are too many, or have too many levels."),
		slowed:          counter("slowed_seconds_total", "Time for which connections were not read from because a device sent more messages than it may."),
		stalled:         counter("stalled_total", "Connections that were closed because a packet was begun and not completed in time."),
		deaf:            counter("deaf_total", "Connections that were closed because the client did not take what was sent to it."),
		panics:          counter("panics_total", "Connections that were closed because one of their packets made the broker panic: a defect to report."),
		sessionsDropped: counter("sessions_dropped_total", "Sessions that were not kept because too many are."),
		blocked:         counter("blocked_seconds_total", "Time in which connections were not read from because too many of their messages waited to be durable."),
		ackSeconds: with.NewHistogram(prometheus.HistogramOpts{
			Namespace: "presage", Subsystem: "broker", Name: "ack_seconds",
			Help:    "Time from reading a message until its acknowledgement was written: the first message of every write.",
			Buckets: prometheus.ExponentialBuckets(250e-6, 2, 16), // 250 us to 8 s
		}),
	}
	for _, reason := range []string{"credentials", "no-credentials", "too-many", "too-many-of-address", "too-many-of-device", "too-many-handshakes", "no-descriptor"} {
		m.turnedAway.WithLabelValues(reason) // shown from the start
	}
	return m
}
