package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets/quality"
)

func failures(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	a := quality.Failure{Device: "bus-1", Component: "cooling", FailedAt: epoch, Code: "P0217"}
	b := quality.Failure{Device: "bus-2", Component: "device", FailedAt: epoch.Add(time.Hour)}
	c := quality.Failure{Device: "bus-1", Component: "brakes", FailedAt: epoch.Add(2 * time.Hour)}
	put := func(tenant string, want int, all ...quality.Failure) {
		t.Helper()
		if n, err := s.PutFailures(ctx, tenant, all, epoch); err != nil || n != want {
			t.Fatalf("%d were added, %v; want %d", n, err, want)
		}
	}
	put(telemetry.DefaultTenant, 2, c, a)
	put(telemetry.DefaultTenant, 1, a, b, b) // told again: the same failure
	put("other", 1, a)
	for _, q := range []struct {
		device   string
		from, to time.Time
		limit    int
		want     []quality.Failure
	}{
		{"", time.Time{}, time.Time{}, 0, []quality.Failure{a, b, c}},
		{"", time.Time{}, time.Time{}, 2, []quality.Failure{a, b}},
		{"bus-1", time.Time{}, time.Time{}, 0, []quality.Failure{a, c}},
		{"", epoch.Add(time.Hour), epoch.Add(2 * time.Hour), 0, []quality.Failure{b}},
		{"bus-3", time.Time{}, time.Time{}, 0, nil},
	} {
		got, err := s.Failures(ctx, telemetry.DefaultTenant, q.device, q.from, q.to, q.limit)
		if err != nil || !slices.Equal(got, q.want) {
			t.Errorf("failures of %q from %v to %v: %v, %v; want %v", q.device, q.from, q.to, got, err, q.want)
		}
	}
}
