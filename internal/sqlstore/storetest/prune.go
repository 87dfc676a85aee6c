package storetest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

// pruneAll prunes in batches of two until fewer are removed, and returns the sizes of the batches.
func pruneAll(t *testing.T, prune func(limit int) (int, error)) (batches []int) {
	t.Helper()
	for {
		n, err := prune(2)
		if err != nil {
			t.Fatal(err)
		}
		if batches = append(batches, n); n < 2 {
			return batches
		}
	}
}

func pruneFindings(t *testing.T, s *sqlstore.Store) {
	ticket := insert(t, s, newTicket("bus-7", "overheat"))[0]
	day := 24 * time.Hour
	put := func(tenant, id, ticket string, recorded time.Time) {
		t.Helper()
		err := s.Update(t.Context(), tenant, tickets.Fence{}, func(ctx context.Context, tx tickets.Tx) error {
			e := finding(id, "bus-7")
			e.Ticket, e.RecordedAt = ticket, recorded
			e.Time = epoch.Add(-1000 * day).UnixMilli() // a backfill: the age counts from when it was recorded
			_, err := tx.Attach(ctx, e)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		put(tenant, fmt.Sprintf("old-%d", i), "", epoch.Add(-100*day))
	}
	put("other", "old", "", epoch.Add(-100*day))
	put(tenant, "evidence", ticket.ID, epoch.Add(-100*day))
	put(tenant, "young", "", epoch.Add(-10*day))
	if got := pruneAll(t, func(limit int) (int, error) { return s.PruneFindings(t.Context(), epoch.Add(-90*day), limit) }); !slices.Equal(got, []int{2, 2, 0}) {
		t.Errorf("batches of %v were removed, want 2, 2 and 0", got)
	}
	left, _, err := s.Findings(t.Context(), tenant, tickets.FindingFilter{})
	var ids []string
	for _, e := range left {
		ids = append(ids, e.ID)
	}
	if slices.Sort(ids); err != nil || !slices.Equal(ids, []string{"evidence", "young"}) {
		t.Errorf("findings left are %q (error %v), want that of the ticket and the young one", ids, err)
	}
}

func pruneEvents(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	for _, tenant := range []string{tenant, "other"} {
		var all []telemetry.DeviceEvent
		for i := range 5 {
			all = append(all, telemetry.DeviceEvent{Device: "tv-1", Event: telemetry.Event{Time: epoch.UnixMilli() + int64(i), Code: "crash"}})
		}
		if err := s.PutEvents(ctx, tenant, all); err != nil {
			t.Fatal(err)
		}
	}
	if got := pruneAll(t, func(limit int) (int, error) {
		return s.PruneEvents(ctx, time.UnixMilli(epoch.UnixMilli()+3), limit)
	}); !slices.Equal(got, []int{2, 2, 2, 0}) {
		t.Errorf("batches of %v were removed, want 2, 2, 2 and 0", got)
	}
	for _, tenant := range []string{tenant, "other"} {
		if left, err := s.Events(ctx, tenant, "tv-1", time.Time{}, time.Time{}, 10); err != nil || len(left) != 2 || left[0].Time != epoch.UnixMilli()+3 {
			t.Errorf("events left of tenant %s are %+v (error %v)", tenant, left, err)
		}
	}
}

func pruneDeliveries(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	put := func(id, endpoint string, at time.Time) {
		t.Helper()
		must(s.PutDelivery(ctx, endpoint, tickets.Event{ID: id, Tenant: tenant, Type: "ticket.opened", At: at}, at))
	}
	old := epoch.Add(-40 * 24 * time.Hour)
	put("dead", "crm", old)
	claimed, err := s.ClaimDeliveries(ctx, "crm", old, time.Minute, 1)
	must(err)
	must(s.DeliveryFailed(ctx, claimed[0], "gone", old, true))
	put("waiting", "crm", old) // Presage was off for a month: it is still to be delivered
	put("orphan", "removed", old)
	put("orphan-too", "removed", old)
	put("young", "removed", epoch)
	left := func() (ids []string) {
		t.Helper()
		all, _, err := s.Deliveries(ctx, tenant, "", "", 100)
		must(err)
		for _, d := range all {
			ids = append(ids, d.Event.ID)
		}
		slices.Sort(ids)
		return ids
	}
	before := epoch.Add(-30 * 24 * time.Hour)
	if got := pruneAll(t, func(limit int) (int, error) { return s.PruneDeliveries(ctx, before, []string{"crm", "erp"}, limit) }); !slices.Equal(got, []int{2, 1}) {
		t.Errorf("batches of %v were removed, want 2 and 1", got)
	}
	if got := left(); !reflect.DeepEqual(got, []string{"waiting", "young"}) {
		t.Errorf("deliveries left are %q", got)
	}
	_, err = s.PruneDeliveries(ctx, before, nil, 10)
	must(err)
	if got := left(); !reflect.DeepEqual(got, []string{"young"}) {
		t.Errorf("without webhooks, deliveries left are %q", got)
	}
}
