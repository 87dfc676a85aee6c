package web

import (
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/tickets/quality"
)

// What is known of a rule and model stands in one record, with the tickets behind it.
func TestDetectors(t *testing.T) {
	s, w := newServer(t, nil)
	hot := quality.Subject{Rule: "hot", Model: "X1"}
	w.outcomes = []quality.Outcome{
		{Subject: hot, Ticket: "a", Number: "T-1", Resolution: tickets.ResolutionNoFaultFound, Onset: epoch, Opened: epoch, Closed: epoch.Add(time.Hour)},
		{Subject: hot, Ticket: "b", Number: "T-2", Resolution: tickets.ResolutionRepaired, Onset: epoch, Opened: epoch.Add(time.Minute), Closed: epoch.Add(time.Hour)},
		{Subject: quality.Subject{Rule: "hot", Model: "X2"}, Ticket: "c", Open: true},
	}
	w.stages = []quality.Setting{{Subject: hot, Stage: detectors.StageShadow, By: quality.ByReview, At: epoch}}
	viewer := w.token(t, access.Viewer)
	got := decode[DetectorReport](t, request{method: "GET", path: "/api/v1/detectors?days=30", token: viewer}.send(t, s), 200)
	if len(got.Detectors) != 3 || len(got.Changes) != 1 {
		t.Fatalf("report %+v", got)
	}
	r := got.Detectors[0]
	if r.Subject != hot || r.Tickets != 2 || *r.Precision != 0.5 || *r.FalsePerDeviceMonth != 0.1 || *r.DelaySeconds != 60 || r.Setting == nil || r.Setting.Stage != detectors.StageShadow {
		t.Errorf("record %+v", r)
	}
	if r := got.Detectors[2]; r.Rule != "new" || r.TrialRaised != 3 || r.TrialTicketed != 1 || r.Setting != nil {
		t.Errorf("record on trial %+v", r)
	}
	behind := decode[DetectorTickets](t, request{method: "GET", path: "/api/v1/detectors/hot/tickets?model=X1", token: viewer}.send(t, s), 200)
	if len(behind.Tickets) != 2 || behind.Tickets[0].Label != tickets.Refuted || behind.Tickets[1].Label != tickets.Confirmed {
		t.Errorf("tickets %+v", behind.Tickets)
	}
}

func TestSetDetectorStage(t *testing.T) {
	s, w := newServer(t, nil)
	put := func(role access.Role, text string, status int) {
		t.Helper()
		read(t, request{method: "PUT", path: "/api/v1/detectors/hot/stage", token: w.token(t, role), body: text}.send(t, s), status)
	}
	put(access.Dispatcher, `{"model": "X1", "stage": "live", "reason": "x"}`, 403)
	put(access.Planner, `{"model": "X1", "stage": "canary", "reason": "x"}`, 422)
	put(access.Planner, `{"model": "X1", "stage": "live", "canary": 0.1, "reason": "x"}`, 422)
	put(access.Planner, `{"model": "X1", "stage": "live", "reason": ""}`, 422)
	if len(w.stages) != 0 {
		t.Fatalf("refused, yet %+v", w.stages)
	}
	put(access.Planner, `{"model": "X1", "stage": "canary", "canary": 0.1, "reason": "new sensor"}`, 204)
	put(access.Admin, `{"model": "X1", "stage": "catalogue", "reason": "trial is over"}`, 204)
	if v := w.stages[0]; v.Stage != detectors.StageCanary || v.Canary != 0.1 || v.Reason != "new sensor" || v.By == "" || v.At.IsZero() {
		t.Errorf("stored %+v", v)
	}
	if v := w.stages[1]; v.Stage != "" {
		t.Errorf("back to the catalogue is stored as %+v", v)
	}
}
