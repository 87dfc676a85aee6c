package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
)

// heardStore is a series store that also notes when each device was last heard
// of, and tells the database now and then, many devices at once. What was noted
// since the last time is lost with the process; the next reading tells it again.
type heardStore struct {
	series.Store
	sql   *sqlstore.Store
	log   *slog.Logger
	tasks tasks

	mu    sync.Mutex
	since map[string]map[string]int64 // arrival in Unix milliseconds, by tenant and device
}

func newHeardStore(store series.Store, sql *sqlstore.Store, log *slog.Logger, tasks tasks) *heardStore {
	return &heardStore{Store: store, sql: sql, log: log, tasks: tasks, since: map[string]map[string]int64{}}
}

// Append implements series.Store.
func (h *heardStore) Append(ctx context.Context, batches []telemetry.Batch) (dropped int, err error) {
	dropped, err = h.Store.Append(ctx, batches)
	if err != nil {
		return dropped, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range batches {
		b := &batches[i]
		devices := h.since[b.Tenant]
		if devices == nil {
			devices = map[string]int64{}
			h.since[b.Tenant] = devices
		}
		devices[b.Device] = max(devices[b.Device], b.Arrival)
	}
	return dropped, nil
}

// noteEvery is how far the time that a device was last heard of lags behind.
const noteEvery = 10 * time.Second

// run tells the database until ctx ends, and once more then.
func (h *heardStore) run(ctx context.Context) {
	tick := time.NewTicker(noteEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		h.note(context.WithoutCancel(ctx))
	}
}

// waiting is how many devices the database is to be told of.
func (h *heardStore) waiting() float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, devices := range h.since {
		n += len(devices)
	}
	return float64(n)
}

func (h *heardStore) note(ctx context.Context) {
	h.mu.Lock()
	since := h.since
	h.since = map[string]map[string]int64{}
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, noteEvery)
	defer cancel()
	for tenant, devices := range since {
		err := h.sql.PutSeen(ctx, tenant, devices)
		h.tasks.note(taskSeen, err)
		if err != nil {
			h.log.Warn("not noted when devices were last heard of", "err", err)
		}
	}
}
