package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/tickets/quality"
)

// DetectorReport is how the rules did within a window, and who changed their stages and levels.
type DetectorReport struct {
	Days      int              `json:"days"`
	Detectors []DetectorRecord `json:"detectors"`
	// Models are the figures of all rules together, by model; their rule is empty.
	Models []quality.Figures `json:"models"`
	// Rules are all rules of the catalogue in force on every model, with the stages that they have now, by rule, then model.
	Rules []RuleStage `json:"rules"`
	// Changes are the newest 200 changes of stages and levels, newest first, whatever the window.
	Changes []quality.Setting `json:"changes"`
}

// DetectorRecord is a rule on the devices of a model: one that opened a ticket, found something on trial, or has a stage of its own.
type DetectorRecord struct {
	quality.Figures
	// TrialRaised are the faults found on trial, TrialTicketed those of them whose component had an open ticket anyway: the
	// difference is what the rule would have added.
	TrialRaised   int `json:"trial_raised"`
	TrialTicketed int `json:"trial_ticketed"`
	// Setting is the last change of its stage or level, absent when there was none.
	Setting *quality.Setting `json:"setting,omitempty"`
	// Suggested is the setting with a level that would suit what became known better, absent when there is none.
	Suggested *quality.Setting `json:"suggested,omitempty"`
}

// RuleStage is the stage that a rule has on the devices of a model.
type RuleStage struct {
	quality.Subject
	Stage  detectors.Stage `json:"stage" enum:"shadow,canary,live"`
	Canary float64         `json:"canary,omitempty"` // the share of the devices on which a canary is live
}

// DetectorTickets are the tickets behind the figures of a rule, newest first.
type DetectorTickets struct {
	Tickets []DetectorTicket `json:"tickets"`
}

// DetectorTicket is a ticket and what it says of its rule.
type DetectorTicket struct {
	ID       string        `json:"id"`
	Number   string        `json:"number"`
	Label    tickets.Label `json:"label,omitempty" enum:"confirmed,refuted" doc:"Absent while nothing is known."`
	Onset    time.Time     `json:"onset_at"`
	Opened   time.Time     `json:"opened_at"`
	Closed   time.Time     `json:"closed_at,omitzero"`
	Resolved string        `json:"resolution,omitempty"`
}

// Notices are what Presage did by itself and people should know of, newest first, until somebody decides otherwise.
type Notices struct {
	Notices []Notice `json:"notices"`
}

// Notice is one of them.
type Notice struct {
	Type     string                 `json:"type" enum:"detector.dropped"`
	At       time.Time              `json:"at"`
	Detector tickets.DetectorNotice `json:"detector"`
}

type detectorsQuery struct {
	Days int `query:"days" minimum:"1" maximum:"400" default:"90" doc:"Tickets opened and findings made within so many days count."`
}

type detectorTicketsQuery struct {
	Rule  string `path:"rule" minLength:"1" maxLength:"64"`
	Model string `query:"model" maxLength:"128" doc:"Devices without a model when empty."`
	Days  int    `query:"days" minimum:"1" maximum:"400" default:"90"`
}

type stageInput struct {
	Rule string `path:"rule" minLength:"1" maxLength:"64"`
	Body struct {
		Model string `json:"model" maxLength:"128" doc:"Devices without a model when empty."`
		// Stage is one of the three, or catalogue: what the catalogue says counts again.
		Stage  string  `json:"stage" enum:"shadow,canary,live,catalogue"`
		Canary float64 `json:"canary,omitempty" minimum:"0" maximum:"0.99" doc:"The share of the devices on which a canary is live, such as 0.1."`
		Reason string  `json:"reason" minLength:"1" maxLength:"500" doc:"Why, for whoever looks later."`
	}
}

type levelInput struct {
	Rule string `path:"rule" minLength:"1" maxLength:"64" doc:"Only base, the statistical tier, has a level."`
	Body struct {
		Model  string  `json:"model" maxLength:"128" doc:"Devices without a model when empty."`
		Level  float64 `json:"level" minimum:"0.5" maximum:"2" doc:"Multiplies the evidence that is needed for a ticket; 1 is that of the catalogue."`
		Reason string  `json:"reason" minLength:"1" maxLength:"500" doc:"Why, for whoever looks later."`
	}
}

func (s *Server) detectorRoutes() {
	handle(s, operation{id: "list-detectors", method: "GET", path: "/api/v1/detectors", summary: "How the rules did by model, and changes of their stages", tag: "catalogue", heavy: true}, s.listDetectors)
	handle(s, operation{id: "list-detector-tickets", method: "GET", path: "/api/v1/detectors/{rule}/tickets", summary: "The tickets behind the figures of a rule", tag: "catalogue", heavy: true}, s.listDetectorTickets)
	handle(s, operation{id: "list-notices", method: "GET", path: "/api/v1/notices", summary: "What Presage did by itself and people should know of", tag: "operation"}, s.listNotices)
	handle(s, operation{id: "set-detector-stage", method: "PUT", path: "/api/v1/detectors/{rule}/stage", summary: "Set the stage of a rule on the devices of a model", tag: "catalogue", status: http.StatusNoContent}, s.setDetectorStage)
	handle(s, operation{id: "set-detector-level", method: "PUT", path: "/api/v1/detectors/{rule}/level", summary: "Set how much evidence a rule needs on the devices of a model", tag: "catalogue", status: http.StatusNoContent}, s.setDetectorLevel)
}

func (s *Server) listNotices(ctx context.Context, who access.Principal, _ *none) (*body[Notices], error) {
	settings, err := s.cfg.Detectors.StageSettings(ctx, who.Tenant)
	if err != nil {
		return nil, err
	}
	out := Notices{Notices: []Notice{}}
	for _, v := range settings {
		if v.By == quality.ByReview && v.Stage == detectors.StageShadow {
			out.Notices = append(out.Notices, Notice{Type: tickets.EventDetectorDropped, At: v.At,
				Detector: tickets.DetectorNotice{Rule: v.Rule, Model: v.Model, Stage: string(v.Stage), Reason: v.Reason}})
		}
	}
	slices.SortStableFunc(out.Notices, func(a, b Notice) int { return b.At.Compare(a.At) })
	return answer(out), nil
}

func (s *Server) listDetectors(ctx context.Context, who access.Principal, in *detectorsQuery) (*body[DetectorReport], error) {
	since := time.Now().UTC().AddDate(0, 0, -in.Days)
	known, err := s.cfg.Detectors.Known(ctx, who.Tenant, since)
	if err != nil {
		return nil, err
	}
	steps, err := s.cfg.Detectors.LevelSteps(ctx, who.Tenant)
	if err != nil {
		return nil, err
	}
	trials, err := s.cfg.Detectors.Trials(ctx, who.Tenant, since)
	if err != nil {
		return nil, err
	}
	settings, err := s.cfg.Detectors.StageSettings(ctx, who.Tenant)
	if err != nil {
		return nil, err
	}
	changes, err := s.cfg.Detectors.StageChanges(ctx, who.Tenant)
	if err != nil {
		return nil, err
	}
	if changes == nil {
		changes = []quality.Setting{}
	}
	rules, models, err := quality.Assess(known)
	if err != nil {
		return nil, err
	}
	return answer(DetectorReport{
		Days: in.Days, Detectors: records(rules, trials, settings, steps), Models: models,
		Rules: stages(s.cfg.Detectors.Rules(who.Tenant), settings), Changes: changes,
	}), nil
}

// stages puts the stages that differ from the catalogue's over those of its rules.
func stages(rules []RuleStage, settings []quality.Setting) []RuleStage {
	set := map[quality.Subject]quality.Setting{}
	for _, v := range settings {
		set[v.Subject] = v
	}
	all := make([]RuleStage, len(rules))
	for i, r := range rules {
		if v := set[r.Subject]; v.Stage != "" {
			r.Stage, r.Canary = v.Stage, v.Canary
		}
		all[i] = r
	}
	slices.SortFunc(all, func(a, b RuleStage) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Model, b.Model))
	})
	return all
}

// records lays what is known of each rule and model together, by rule, then model.
func records(figures []quality.Figures, trials []quality.Trial, settings, steps []quality.Setting) []DetectorRecord {
	all := make([]DetectorRecord, 0, len(figures)+len(trials)+len(settings))
	at := map[quality.Subject]int{}
	of := func(subject quality.Subject) *DetectorRecord {
		i, ok := at[subject]
		if !ok {
			i = len(all)
			at[subject] = i
			all = append(all, DetectorRecord{Figures: quality.Figures{Subject: subject}})
		}
		return &all[i]
	}
	for _, f := range figures {
		of(f.Subject).Figures = f
	}
	for _, t := range trials {
		r := of(t.Subject)
		r.TrialRaised, r.TrialTicketed = t.Raised, t.Ticketed
	}
	for _, v := range settings {
		of(v.Subject).Setting = &v
	}
	for _, v := range steps {
		of(v.Subject).Suggested = &v
	}
	slices.SortFunc(all, func(a, b DetectorRecord) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Model, b.Model))
	})
	return all
}

func (s *Server) listDetectorTickets(ctx context.Context, who access.Principal, in *detectorTicketsQuery) (*body[DetectorTickets], error) {
	known, err := s.cfg.Detectors.Known(ctx, who.Tenant, time.Now().UTC().AddDate(0, 0, -in.Days))
	if err != nil {
		return nil, err
	}
	labels, err := known.Labels()
	if err != nil {
		return nil, err
	}
	out := DetectorTickets{Tickets: []DetectorTicket{}}
	for i := range known.Tickets {
		if t := &known.Tickets[i]; t.Subject == (quality.Subject{Rule: in.Rule, Model: in.Model}) && !t.Opened.Before(known.Span.From) {
			out.Tickets = append(out.Tickets, DetectorTicket{ID: t.ID, Number: t.Number, Label: labels[i], Onset: t.Onset, Opened: t.Opened, Closed: t.Closed, Resolved: t.Resolution})
		}
	}
	return answer(out), nil
}

func (s *Server) setDetectorStage(ctx context.Context, who access.Principal, in *stageInput) (*none, error) {
	canary := in.Body.Stage == string(detectors.StageCanary)
	if canary != (in.Body.Canary > 0) {
		return nil, invalid("body.canary", "A canary needs the share of the devices on which it is live, above 0; other stages have none.")
	}
	stage := detectors.Stage(in.Body.Stage)
	if in.Body.Stage == "catalogue" {
		stage = ""
	}
	v, err := s.detectorSetting(ctx, who.Tenant, in.Rule, in.Body.Model)
	if err != nil {
		return nil, err
	}
	v = v.WithStage(stage, in.Body.Canary, who.User, in.Body.Reason, time.Now().UTC())
	if err := s.cfg.Detectors.SetStage(ctx, who.Tenant, v); err != nil {
		return nil, fmt.Errorf("stage of rule %s: %w", in.Rule, err)
	}
	s.cfg.Log.Info("stage of a rule changed", "rule", v.Rule, "model", v.Model, "stage", in.Body.Stage, "user", who.User)
	return nil, nil
}

func (s *Server) setDetectorLevel(ctx context.Context, who access.Principal, in *levelInput) (*none, error) {
	if in.Rule != detectors.BaseRule {
		return nil, invalid("path.rule", "Only the statistical tier, base, has a level: change what other rules say in the catalogue.")
	}
	v, err := s.detectorSetting(ctx, who.Tenant, in.Rule, in.Body.Model)
	if err != nil {
		return nil, err
	}
	v = v.WithLevel(in.Body.Level, who.User, in.Body.Reason, time.Now().UTC())
	if err := s.cfg.Detectors.SetStage(ctx, who.Tenant, v); err != nil {
		return nil, fmt.Errorf("level of rule %s: %w", in.Rule, err)
	}
	s.cfg.Log.Info("level of a rule changed", "rule", v.Rule, "model", v.Model, "level", in.Body.Level, "user", who.User)
	return nil, nil
}

// detectorSetting returns what is set of a rule on a model, so that a change of one thing keeps the other.
func (s *Server) detectorSetting(ctx context.Context, tenant, rule, model string) (quality.Setting, error) {
	subject := quality.Subject{Rule: rule, Model: model}
	settings, err := s.cfg.Detectors.StageSettings(ctx, tenant)
	if err != nil {
		return quality.Setting{}, err
	}
	if i := slices.IndexFunc(settings, func(v quality.Setting) bool { return v.Subject == subject }); i >= 0 {
		return settings[i], nil
	}
	return quality.Setting{Subject: subject}, nil
}
