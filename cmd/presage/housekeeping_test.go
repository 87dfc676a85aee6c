package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// Removing goes on batch by batch until one is not full, with a pause behind each.
func TestInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, left := time.Now(), 2*pruneBatch+7
		removed, err := inBatches(t.Context(), func() (int, error) {
			n := min(left, pruneBatch)
			left -= n
			return n, nil
		})
		if err != nil || removed != 2*pruneBatch+7 || time.Since(began) != 2*prunePause {
			t.Errorf("%d removed in %s (error %v)", removed, time.Since(began), err)
		}

		broken := errors.New("broken")
		if removed, err := inBatches(t.Context(), func() (int, error) { return 3, broken }); removed != 3 || !errors.Is(err, broken) {
			t.Errorf("%d removed, error %v, want 3 and the error", removed, err)
		}

		ctx, cancel := context.WithCancel(t.Context())
		removed, err = inBatches(ctx, func() (int, error) { cancel(); return pruneBatch, nil })
		if removed != pruneBatch || !errors.Is(err, context.Canceled) {
			t.Errorf("%d removed, error %v, want one batch before the end", removed, err)
		}
	})
}

// What is too old goes, all of it, and a retention of 0 keeps everything.
func TestPruneKeepsWhatTheSettingsSay(t *testing.T) {
	s := DefaultSettings()
	s.Data = t.TempDir()
	var log bytes.Buffer
	store, err := openSQL(t.Context(), s, nil, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	const old = pruneBatch + 20
	var all []telemetry.DeviceEvent
	for i := range old {
		all = append(all, telemetry.DeviceEvent{Device: "tv-1", Event: telemetry.Event{Time: now.Add(-401 * 24 * time.Hour).UnixMilli(), Code: "crash", ID: fmt.Sprint(i)}})
	}
	all = append(all, telemetry.DeviceEvent{Device: "tv-1", Event: telemetry.Event{Time: now.Add(-399 * 24 * time.Hour).UnixMilli(), Code: "crash"}})
	if err := store.PutEvents(t.Context(), telemetry.DefaultTenant, all); err != nil {
		t.Fatal(err)
	}
	left := func() int {
		t.Helper()
		got, err := store.Events(t.Context(), telemetry.DefaultTenant, "tv-1", time.Time{}, time.Time{}, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		return len(got)
	}
	h := housekeeping{store: store, log: slog.New(slog.NewTextHandler(&log, nil)), tasks: newTasks(nil)}
	h.prune(t.Context(), now)
	if got := left(); got != old+1 {
		t.Errorf("a retention of 0 leaves %d events of %d", got, old+1)
	}
	h.keep = s.Retention
	h.prune(t.Context(), now)
	if got := left(); got != 1 {
		t.Errorf("%d events are left, want the young one", got)
	}
	if want := fmt.Sprintf("count=%d", old); !strings.Contains(log.String(), want) {
		t.Errorf("the log does not say %s:\n%s", want, log.String())
	}
}
