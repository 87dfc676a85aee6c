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

// DetectorReport is how the rules did within a window, and who changed their stages.
type DetectorReport struct {
	Days      int              `json:"days"`
	Detectors []DetectorRecord `json:"detectors"`
	// Changes are the newest 200 changes of stages, newest first, whatever the window.
	Changes []quality.Setting `json:"changes"`
}

// DetectorRecord is a rule on the devices of a model: one that opened a ticket, found something on trial, or has a stage of its own.
type DetectorRecord struct {
	quality.Figures
	// TrialRaised are the faults found on trial, TrialTicketed those of them whose component had an open ticket anyway: the
	// difference is what the rule would have added.
	TrialRaised   int `json:"trial_raised"`
	TrialTicketed int `json:"trial_ticketed"`
	// Setting is the last change of its stage, absent when there was none.
	Setting *quality.Setting `json:"setting,omitempty"`
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

func (s *Server) detectorRoutes() {
	handle(s, operation{id: "list-detectors", method: "GET", path: "/api/v1/detectors", summary: "How the rules did by model, and changes of their stages", tag: "catalogue", heavy: true}, s.listDetectors)
	handle(s, operation{id: "list-detector-tickets", method: "GET", path: "/api/v1/detectors/{rule}/tickets", summary: "The tickets behind the figures of a rule", tag: "catalogue", heavy: true}, s.listDetectorTickets)
	handle(s, operation{id: "set-detector-stage", method: "PUT", path: "/api/v1/detectors/{rule}/stage", summary: "Set the stage of a rule on the devices of a model", tag: "catalogue", status: http.StatusNoContent}, s.setDetectorStage)
}

func (s *Server) listDetectors(ctx context.Context, who access.Principal, in *detectorsQuery) (*body[DetectorReport], error) {
	window := time.Duration(in.Days) * 24 * time.Hour
	since := time.Now().UTC().Add(-window)
	outcomes, err := s.cfg.Detectors.Outcomes(ctx, who.Tenant, since)
	if err != nil {
		return nil, err
	}
	devices, err := s.cfg.Detectors.ModelCounts(ctx, who.Tenant)
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
	figures := quality.Assess(outcomes, devices, window)
	return answer(DetectorReport{Days: in.Days, Detectors: records(figures, trials, settings), Changes: changes}), nil
}

// records lays what is known of each rule and model together, by rule, then model.
func records(figures []quality.Figures, trials []quality.Trial, settings []quality.Setting) []DetectorRecord {
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
	slices.SortFunc(all, func(a, b DetectorRecord) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Model, b.Model))
	})
	return all
}

func (s *Server) listDetectorTickets(ctx context.Context, who access.Principal, in *detectorTicketsQuery) (*body[DetectorTickets], error) {
	outcomes, err := s.cfg.Detectors.Outcomes(ctx, who.Tenant, time.Now().UTC().AddDate(0, 0, -in.Days))
	if err != nil {
		return nil, err
	}
	out := DetectorTickets{Tickets: []DetectorTicket{}}
	for i := range outcomes {
		if o := &outcomes[i]; o.Subject == (quality.Subject{Rule: in.Rule, Model: in.Model}) {
			out.Tickets = append(out.Tickets, DetectorTicket{ID: o.Ticket, Number: o.Number, Label: o.Label(), Onset: o.Onset, Opened: o.Opened, Closed: o.Closed, Resolved: o.Resolution})
		}
	}
	return answer(out), nil
}

func (s *Server) setDetectorStage(ctx context.Context, who access.Principal, in *stageInput) (*none, error) {
	canary := in.Body.Stage == string(detectors.StageCanary)
	if canary != (in.Body.Canary > 0) {
		return nil, invalid("body.canary", "A canary needs the share of the devices on which it is live, above 0; other stages have none.")
	}
	v := quality.Setting{
		Subject: quality.Subject{Rule: in.Rule, Model: in.Body.Model}, Stage: detectors.Stage(in.Body.Stage), Canary: in.Body.Canary,
		By: who.User, Reason: in.Body.Reason, At: time.Now().UTC(),
	}
	if in.Body.Stage == "catalogue" {
		v.Stage = ""
	}
	if err := s.cfg.Detectors.SetStage(ctx, who.Tenant, v); err != nil {
		return nil, fmt.Errorf("stage of rule %s: %w", in.Rule, err)
	}
	s.cfg.Log.Info("stage of a rule changed", "rule", v.Rule, "model", v.Model, "stage", in.Body.Stage, "user", who.User)
	return nil, nil
}
