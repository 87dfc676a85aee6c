package web

import (
	"slices"
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
	w.judged = []quality.Ticket{
		{Subject: hot, ID: "a", Device: "d1", Number: "T-1", Resolution: tickets.ResolutionNoFaultFound, Onset: epoch, Opened: epoch, Closed: epoch.Add(time.Hour)},
		{Subject: hot, ID: "b", Device: "d2", Number: "T-2", Resolution: tickets.ResolutionRepaired, Onset: epoch, Opened: epoch.Add(time.Minute), Closed: epoch.Add(time.Hour)},
		{Subject: quality.Subject{Rule: "hot", Model: "X2"}, ID: "c", Device: "d3", Open: true, Opened: epoch},
	}
	w.broke = []quality.ModelFailure{
		{Failure: quality.Failure{Device: "d2", FailedAt: epoch.Add(61 * time.Minute)}, Model: "X1"}, {Failure: quality.Failure{Device: "d4", FailedAt: epoch.Add(time.Hour)}, Model: "X1"},
	}
	w.steps = []quality.Setting{quality.Setting{Subject: quality.Subject{Rule: detectors.BaseRule, Model: "X1"}}.WithLevel(1.25, quality.ByReview, "x", epoch)}
	w.stages = []quality.Setting{{Subject: hot, Stage: detectors.StageShadow, By: quality.ByReview, At: epoch}}
	viewer := w.token(t, access.Viewer)
	got := decode[DetectorReport](t, request{method: "GET", path: "/api/v1/detectors?days=30", token: viewer}.send(t, s), 200)
	if len(got.Detectors) != 4 || len(got.Models) != 2 || len(got.Changes) != 1 {
		t.Fatalf("report %+v", got)
	}
	if m := got.Models[0]; m.Subject != (quality.Subject{Model: "X1"}) || m.Failures != 2 || m.Found != 1 || *m.Recall != 0.5 || m.Lead.Median != 3600 {
		t.Errorf("model %+v", m)
	}
	if r := got.Detectors[0]; r.Rule != detectors.BaseRule || r.Setting != nil || r.Suggested == nil || r.Suggested.Level != 1.25 {
		t.Errorf("suggestion %+v", r)
	}
	live, canary := detectors.StageLive, detectors.StageCanary
	if want := []RuleStage{{hot, detectors.StageShadow, 0}, {quality.Subject{Rule: "hot", Model: "X2"}, live, 0}, {quality.Subject{Rule: "new", Model: "X1"}, canary, 0.25}}; !slices.Equal(got.Rules, want) {
		t.Errorf("rules %+v, want %+v", got.Rules, want)
	}
	r := got.Detectors[1]
	if r.Subject != hot || r.Tickets != 2 || *r.Precision != 0.5 || *r.FalsePerDeviceMonth != 0.1 || *r.DelaySeconds != 60 || r.Setting == nil || r.Setting.Stage != detectors.StageShadow {
		t.Errorf("record %+v", r)
	}
	if r := got.Detectors[3]; r.Rule != "new" || r.TrialRaised != 3 || r.TrialTicketed != 1 || r.Setting != nil {
		t.Errorf("record on trial %+v", r)
	}
	behind := decode[DetectorTickets](t, request{method: "GET", path: "/api/v1/detectors/hot/tickets?model=X1", token: viewer}.send(t, s), 200)
	if len(behind.Tickets) != 2 || behind.Tickets[0].Label != tickets.Refuted || behind.Tickets[1].Label != tickets.Confirmed {
		t.Errorf("tickets %+v", behind.Tickets)
	}
}

// Rules that dropped by themselves are told of until somebody changes their stage, newest first.
func TestNotices(t *testing.T) {
	s, w := newServer(t, nil)
	by := func(rule, who string, stage detectors.Stage, at time.Time) quality.Setting {
		return quality.Setting{Subject: quality.Subject{Rule: rule, Model: "X1"}, Stage: stage, By: who, Reason: "mostly wrong", At: at}
	}
	w.stages = []quality.Setting{
		by("old", quality.ByReview, detectors.StageShadow, epoch), by("hot", quality.ByReview, detectors.StageShadow, epoch.Add(time.Hour)),
		by("trial", "pia", detectors.StageShadow, epoch), by("back", "pia", "", epoch),
	}
	got := decode[Notices](t, request{method: "GET", path: "/api/v1/notices", token: w.token(t, access.Dispatcher)}.send(t, s), 200).Notices
	if len(got) != 2 || got[0].Detector != (tickets.DetectorNotice{Rule: "hot", Model: "X1", Stage: "shadow", Reason: "mostly wrong"}) || got[1].Detector.Rule != "old" {
		t.Errorf("notices %+v", got)
	}
	read(t, request{method: "GET", path: "/api/v1/notices", token: w.token(t, access.Technician)}.send(t, s), 403)
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

// A change of the level keeps the stage and the other way round.
func TestSetDetectorLevel(t *testing.T) {
	s, w := newServer(t, nil)
	put := func(role access.Role, rule, what, text string, status int) {
		t.Helper()
		read(t, request{method: "PUT", path: "/api/v1/detectors/" + rule + "/" + what, token: w.token(t, role), body: text}.send(t, s), status)
	}
	put(access.Dispatcher, "base", "level", `{"model": "X1", "level": 1.25, "reason": "x"}`, 403)
	put(access.Planner, "hot", "level", `{"model": "X1", "level": 1.25, "reason": "x"}`, 422)
	put(access.Planner, "base", "level", `{"model": "X1", "level": 2.1, "reason": "x"}`, 422)
	put(access.Planner, "base", "level", `{"model": "X1", "level": 0.4, "reason": "x"}`, 422)
	if len(w.stages) != 0 {
		t.Fatalf("refused, yet %+v", w.stages)
	}
	w.stages = []quality.Setting{{Subject: quality.Subject{Rule: detectors.BaseRule, Model: "X1"}, Stage: detectors.StageCanary, Canary: 0.2, Level: 1.1, LevelAt: epoch, By: "anna", At: epoch}}
	put(access.Planner, "base", "level", `{"model": "X1", "level": 1.25, "reason": "noisy"}`, 204)
	put(access.Planner, "base", "stage", `{"model": "X1", "stage": "live", "reason": "trial is over"}`, 204)
	if v := w.stages[1]; v.Stage != detectors.StageCanary || v.Canary != 0.2 || v.Level != 1.25 || v.Reason != "noisy" || !v.LevelAt.Equal(v.At) || v.At.Equal(epoch) {
		t.Errorf("level stored as %+v", v)
	}
	if v := w.stages[2]; v.Stage != detectors.StageLive || v.Level != 1.1 || !v.LevelAt.Equal(epoch) { // the fake finds the first
		t.Errorf("stage stored as %+v", v)
	}
	put(access.Planner, "base", "level", `{"model": "X2", "level": 1, "reason": "back"}`, 204)
	if v := w.stages[3]; v.Level != 0 || v.Model != "X2" {
		t.Errorf("the catalogue's level is stored as %+v", v)
	}
}
