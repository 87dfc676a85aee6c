package ingest

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/presage-pdm/presage/tickets"
)

// effect is one kind of effect on a store: its name in metrics, and what is waited for in the log.
type effect struct{ name, text string }

// The effects.
var (
	effectLease      = effect{"lease", "the lease of the lane"}
	effectAppend     = effect{"append", "the series store"}
	effectSync       = effect{"sync", "the series store to sync"}
	effectEvents     = effect{"events", "the store of events"}
	effectStates     = effect{"states", "the store of states"}
	effectQuarantine = effect{"quarantine", "the quarantine"}
	effectReport     = effect{"report", "the desk to take findings"}
	effectRegister   = effect{"register", "the registry to take a device"}
)

// Why an effect failed, as it stands in the label "reason".
const (
	failedUnavailable = "unavailable" // the store is away: the effect is repeated for as long as it takes
	failedFenced      = "fenced"      // another process works the lane
	failedRefused     = "refused"     // the store will not have it: after some attempts it goes to the quarantine
)

// effectMetrics measure the effects on stores, one observation for each attempt
// at a whole group of readings, events, findings or refused messages.
type effectMetrics struct {
	seconds  *prometheus.HistogramVec
	failures *prometheus.CounterVec
}

func newEffectMetrics(r prometheus.Registerer, subsystem string, effects ...effect) *effectMetrics {
	with := promauto.With(r)
	m := &effectMetrics{
		seconds: with.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "presage", Subsystem: subsystem, Name: "effect_seconds",
			Help:    "Time of one attempt at a store, by what is done there.",
			Buckets: prometheus.ExponentialBuckets(250e-6, 4, 9), // 250 us to 16 s
		}, []string{"effect"}),
		failures: with.NewCounterVec(prometheus.CounterOpts{
			Namespace: "presage", Subsystem: subsystem, Name: "effect_failures_total",
			Help: "Attempts at a store that failed, by what was done and why: unavailable, refused or fenced.",
		}, []string{"effect", "reason"}),
	}
	for _, e := range effects { // there from the start, so that the first failure is a rise from 0
		m.seconds.WithLabelValues(e.name)
		for _, reason := range []string{failedUnavailable, failedFenced, failedRefused} {
			m.failures.WithLabelValues(e.name, reason)
		}
	}
	return m
}

// time runs an effect and measures it.
func (m *effectMetrics) time(what effect, do func() error) error {
	begun := time.Now()
	err := do()
	m.seconds.WithLabelValues(what.name).Observe(time.Since(begun).Seconds())
	switch {
	case err == nil:
	case errors.Is(err, tickets.ErrFenced):
		m.failures.WithLabelValues(what.name, failedFenced).Inc()
	case unavailable(err):
		m.failures.WithLabelValues(what.name, failedUnavailable).Inc()
	default:
		m.failures.WithLabelValues(what.name, failedRefused).Inc()
	}
	return err
}
