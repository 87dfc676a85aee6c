package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/presage-pdm/presage/internal/sqlstore"
)

// housekeeping removes what is older than it is to be kept, and watches the
// room that is left. Tickets, their evidence and their history are never removed.
type housekeeping struct {
	store    *sqlstore.Store
	keep     RetentionSettings
	webhooks []string // names of those in the configuration
	log      *slog.Logger
	tasks    tasks
}

const (
	// lookEvery is how often the room that is left is looked at.
	lookEvery = 10 * time.Second
	// pruneEvery is how often old rows are looked for.
	pruneEvery = 10 * time.Minute
	// pruneBatch is how many rows one transaction removes: some milliseconds of the one writer of SQLite.
	pruneBatch = 500
	// prunePause leaves the store to others between two batches; with it at most 5,000 rows a second are removed.
	prunePause = 100 * time.Millisecond
	// keepDeliveries is how long a delivery that nobody takes stays visible. A delivery is
	// given up within a day of its event.
	keepDeliveries = 30 * 24 * time.Hour
	// keepCredentials is how long one can look up the credential of a device after it has ended.
	keepCredentials = 90 * 24 * time.Hour
)

// keepHouse runs until ctx ends.
func (a *app) keepHouse(ctx context.Context) error {
	h := housekeeping{store: a.sql, keep: a.settings.Retention, log: a.log, tasks: a.tasks}
	for _, w := range a.settings.Webhooks {
		h.webhooks = append(h.webhooks, w.Name)
	}
	watch := roomWatch{log: a.log}
	looks, prunes := time.NewTicker(lookEvery), time.NewTicker(pruneEvery)
	defer looks.Stop()
	defer prunes.Stop()
	h.prune(ctx, time.Now())
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-looks.C:
			if a.up.Load() {
				watch.look(a.room())
			}
		case now := <-prunes.C:
			h.prune(ctx, now)
		}
	}
}

// prune removes all that is too old at a time.
func (h housekeeping) prune(ctx context.Context, now time.Time) {
	for _, kind := range []struct {
		name   string
		keep   time.Duration
		remove func(before time.Time) (int, error)
	}{
		{"findings without a ticket", h.keep.Findings, func(before time.Time) (int, error) { return h.store.PruneFindings(ctx, before, pruneBatch) }},
		{"events of devices", h.keep.Events, func(before time.Time) (int, error) { return h.store.PruneEvents(ctx, before, pruneBatch) }},
		{"credentials of devices", keepCredentials, func(before time.Time) (int, error) { return h.store.PruneDeviceCredentials(ctx, before, pruneBatch) }},
		{"deliveries to webhooks", keepDeliveries, func(before time.Time) (int, error) {
			return h.store.PruneDeliveries(ctx, before, h.webhooks, pruneBatch)
		}},
	} {
		if kind.keep == 0 {
			continue // for ever
		}
		removed, err := inBatches(ctx, func() (int, error) { return kind.remove(now.Add(-kind.keep)) })
		h.tasks.note(taskPrune, err)
		if err != nil && ctx.Err() == nil {
			h.log.Warn("not removed what is too old", "kind", kind.name, "err", err)
		}
		if removed > 0 {
			h.log.Info("removed what is too old", "kind", kind.name, "count", removed)
		}
	}
}

// inBatches calls remove until it finds less than a batch, with pauses for others.
func inBatches(ctx context.Context, remove func() (int, error)) (removed int, err error) {
	for {
		n, err := remove()
		removed += n
		if err != nil || n < pruneBatch {
			return removed, err
		}
		select {
		case <-ctx.Done():
			return removed, ctx.Err()
		case <-time.After(prunePause):
		}
	}
}
