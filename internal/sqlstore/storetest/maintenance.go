package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/fleet/maintenance"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/tickets"
)

func windows(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	announce := func(name string, from, to time.Duration, scope maintenance.Scope) maintenance.Window {
		t.Helper()
		w, err := s.CreateWindow(ctx, tenant, maintenance.Window{Name: name, Reason: "yearly", Scope: scope, From: epoch.Add(from), To: epoch.Add(to), CreatedBy: "anna", CreatedAt: epoch})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	past := announce("past", -2*time.Hour, -time.Hour, maintenance.Scope{Site: "depot"})
	running := announce("running", -time.Hour, time.Hour, maintenance.Scope{Region: "north", Component: "door"})
	announce("planned", time.Hour, 2*time.Hour, maintenance.Scope{Device: "bus-7"})
	names := func(f maintenance.Filter) (all []string) {
		t.Helper()
		f.Now = epoch
		for {
			found, next, err := s.MaintenanceWindows(ctx, tenant, f)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range found {
				all = append(all, w.Name)
			}
			if f.Cursor = next; next == "" {
				return all
			}
		}
	}
	for _, c := range []struct {
		filter maintenance.Filter
		want   string
	}{
		{maintenance.Filter{}, "[planned running past]"},
		{maintenance.Filter{Limit: 1}, "[planned running past]"},
		{maintenance.Filter{Status: maintenance.Planned}, "[planned]"},
		{maintenance.Filter{Status: maintenance.Running}, "[running]"},
		{maintenance.Filter{Status: maintenance.Past}, "[past]"},
		{maintenance.Filter{Scope: maintenance.Scope{Region: "north"}}, "[running]"},
		{maintenance.Filter{Scope: maintenance.Scope{Device: "bus-7", Site: "depot"}}, "[]"},
	} {
		if got := fmt.Sprint(names(c.filter)); got != c.want {
			t.Errorf("%+v: %s, want %s", c.filter, got, c.want)
		}
	}
	if _, _, err := s.MaintenanceWindows(ctx, tenant, maintenance.Filter{Cursor: "x"}); !errors.Is(err, tickets.ErrBadFilter) {
		t.Errorf("a cursor from elsewhere: error %v", err)
	}
	at := func(d time.Duration) (all []string) {
		t.Helper()
		found, err := s.RunningWindows(ctx, tenant, epoch.Add(d))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range found {
			all = append(all, w.Name)
		}
		return all
	}
	if got := fmt.Sprint(at(-time.Hour), at(time.Hour), at(3*time.Hour)); got != "[running] [planned] []" {
		t.Errorf("running at the ends: %s", got)
	}

	end := func(w *maintenance.Window) error { w.EndedAt = epoch; return nil }
	if _, err := s.ChangeWindow(ctx, tenant, running.ID, 9, "ben", "ended", epoch, end); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("another revision: error %v", err)
	}
	if _, err := s.ChangeWindow(ctx, "other", running.ID, 0, "ben", "ended", epoch, end); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("another tenant: error %v", err)
	}
	refusal := errors.New("refused")
	if _, err := s.ChangeWindow(ctx, tenant, running.ID, 0, "ben", "ended", epoch, func(*maintenance.Window) error { return refusal }); !errors.Is(err, refusal) {
		t.Errorf("a refused change: error %v", err)
	}
	ended, err := s.ChangeWindow(ctx, tenant, running.ID, 1, "ben", "ended", epoch, end)
	if err != nil {
		t.Fatal(err)
	}
	want := running
	want.EndedAt, want.Revision = epoch, 2
	got, changes, err := s.Window(ctx, tenant, running.ID)
	if err != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(ended, want) {
		t.Errorf("ended as %+v (error %v), want %+v", got, err, want)
	}
	if want := []maintenance.Change{{At: epoch, By: "anna", Kind: "created", Window: running}, {At: epoch, By: "ben", Kind: "ended", Window: want}}; !reflect.DeepEqual(changes, want) {
		t.Errorf("changes %+v, want %+v", changes, want)
	}
	if got := fmt.Sprint(at(0), names(maintenance.Filter{Status: maintenance.Past})); got != "[] [running past]" {
		t.Errorf("after it was ended: %s", got)
	}
	if _, _, err := s.Window(ctx, "other", past.ID); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("another tenant: error %v", err)
	}
	if found, _, err := s.MaintenanceWindows(ctx, "other", maintenance.Filter{}); err != nil || len(found) != 0 {
		t.Errorf("another tenant sees %+v (error %v)", found, err)
	}
}

func flapping(t *testing.T, s *sqlstore.Store) {
	all := insert(t, s, newTicket("bus-1", "overheat"), newTicket("bus-2", "overheat"), newTicket("bus-3", "overheat"))
	all[1].Flap = &tickets.Flap{Times: 4, Seen: epoch}
	save(t, s, all[1])
	all[2].Flap = &tickets.Flap{Flapping: true, Seen: epoch.Add(time.Minute)}
	save(t, s, all[2])
	for _, c := range []struct {
		seen  time.Duration
		limit int
		want  []string
	}{
		{-time.Second, 10, nil}, {0, 10, []string{all[0].ID}}, {time.Minute, 10, []string{all[0].ID, all[2].ID}}, {time.Minute, 1, []string{all[0].ID}},
	} {
		if got, err := s.Flapping(t.Context(), tenant, epoch.Add(c.seen), c.limit); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("seen %s, limit %d: %v (error %v), want %v", c.seen, c.limit, got, err, c.want)
		}
	}
	if got, err := s.Flapping(t.Context(), "other", epoch.Add(time.Hour), 10); err != nil || len(got) != 0 {
		t.Errorf("another tenant sees %v (error %v)", got, err)
	}
}

func heldFaults(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	key := tickets.Key{Tenant: tenant, Device: "bus-7", Component: "cooling", FaultCode: "overheat"}
	held := tickets.Held{Finding: finding("f1", "bus-7").Finding, Since: epoch, Newest: epoch.Add(time.Minute), Window: "m1", Name: "Shut", LookAt: epoch.Add(time.Hour)}
	due := func(at time.Duration) int {
		t.Helper()
		keys, err := s.DueHeld(ctx, tenant, epoch.Add(at), 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			if k != key {
				t.Errorf("due is %+v", k)
			}
		}
		return len(keys)
	}
	update(t, s, func(ctx context.Context, tx tickets.Tx) error {
		if _, err := tx.Held(ctx, key); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("nothing is held: error %v", err)
		}
		if err := tx.Hold(ctx, held); err != nil {
			return err
		}
		got, err := tx.Held(ctx, key)
		if err != nil || !reflect.DeepEqual(got, held) {
			t.Errorf("held\n%+v (error %v), want\n%+v", got, err, held)
		}
		return tx.Release(ctx, key, epoch) // older than what was found last
	})
	if before, after := due(59*time.Minute), due(time.Hour); before != 0 || after != 1 {
		t.Errorf("%d due before its time, %d after", before, after)
	}
	// A window that changes makes what is held due.
	w, err := s.CreateWindow(ctx, tenant, maintenance.Window{Name: "Shut", From: epoch, To: epoch.Add(time.Hour), CreatedAt: epoch})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ChangeWindow(ctx, tenant, w.ID, 0, "anna", "changed", epoch.Add(time.Minute), func(*maintenance.Window) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if due(time.Minute) != 1 {
		t.Error("not due after a change of a window")
	}

	ticket := insert(t, s, newTicket("bus-7", "overheat"))[0]
	update(t, s, func(ctx context.Context, tx tickets.Tx) error {
		for i, change := range []func(*tickets.Evidence){
			func(e *tickets.Evidence) { e.Time-- },
			func(e *tickets.Evidence) {},
			func(e *tickets.Evidence) { e.FaultCode = "other" },
			func(e *tickets.Evidence) { e.Withheld = detectors.WithheldShadow },
		} {
			e := finding(fmt.Sprint("h", i), "bus-7")
			e.Withheld = tickets.WithheldMaintenance
			change(&e)
			if _, err := tx.Attach(ctx, e); err != nil {
				return err
			}
		}
		if err := tx.Adopt(ctx, key, time.UnixMilli(epoch.UnixMilli()), ticket.ID); err != nil {
			return err
		}
		return tx.Release(ctx, key, held.Newest)
	})
	if due(time.Hour) != 0 {
		t.Error("released, yet due")
	}
	found, _, err := s.Findings(ctx, tenant, tickets.FindingFilter{Ticket: ticket.ID})
	if err != nil || len(found) != 1 || found[0].ID != "h1" || found[0].Ticket != ticket.ID || found[0].Withheld != "" {
		t.Errorf("adopted %+v (error %v)", found, err)
	}
}
