package main

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
)

// lookout looks now and then at what cannot be counted where it happens: what waits in the database, and whether Presage is
// ready. A scrape shows the last look and never waits for the database; ages go on growing while that is away.
type lookout struct {
	notReady *prometheus.GaugeVec // by check
	webhooks []string             // names of those in the settings

	mu      sync.Mutex
	backlog sqlstore.Backlog
	looked  bool
}

// lookoutEvery is how old what a scrape shows of the database is at most.
const lookoutEvery = 10 * time.Second

// readyChecks are all checks of /readyz once Presage has started, see unready.
var readyChecks = []string{"journal", "journal full", "disk", "series disk", "lanes", "broker", "database"}

func newLookout(r prometheus.Registerer, webhooks []WebhookSettings) *lookout {
	l := &lookout{notReady: promauto.With(r).NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "presage", Name: "not_ready", Help: "1 while a check keeps /readyz from answering 200.",
	}, []string{"check"})}
	for _, hook := range webhooks {
		l.webhooks = append(l.webhooks, hook.Name)
	}
	l.ready(nil)
	r.MustRegister(l)
	return l
}

// lookOut looks until ctx ends.
func (a *app) lookOut(ctx context.Context) error {
	tick := time.NewTicker(lookoutEvery)
	defer tick.Stop()
	for {
		if a.up.Load() {
			failing := map[string]bool{}
			for _, p := range a.unready(ctx) {
				failing[p.Check] = true
			}
			a.lookout.ready(failing)
		}
		asking, cancel := context.WithTimeout(ctx, lookoutEvery/2)
		backlog, err := a.sql.Backlog(asking)
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		a.tasks.note(taskBacklog, err)
		if err == nil {
			a.lookout.saw(backlog)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (l *lookout) ready(failing map[string]bool) {
	for _, check := range readyChecks {
		v := 0.0
		if failing[check] {
			v = 1
		}
		l.notReady.WithLabelValues(strings.ReplaceAll(check, " ", "-")).Set(v)
	}
}

func (l *lookout) saw(b sqlstore.Backlog) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.backlog, l.looked = b, true
}

var (
	outboxDesc      = prometheus.NewDesc("presage_outbox_events", "Events that wait to be relayed to browsers and webhooks.", nil, nil)
	outboxAgeDesc   = prometheus.NewDesc("presage_outbox_age_seconds", "Age of the oldest event that waits to be relayed.", nil, nil)
	hookPendingDesc = prometheus.NewDesc("presage_webhook_pending", "Events that a webhook has not taken yet.", []string{"webhook"}, nil)
	hookAgeDesc     = prometheus.NewDesc("presage_webhook_pending_age_seconds", "Age of the oldest event that a webhook has not taken yet.", []string{"webhook"}, nil)
	hookDeadDesc    = prometheus.NewDesc("presage_webhook_dead", "Events that were given up for a webhook and wait for somebody to try them again.", []string{"webhook"}, nil)
	quarantineDesc  = prometheus.NewDesc("presage_quarantine_kept", "Refused messages in the quarantine, of all tenants.", nil, nil)
	displacedDesc   = prometheus.NewDesc("presage_quarantine_displaced_total", "Refused messages that gave way to newer ones, since the database was made.", nil, nil)
	openDesc        = prometheus.NewDesc("presage_tickets_open", "Open tickets by severity.", []string{"severity"}, nil)
	sizeDesc        = prometheus.NewDesc("presage_sql_size_bytes", "Size of the database.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (l *lookout) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{outboxDesc, outboxAgeDesc, hookPendingDesc, hookAgeDesc, hookDeadDesc, quarantineDesc, displacedDesc, openDesc, sizeDesc} {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (l *lookout) Collect(out chan<- prometheus.Metric) {
	l.mu.Lock()
	b, looked := l.backlog, l.looked
	l.mu.Unlock()
	if !looked {
		return // nothing is known yet, which is not the same as nothing
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	age := func(since time.Time) float64 {
		if since.IsZero() {
			return 0
		}
		return max(0, time.Since(since).Seconds())
	}
	gauge(outboxDesc, float64(b.Outbox))
	gauge(outboxAgeDesc, age(b.OutboxSince))
	for _, name := range l.webhooks {
		d := b.Deliveries[name]
		gauge(hookPendingDesc, float64(d.Pending), name)
		gauge(hookAgeDesc, age(d.Since), name)
		gauge(hookDeadDesc, float64(d.Dead), name)
	}
	gauge(quarantineDesc, float64(b.Quarantined))
	out <- prometheus.MustNewConstMetric(displacedDesc, prometheus.CounterValue, float64(b.QuarantineDropped))
	for severity := telemetry.Info; severity <= telemetry.Critical; severity++ {
		gauge(openDesc, float64(b.OpenTickets[severity]), severity.String())
	}
	gauge(sizeDesc, float64(b.Bytes))
}
