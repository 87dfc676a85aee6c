package tickets

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
)

// metrics count what the desk has committed.
type metrics struct {
	opened   *prometheus.CounterVec
	reopened prometheus.Counter
	seconds  prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) *metrics {
	with := promauto.With(r)
	m := &metrics{
		opened: with.NewCounterVec(prometheus.CounterOpts{
			Namespace: "presage", Subsystem: "desk", Name: "tickets_opened_total",
			Help: "Tickets that the desk opened, by kind, severity and origin: live, or backfill for faults of readings that were old when they arrived.",
		}, []string{"kind", "severity", "origin"}),
		reopened: with.NewCounter(prometheus.CounterOpts{
			Namespace: "presage", Subsystem: "desk", Name: "tickets_reopened_total", Help: "Tickets whose fault came back soon after they were closed.",
		}),
		seconds: with.NewHistogram(prometheus.HistogramOpts{
			Namespace: "presage", Subsystem: "desk", Name: "ticket_seconds",
			Help:    "Time from the arrival of the reading that decided until its ticket was committed, of live faults.",
			Buckets: []float64{.005, .01, .025, .05, .1, .2, .5, 1, 2, 5, 10, 30, 60, 300, 3600},
		}),
	}
	for severity := telemetry.Info; severity <= telemetry.Critical; severity++ {
		m.opened.WithLabelValues(string(Fault), severity.String(), origin(false))
	}
	return m
}

// origin says where a ticket comes from, as it stands in the label.
func origin(backfill bool) string {
	if backfill {
		return "backfill"
	}
	return "live"
}

// made is a ticket that a transaction opens or reopens, and what decided it.
type made struct {
	kind     Kind
	severity telemetry.Severity
	backfill bool
	reopened bool
	held     bool  // by maintenance: how long it took says nothing about Presage
	arrival  int64 // of the reading that decided, Unix milliseconds
}

// makes notes what is counted once the transaction is committed.
func (w *work) makes(t *Ticket, f *detectors.Finding, reopened bool) {
	w.made = append(w.made, made{t.Kind, t.Severity, f.Backfill, reopened, w.held != nil, f.Arrival})
}

// count counts what a committed transaction has made.
func (m *metrics) count(all []made, now time.Time) {
	for _, one := range all {
		if one.reopened {
			m.reopened.Inc()
		} else {
			m.opened.WithLabelValues(string(one.kind), one.severity.String(), origin(one.backfill)).Inc()
		}
		if !one.backfill && !one.held {
			m.seconds.Observe(now.Sub(time.UnixMilli(one.arrival)).Seconds())
		}
	}
}
