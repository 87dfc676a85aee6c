package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/tickets/quality"
)

// opened stores a ticket of a device with the findings of two rules, of which "hot" opened it.
func opened(t *testing.T, s *sqlstore.Store, device, model string, at time.Time, closed string) tickets.Ticket {
	t.Helper()
	ticket := newTicket(device, "overheat")
	ticket.OnsetAt, ticket.OpenedAt, ticket.RecordedAt, ticket.UpdatedAt, ticket.LastSeenAt = at.Add(-time.Minute), at, at, at, at
	ticket.Facts.Model = model
	err := s.Update(t.Context(), tenant, tickets.Fence{}, func(ctx context.Context, tx tickets.Tx) error {
		ticket.ID, ticket.Revision = "", 0
		if err := tx.Insert(ctx, &ticket); err != nil {
			return err
		}
		for i, rule := range []string{"hot", "late-comer"} {
			f := detectors.Finding{ID: device + rule + at.String(), Tenant: tenant, Device: device, Component: ticket.Component, FaultCode: "overheat",
				Detector: "limit", Rule: rule, Phase: detectors.Raised, Time: at.UnixMilli() - int64(i)*1000}
			if _, err := tx.Attach(ctx, tickets.Evidence{Finding: f, Ticket: ticket.ID, RecordedAt: at.Add(time.Duration(i) * time.Second)}); err != nil {
				return err
			}
		}
		if closed != "" {
			ticket.Category, ticket.State, ticket.Resolution, ticket.ClosedAt = tickets.CategoryDone, "closed", closed, at.Add(time.Hour)
			return tx.Save(ctx, &ticket)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

func outcomes(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	opened(t, s, "d0", "X1", epoch.Add(-time.Hour), tickets.ResolutionRepaired)
	a := opened(t, s, "d1", "X1", epoch, tickets.ResolutionNoFaultFound)
	b := opened(t, s, "d2", "", epoch.Add(time.Minute), "")
	got, err := s.Outcomes(ctx, tenant, epoch)
	if err != nil {
		t.Fatal(err)
	}
	want := []quality.Ticket{
		{Subject: quality.Subject{Rule: "hot"}, ID: b.ID, Number: b.Number, Device: "d2", Component: b.Component, FaultCode: "overheat", Open: true, Onset: b.OnsetAt, Opened: b.OpenedAt},
		{Subject: quality.Subject{Rule: "hot", Model: "X1"}, ID: a.ID, Number: a.Number, Device: "d1", Component: a.Component, FaultCode: "overheat", Resolution: tickets.ResolutionNoFaultFound,
			Onset: a.OnsetAt, Opened: a.OpenedAt, Closed: a.ClosedAt},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("outcomes\n%+v, want\n%+v", got, want)
	}
	if got, err := s.Outcomes(ctx, "other", epoch); err != nil || len(got) != 0 {
		t.Errorf("another tenant sees %+v (error %v)", got, err)
	}
}

func trials(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	opened(t, s, "d1", "X1", epoch, "")
	err := s.Update(ctx, tenant, tickets.Fence{}, func(ctx context.Context, tx tickets.Tx) error {
		for i, f := range []detectors.Finding{
			{Device: "d1", Component: "cooling", Rule: "new", Phase: detectors.Raised, Withheld: detectors.WithheldShadow},
			{Device: "d2", Component: "cooling", Rule: "new", Phase: detectors.Raised, Withheld: detectors.WithheldShadow},
			{Device: "d2", Component: "cooling", Rule: "new", Phase: detectors.Cleared, Withheld: detectors.WithheldShadow},
			{Device: "d2", Component: "cooling", Rule: "old", Phase: detectors.Raised, Withheld: detectors.WithheldInhibited},
		} {
			f.ID, f.Tenant, f.Time = string(rune('a'+i)), tenant, epoch.Add(time.Minute).UnixMilli()
			if _, err := tx.Attach(ctx, tickets.Evidence{Finding: f, RecordedAt: epoch}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Trials(ctx, tenant, epoch)
	if want := []quality.Trial{{Subject: quality.Subject{Rule: "new"}, Raised: 2, Ticketed: 1}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("trials %+v (error %v), want %+v", got, err, want)
	}
	if got, err := s.Trials(ctx, tenant, epoch.Add(time.Hour)); err != nil || len(got) != 0 {
		t.Errorf("later: %+v (error %v)", got, err)
	}
}

// A notice of a change goes out with it, about no ticket; a change that is refused tells nobody.
func stageNotices(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	v := quality.Setting{Subject: quality.Subject{Rule: "hot", Model: "X1"}, Stage: detectors.StageShadow, By: quality.ByReview, Reason: "noisy", At: epoch}
	notice := tickets.Event{Type: tickets.EventDetectorDropped, At: epoch, Detector: &tickets.DetectorNotice{Rule: "hot", Model: "X1", Stage: "shadow", Reason: "noisy"}}
	if err := s.SetStage(ctx, tenant, v, notice); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Wake():
	default:
		t.Error("not woken by a notice")
	}
	if err := s.SetStage(ctx, tenant, v, notice); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("the same change again: error %v, want ErrConflict", err)
	}
	events, err := s.ClaimEvents(ctx, "relay", epoch, time.Minute, 10)
	if err != nil || len(events) != 1 {
		t.Fatalf("events %+v (error %v)", events, err)
	}
	notice.ID, notice.Tenant = events[0].ID, tenant
	if !reflect.DeepEqual(events[0], notice) {
		t.Errorf("event %+v, want %+v", events[0], notice)
	}
	if err := s.PutDelivery(ctx, "crm", events[0], epoch); err != nil {
		t.Fatal(err)
	}
	claimed, err := s.ClaimDeliveries(ctx, "crm", epoch, time.Minute, 10)
	if err != nil || len(claimed) != 1 || !reflect.DeepEqual(claimed[0].Event, notice) {
		t.Errorf("delivered as %+v (error %v), want %+v", claimed, err, notice)
	}
	if body, err := json.Marshal(notice); err != nil || strings.Contains(string(body), `"ticket"`) {
		t.Errorf("the notice is written as %s (error %v)", body, err)
	}
}

func stages(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	shadow := quality.Setting{Subject: quality.Subject{Rule: "hot", Model: "X1"}, Stage: detectors.StageShadow, By: quality.ByReview, Reason: "noisy", At: epoch}
	back := shadow.WithStage("", 0, "anna", "sensor replaced", epoch.Add(time.Minute)).WithLevel(1.25, "anna", "noisy", epoch.Add(time.Minute))
	canary := quality.Setting{Subject: quality.Subject{Rule: "cold"}, Stage: detectors.StageCanary, Canary: 0.1, By: "anna", At: epoch}
	for _, v := range []quality.Setting{shadow, back, canary} {
		if err := s.SetStage(ctx, tenant, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SetStage(ctx, tenant, shadow); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("a change that came too late: error %v, want ErrConflict", err)
	}
	if got, err := s.StageSettings(ctx, tenant); err != nil || !reflect.DeepEqual(got, []quality.Setting{canary, back}) {
		t.Errorf("settings %+v (error %v)", got, err)
	}
	if got, err := s.StageChanges(ctx, tenant); err != nil || !reflect.DeepEqual(got, []quality.Setting{canary, back, shadow}) {
		t.Errorf("changes %+v (error %v)", got, err)
	}
	if got, err := s.StageSettings(ctx, "other"); err != nil || len(got) != 0 {
		t.Errorf("another tenant sees %+v (error %v)", got, err)
	}
}

// Failures come with the model that their device has now; those of devices that nobody knows are left out.
func modelFailures(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	putFleet(t, s, smallFleet())
	a := quality.Failure{Device: "bus-1", Component: "cooling", FailedAt: epoch, Code: "P0217"}
	b := quality.Failure{Device: "bus-1", Component: "device", FailedAt: epoch.Add(time.Hour)}
	stranger := quality.Failure{Device: "stranger", Component: "device", FailedAt: epoch}
	if _, err := s.PutFailures(ctx, tenant, []quality.Failure{b, stranger, a}, epoch); err != nil {
		t.Fatal(err)
	}
	want := []quality.ModelFailure{{Failure: a, Model: "bus"}, {Failure: b, Model: "bus"}}
	if got, err := s.ModelFailures(ctx, tenant, epoch, epoch.Add(2*time.Hour)); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("failures %+v (error %v), want %+v", got, err, want)
	}
	if got, err := s.ModelFailures(ctx, tenant, epoch, epoch.Add(time.Hour)); err != nil || !reflect.DeepEqual(got, want[:1]) {
		t.Errorf("failures of the first hour %+v (error %v)", got, err)
	}
	if got, err := s.ModelFailures(ctx, "other", epoch, epoch.Add(2*time.Hour)); err != nil || len(got) != 0 {
		t.Errorf("another tenant sees %+v (error %v)", got, err)
	}
}
