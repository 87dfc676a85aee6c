package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/presage-pdm/presage/internal/promseries"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/tickets/quality"
)

// storedHistory is the history in the stores of the settings. It implements history.
type storedHistory struct {
	*sqlstore.Store
	readings series.Store
}

func openStored(ctx context.Context, s Settings, log *slog.Logger) (*storedHistory, error) {
	sql, err := openSQL(ctx, s, nil, log)
	if err != nil {
		return nil, err
	}
	readings, err := openHistory(ctx, s, log)
	if err != nil {
		return nil, errors.Join(err, sql.Close())
	}
	return &storedHistory{sql, readings}, nil
}

// openHistory opens the series store for reading. The embedded one allows one process at a time and would change its files, so what it
// holds now is read from a snapshot.
func openHistory(ctx context.Context, s Settings, log *slog.Logger) (series.Store, error) {
	if s.Series.URL != "" {
		store, _, err := openSeries(ctx, s, nil, log)
		return store, err
	}
	return promseries.OpenSnapshot(promseries.DefaultConfig(s.path("series")))
}

func (h *storedHistory) Last(ctx context.Context, tenant, device string) (map[string]series.Point, error) {
	return h.readings.Last(ctx, tenant, device)
}

func (h *storedHistory) Raw(ctx context.Context, key series.Key, r series.Range, limit int) ([]series.Point, error) {
	return h.readings.Raw(ctx, key, r, limit)
}

func (h *storedHistory) failures(ctx context.Context, from, to time.Time) ([]quality.Failure, error) {
	return h.Failures(ctx, telemetry.DefaultTenant, "", from, to, quality.MaxFailures)
}

func (h *storedHistory) closed(ctx context.Context, from, to time.Time) (all []tickets.Ticket, err error) {
	open := false
	filter := tickets.Filter{Open: &open, Sort: "opened", Limit: 500, OpenedFrom: from, OpenedTo: to}
	for {
		found, err := h.List(ctx, telemetry.DefaultTenant, filter)
		if err != nil {
			return nil, err
		}
		all = append(all, found.Tickets...)
		if found.Next == "" {
			return all, nil
		}
		filter.Cursor = found.Next
	}
}

// Close implements history; nothing was written.
func (h *storedHistory) Close() error { return errors.Join(h.readings.Close(), h.Store.Close()) }
