package web

import (
	"context"
	"fmt"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/tickets"
)

// FindingPage is a page of findings, newest first. Next is empty on the last one.
type FindingPage struct {
	Findings []FindingView `json:"findings"`
	Next     string        `json:"next,omitempty"`
}

// FindingView is a finding in words, by language: what fault it speaks of, why it was made, and how unusual what it saw is.
type FindingView struct {
	tickets.Evidence
	Title   tickets.Text `json:"title,omitempty"`
	Words   tickets.Text `json:"words,omitempty"`
	Unusual tickets.Text `json:"unusual,omitempty"`
}

type findingsQuery struct {
	Device    string `query:"device" maxLength:"128"`
	Detector  string `query:"detector" maxLength:"128"`
	Component string `query:"component" maxLength:"128"`
	Ticket    string `query:"ticket" maxLength:"64"`
	Withheld  string `query:"withheld" enum:"true,false" doc:"Only findings that open no ticket by themselves, or only the others."`
	Phase     string `query:"phase" enum:"raised,continued,cleared"`
	From      string `query:"from" maxLength:"64"`
	To        string `query:"to" maxLength:"64"`
	Paging
}

func (s *Server) findingRoutes() {
	handle(s, operation{id: "list-findings", method: "GET", path: "/api/v1/findings", summary: "Findings of the detectors, ticketed or not", tag: "findings"}, s.listFindings)
}

func (s *Server) listFindings(ctx context.Context, who access.Principal, in *findingsQuery) (*body[FindingPage], error) {
	f := tickets.FindingFilter{
		Device: in.Device, Detector: in.Detector, Component: in.Component, Ticket: in.Ticket,
		Withheld: yesNo(in.Withheld), Phase: detectors.Phase(in.Phase), Cursor: in.Cursor, Limit: in.Limit,
	}
	var err error
	if f.From, f.To, err = optionalSpan(in.From, in.To); err != nil {
		return nil, err
	}
	found, next, err := s.cfg.Tickets.Findings(ctx, who.Tenant, f)
	if err != nil {
		return nil, fmt.Errorf("list findings: %w", err)
	}
	out := FindingPage{Findings: make([]FindingView, len(found)), Next: next}
	for i := range found {
		view, f := &out.Findings[i], &found[i].Finding
		view.Evidence = found[i]
		if w := s.cfg.Wording; w != nil {
			view.Title, view.Words, view.Unusual = w.Describe(who.Tenant, f.Device, f.FaultCode).Title, w.Reason(f), w.Unusual(f)
		}
	}
	return answer(out), nil
}
