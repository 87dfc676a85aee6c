package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

func ticketIsKeptWhole(t *testing.T, s *sqlstore.Store) {
	want := newTicket("bus-7", "overheat")
	want.Deadline = epoch.Add(4 * time.Hour)
	want.PreviousID, want.Backfill, want.Resolution = "before", true, "recovered"
	want.ClearedAt, want.ClosedAt = epoch.Add(time.Minute), epoch.Add(time.Hour)
	want.Reopened, want.Occurrences = 3, 12
	want = insert(t, s, want)[0]
	if want.Number != "T-000001" || want.Revision != 1 || want.ID == "" {
		t.Fatalf("inserted ticket has number %q, revision %d, id %q", want.Number, want.Revision, want.ID)
	}
	for _, id := range []string{want.ID, want.Number} {
		got, err := s.Ticket(t.Context(), tenant, id)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("ticket %s came back changed:\n got %+v\nwant %+v", id, got, want)
		}
	}
	if _, err := s.Ticket(t.Context(), tenant, "T-999999"); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("unknown ticket: error %v, want ErrNotFound", err)
	}
	update(t, s, func(ctx context.Context, tx tickets.Tx) error {
		got, err := tx.Ticket(ctx, want.ID)
		if err != nil {
			return err
		}
		got.Severity, got.State, got.Category = telemetry.Critical, "in_repair", tickets.CategoryActive
		got.Deadline, got.ClosedAt, got.ClearedAt = time.Time{}, time.Time{}, time.Time{}
		if err := tx.Save(ctx, &got); err != nil {
			return err
		}
		want = got
		return nil
	})
	got, err := s.Ticket(t.Context(), tenant, want.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.Revision != 2 || !reflect.DeepEqual(got, want) {
		t.Errorf("saved ticket came back changed:\n got %+v\nwant %+v", got, want)
	}
}

func oneOpenTicket(t *testing.T, s *sqlstore.Store) {
	first := insert(t, s, newTicket("bus-7", "overheat"))[0]
	update(t, s, func(ctx context.Context, tx tickets.Tx) error {
		second := newTicket("bus-7", "overheat")
		if err := tx.Insert(ctx, &second); !errors.Is(err, tickets.ErrConflict) {
			t.Errorf("second open ticket of a fault: error %v, want ErrConflict", err)
		}
		// The transaction goes on after the conflict.
		current, err := tx.Current(ctx, first.Key())
		if err != nil || current.ID != first.ID {
			t.Errorf("current ticket is %q (error %v), want %q", current.ID, err, first.ID)
		}
		current.State, current.Category, current.ClosedAt = "closed", tickets.CategoryDone, epoch.Add(time.Hour)
		if err := tx.Save(ctx, &current); err != nil {
			return err
		}
		if current, err = tx.Current(ctx, first.Key()); err != nil || current.ID != first.ID {
			t.Errorf("current ticket after closing is %q (error %v), want the closed %q", current.ID, err, first.ID)
		}
		return tx.Insert(ctx, &second)
	})
	update(t, s, func(ctx context.Context, tx tickets.Tx) error {
		current, err := tx.Current(ctx, first.Key())
		if err != nil || current.ID == first.ID || !current.Open() {
			t.Errorf("current ticket is %+v (error %v), want the open one", current, err)
		}
		if _, err := tx.Current(ctx, tickets.Key{Tenant: tenant, Device: "bus-7", Component: "cooling", FaultCode: "other"}); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("current ticket of an unknown fault: error %v, want ErrNotFound", err)
		}
		return nil
	})
	// Reopening the closed one beside the open one is refused.
	err := s.Update(t.Context(), tenant, tickets.Fence{}, func(ctx context.Context, tx tickets.Tx) error {
		closed, err := tx.Ticket(ctx, first.ID)
		if err != nil {
			return err
		}
		closed.State, closed.Category = "new", tickets.CategoryNew
		return tx.Save(ctx, &closed)
	})
	if !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("reopening beside an open ticket: error %v, want ErrConflict", err)
	}
}

// concurrentReports has many goroutines report the same faults as the desk does.
func concurrentReports(t *testing.T, s *sqlstore.Store) {
	const reporters, faults = 8, 5
	var wg sync.WaitGroup
	for r := range reporters {
		wg.Go(func() {
			for f := range faults {
				err := s.Update(t.Context(), tenant, tickets.Fence{}, func(ctx context.Context, tx tickets.Tx) error {
					// Half of them go through the faults in the other direction, to meet in the middle.
					n := f
					if r%2 == 1 {
						n = faults - 1 - f
					}
					fresh := newTicket("bus-7", fmt.Sprintf("fault-%d", n))
					err := tx.Insert(ctx, &fresh)
					if err == nil {
						return tx.Publish(ctx, tickets.Event{Type: "ticket.opened", At: epoch, Ticket: fresh})
					}
					if !errors.Is(err, tickets.ErrConflict) {
						return err
					}
					current, err := tx.Current(ctx, fresh.Key())
					if err != nil {
						return err
					}
					current.Occurrences++
					return tx.Save(ctx, &current)
				})
				if err != nil {
					t.Errorf("report: %v", err)
				}
			}
		})
	}
	wg.Wait()
	page, err := s.List(t.Context(), tenant, tickets.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Tickets) != faults || page.Total != faults {
		t.Fatalf("%d tickets, total %d, want %d", len(page.Tickets), page.Total, faults)
	}
	for _, ticket := range page.Tickets {
		if ticket.Occurrences != reporters {
			t.Errorf("%s has %d occurrences, want %d", ticket.FaultCode, ticket.Occurrences, reporters)
		}
	}
	events, err := s.ClaimEvents(t.Context(), "relay", epoch, time.Minute, 100)
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != faults {
		t.Errorf("%d events in the outbox, want one per ticket, %d", len(events), faults)
	}
}

func revisionConflict(t *testing.T, s *sqlstore.Store) {
	ticket := insert(t, s, newTicket("bus-7", "overheat"))[0]
	save := func(ticket tickets.Ticket) error {
		return s.Update(t.Context(), tenant, tickets.Fence{}, func(ctx context.Context, tx tickets.Tx) error { return tx.Save(ctx, &ticket) })
	}
	if err := save(ticket); err != nil {
		t.Fatal(err)
	}
	if err := save(ticket); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("saving revision 1 twice: error %v, want ErrConflict", err)
	}
	ticket.ID = "no-such-ticket"
	if err := save(ticket); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("saving an unknown ticket: error %v, want ErrNotFound", err)
	}
}

func failedUpdate(t *testing.T, s *sqlstore.Store) {
	boom := errors.New("boom")
	err := s.Update(t.Context(), tenant, tickets.Fence{}, func(ctx context.Context, tx tickets.Tx) error {
		ticket := newTicket("bus-7", "overheat")
		if err := tx.Insert(ctx, &ticket); err != nil {
			return err
		}
		if err := tx.Publish(ctx, tickets.Event{Type: "ticket.opened", Ticket: ticket}); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatalf("error %v, want that of the function", err)
	}
	page, err := s.List(t.Context(), tenant, tickets.Filter{})
	if err != nil || page.Total != 0 || len(page.Tickets) != 0 {
		t.Errorf("after a failed update: %d tickets, total %d (error %v)", len(page.Tickets), page.Total, err)
	}
	if events, err := s.ClaimEvents(t.Context(), "relay", epoch, time.Minute, 10); err != nil || len(events) != 0 {
		t.Errorf("after a failed update: %d events (error %v)", len(events), err)
	}
	if ticket := insert(t, s, newTicket("bus-7", "overheat"))[0]; ticket.Number != "T-000001" {
		t.Errorf("the first ticket has number %s", ticket.Number)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	err = s.Update(cancelled, tenant, tickets.Fence{}, func(context.Context, tickets.Tx) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("update with a cancelled context: error %v", err)
	}
}

func fencedLane(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	acquire := func(owner string) tickets.Fence {
		t.Helper()
		epoch, err := s.AcquireLane(ctx, 3, "detect", owner)
		if err != nil {
			t.Fatal(err)
		}
		return tickets.Fence{Partition: 3, Role: "detect", Epoch: epoch}
	}
	old := acquire("a")
	if old.Epoch != 1 {
		t.Errorf("first epoch is %d, want 1", old.Epoch)
	}
	report := func(f tickets.Fence, code string) error {
		return s.Update(ctx, tenant, f, func(ctx context.Context, tx tickets.Tx) error {
			ticket := newTicket("bus-7", code)
			return tx.Insert(ctx, &ticket)
		})
	}
	if err := report(old, "one"); err != nil {
		t.Fatal(err)
	}
	next := acquire("b")
	if next.Epoch != 2 {
		t.Errorf("second epoch is %d, want 2", next.Epoch)
	}
	if err := report(old, "two"); !errors.Is(err, tickets.ErrFenced) {
		t.Errorf("update of the former owner: error %v, want ErrFenced", err)
	}
	if err := report(next, "two"); err != nil {
		t.Errorf("update of the owner: %v", err)
	}
	if err := report(tickets.Fence{Partition: 4, Role: "detect", Epoch: 1}, "three"); !errors.Is(err, tickets.ErrFenced) {
		t.Errorf("update of a lane that nobody acquired: error %v, want ErrFenced", err)
	}
	other, err := s.AcquireLane(ctx, 3, "store", "a")
	if err != nil || other != 1 {
		t.Errorf("another role of the partition: epoch %d (error %v), want 1", other, err)
	}
}

func numbersWithoutGaps(t *testing.T, s *sqlstore.Store) {
	insert(t, s, newTicket("bus-7", "a"))
	update(t, s, func(ctx context.Context, tx tickets.Tx) error {
		ticket := newTicket("bus-7", "a")
		if err := tx.Insert(ctx, &ticket); !errors.Is(err, tickets.ErrConflict) {
			t.Errorf("error %v, want ErrConflict", err)
		}
		return nil
	})
	if ticket := insert(t, s, newTicket("bus-7", "b"))[0]; ticket.Number != "T-000002" {
		t.Errorf("the second ticket has number %s", ticket.Number)
	}
}

func evidenceIsUnique(t *testing.T, s *sqlstore.Store) {
	for i, want := range []bool{true, false} {
		update(t, s, func(ctx context.Context, tx tickets.Tx) error {
			added, err := tx.Attach(ctx, finding("f-1", "bus-7"))
			if added != want {
				t.Errorf("attaching for the %d. time: added %t, want %t", i+1, added, want)
			}
			return err
		})
	}
}

// telling: of each ticket the newest finding that is not the end of a fault; none of tickets without findings and of other tenants.
func telling(t *testing.T, s *sqlstore.Store) {
	all := insert(t, s, newTicket("bus-1", "overheat"), newTicket("bus-2", "overheat"), newTicket("bus-3", "overheat"))
	update(t, s, func(ctx context.Context, tx tickets.Tx) error {
		for i, c := range []struct {
			ticket string
			phase  detectors.Phase
			minute int
		}{
			{all[0].ID, detectors.Raised, 1}, {all[0].ID, detectors.Continued, 5}, {all[0].ID, detectors.Continued, 3}, {all[0].ID, detectors.Cleared, 9},
			{all[1].ID, detectors.Cleared, 2}, {"", detectors.Raised, 7},
		} {
			e := finding(fmt.Sprintf("f-%d", i), "bus-1")
			e.Ticket, e.Phase, e.Time = c.ticket, c.phase, epoch.Add(time.Duration(c.minute)*time.Minute).UnixMilli()
			if _, err := tx.Attach(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
	got, err := s.Telling(t.Context(), tenant, []string{all[0].ID, all[1].ID, all[2].ID, "unknown", ""})
	if err != nil || len(got) != 1 || got[all[0].ID].ID != "f-1" || got[all[0].ID].Tenant != tenant || len(got[all[0].ID].Signals) != 1 {
		t.Errorf("told %+v (error %v), want f-1 of the first ticket", got, err)
	}
	if got, err := s.Telling(t.Context(), tenant, nil); err != nil || len(got) != 0 {
		t.Errorf("no tickets tell %+v (error %v)", got, err)
	}
	if got, err := s.Telling(t.Context(), "other", []string{all[0].ID}); err != nil || len(got) != 0 {
		t.Errorf("another tenant is told %+v (error %v)", got, err)
	}
}

func findings(t *testing.T, s *sqlstore.Store) {
	update(t, s, func(ctx context.Context, tx tickets.Tx) error {
		for i := range 7 {
			e := finding(fmt.Sprintf("f-%d", i), fmt.Sprintf("bus-%d", i%2))
			e.Time = epoch.Add(time.Duration(i/2) * time.Minute).UnixMilli()
			if i%3 == 0 {
				e.Withheld = "warm-up"
			} else {
				e.Ticket = "ticket-1"
			}
			if i == 6 {
				e.Phase, e.Detector, e.Component = detectors.Cleared, "silence", "device"
			}
			if _, err := tx.Attach(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
	for _, c := range []struct {
		name   string
		filter tickets.FindingFilter
		want   []string
	}{
		{"all, newest first", tickets.FindingFilter{}, []string{"f-6", "f-5", "f-4", "f-3", "f-2", "f-1", "f-0"}},
		{"device", tickets.FindingFilter{Device: "bus-1"}, []string{"f-5", "f-3", "f-1"}},
		{"withheld", tickets.FindingFilter{Withheld: ptr(true)}, []string{"f-6", "f-3", "f-0"}},
		{"not withheld", tickets.FindingFilter{Withheld: ptr(false)}, []string{"f-5", "f-4", "f-2", "f-1"}},
		{"ticket", tickets.FindingFilter{Ticket: "ticket-1"}, []string{"f-5", "f-4", "f-2", "f-1"}},
		{"detector", tickets.FindingFilter{Detector: "silence"}, []string{"f-6"}},
		{"component", tickets.FindingFilter{Component: "device"}, []string{"f-6"}},
		{"phase", tickets.FindingFilter{Phase: detectors.Cleared}, []string{"f-6"}},
		{"half-open interval", tickets.FindingFilter{From: epoch.Truncate(time.Millisecond).Add(time.Minute), To: epoch.Truncate(time.Millisecond).Add(2 * time.Minute)}, []string{"f-3", "f-2"}},
	} {
		var got []string
		for pages := 0; ; pages++ {
			c.filter.Limit = 2
			page, next, err := s.Findings(t.Context(), tenant, c.filter)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			for _, e := range page {
				got = append(got, e.ID)
				if e.Tenant != tenant || len(e.Signals) != 1 || !e.RecordedAt.Equal(epoch) {
					t.Errorf("%s: finding came back as %+v", c.name, e)
				}
			}
			if next == "" || pages > 10 {
				break
			}
			c.filter.Cursor = next
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
	if _, _, err := s.Findings(t.Context(), tenant, tickets.FindingFilter{Cursor: "nonsense"}); !errors.Is(err, sqlstore.ErrBadCursor) {
		t.Errorf("bad cursor: error %v", err)
	}
}

func historyAndDiagnosis(t *testing.T, s *sqlstore.Store) {
	ticket := insert(t, s, newTicket("bus-7", "overheat"))[0]
	sealed := []byte(`{"b": 1,  "a": 1.0}`)
	update(t, s, func(ctx context.Context, tx tickets.Tx) error {
		for _, e := range []tickets.Entry{
			{Ticket: ticket.ID, At: epoch, Actor: "presage", Kind: "opened", Rule: "coolant"},
			{Ticket: ticket.ID, At: epoch, Actor: "presage", Kind: "assigned", To: "t-1", Dispatch: &tickets.Dispatch{Technician: "t-1"}},
			{Ticket: ticket.ID, At: epoch.Add(time.Minute), Actor: "anna", Kind: "comment", Note: "on my way\x00"},
		} {
			if err := tx.Record(ctx, e); err != nil {
				return err
			}
		}
		if _, err := tx.Diagnosis(ctx, ticket.ID); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("diagnosis before there is one: error %v, want ErrNotFound", err)
		}
		if err := tx.PutDiagnosis(ctx, ticket.ID, []byte("{}")); err != nil {
			return err
		}
		return tx.PutDiagnosis(ctx, ticket.ID, sealed)
	})
	entries, err := s.History(t.Context(), tenant, ticket.ID)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, e := range entries {
		kinds = append(kinds, e.Kind)
		if e.ID == "" || e.Ticket != ticket.ID {
			t.Errorf("entry came back as %+v", e)
		}
	}
	if want := []string{"opened", "assigned", "comment"}; !reflect.DeepEqual(kinds, want) {
		t.Errorf("history is %v, want %v", kinds, want)
	}
	if entries[1].Dispatch == nil || entries[1].Dispatch.Technician != "t-1" {
		t.Errorf("the dispatch was lost: %+v", entries[1])
	}
	got, err := s.Diagnosis(t.Context(), tenant, ticket.ID)
	if err != nil || string(got) != string(sealed) {
		t.Errorf("diagnosis came back as %q (error %v), want it byte for byte", got, err)
	}
}

func loads(t *testing.T, s *sqlstore.Store) {
	a, b, c := newTicket("d-1", "x"), newTicket("d-2", "x"), newTicket("d-3", "x")
	b.Assignee, c.Assignee, c.Station = "t-2", "", ""
	stored := insert(t, s, a, b, c)
	update(t, s, func(ctx context.Context, tx tickets.Tx) error {
		// What the transaction itself has done counts.
		moved := stored[0]
		moved.Assignee = "t-2"
		if err := tx.Save(ctx, &moved); err != nil {
			return err
		}
		technicians, stations, err := tx.Loads(ctx)
		if technicians["t-2"] != 2 || technicians["t-1"] != 0 || stations["hamburg"] != 2 || len(stations) != 1 {
			t.Errorf("loads are %v and %v", technicians, stations)
		}
		return err
	})
}

func tenants(t *testing.T, s *sqlstore.Store) {
	ticket := insert(t, s, newTicket("bus-7", "overheat"))[0]
	if _, err := s.Ticket(t.Context(), "other", ticket.ID); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("another tenant reads the ticket: error %v", err)
	}
	err := s.Update(t.Context(), "other", tickets.Fence{}, func(ctx context.Context, tx tickets.Tx) error {
		same := newTicket("bus-7", "overheat")
		if err := tx.Insert(ctx, &same); err != nil {
			return err
		}
		if same.Number != "T-000001" {
			t.Errorf("the first ticket of another tenant has number %s", same.Number)
		}
		if _, err := tx.Ticket(ctx, ticket.ID); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("another tenant reads the ticket in a transaction: error %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.List(t.Context(), tenant, tickets.Filter{})
	if err != nil || page.Total != 1 || page.Tickets[0].ID != ticket.ID {
		t.Errorf("list of the first tenant: %+v (error %v)", page, err)
	}
}
