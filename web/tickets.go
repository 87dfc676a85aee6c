package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/tickets/diagnosis"
)

// TicketRow is a ticket of a list. Reason says in a few words why the ticket exists and for how long the fault has lasted, by
// language; it is missing where no finding is kept.
type TicketRow struct {
	tickets.Ticket
	Reason tickets.Text `json:"reason,omitempty"`
}

// TicketPage is a page of tickets. Next is empty on the last one; Total counts the matching tickets, over all pages.
type TicketPage struct {
	Tickets []TicketRow `json:"tickets"`
	Next    string      `json:"next,omitempty"`
	Total   int         `json:"total"`
}

// TicketDetail is a ticket with the names behind its identifiers and what the reader may do to it.
type TicketDetail struct {
	tickets.Ticket
	StationName  string           `json:"station_name,omitempty"`
	AssigneeName string           `json:"assignee_name,omitempty"`
	RegionName   string           `json:"region_name,omitempty"`
	Actions      []tickets.Action `json:"actions"`
	// Resolutions are the codes that closing the ticket asks for.
	Resolutions []string `json:"resolutions"`
}

// TicketCounts is how many tickets match by each value of each facet: region, station, severity, component, state, assignee.
type TicketCounts struct {
	Counts map[string]map[string]int `json:"counts"`
}

// TicketHistory is what happened to a ticket, oldest first.
type TicketHistory struct {
	History []tickets.Entry `json:"history"`
}

// TicketPath names a ticket.
type TicketPath struct {
	ID string `path:"id" minLength:"1" maxLength:"64" doc:"ID or number of the ticket."`
}

// TicketSelection is the part of a query that selects tickets.
type TicketSelection struct {
	Device     string   `query:"device" maxLength:"128"`
	Customer   string   `query:"customer" maxLength:"128"`
	State      []string `query:"state,explode"`
	Region     []string `query:"region,explode"`
	Station    []string `query:"station,explode"`
	Assignee   []string `query:"assignee,explode"`
	Component  []string `query:"component,explode"`
	Severity   []string `query:"severity,explode" doc:"info, warning, major, critical"`
	Open       string   `query:"open" enum:"true,false"`
	Text       string   `query:"q" maxLength:"200" doc:"Words in number, device, title, fault code or customer."`
	OpenedFrom string   `query:"opened_from" maxLength:"64"`
	OpenedTo   string   `query:"opened_to" maxLength:"64"`
}

func (q *TicketSelection) filter() (tickets.Filter, error) {
	f := tickets.Filter{Device: q.Device, Customer: q.Customer, Open: yesNo(q.Open), Text: q.Text}
	var errs [7]error
	f.State, errs[0] = split("state", q.State)
	f.Region, errs[1] = split("region", q.Region)
	f.Station, errs[2] = split("station", q.Station)
	f.Assignee, errs[3] = split("assignee", q.Assignee)
	f.Component, errs[4] = split("component", q.Component)
	f.Severity, errs[5] = severities("severity", q.Severity)
	f.OpenedFrom, f.OpenedTo, errs[6] = optionalSpan(q.OpenedFrom, q.OpenedTo)
	return f, errors.Join(errs[:]...)
}

type ticketsQuery struct {
	TicketSelection
	Sort string `query:"sort" enum:"deadline,opened,updated"`
	Paging
}

type countsQuery struct{ TicketSelection }

type transitionInput struct {
	TicketPath
	Body struct {
		To         string `json:"to" minLength:"1" maxLength:"64"`
		Note       string `json:"note,omitempty" maxLength:"4000"`
		Resolution string `json:"resolution,omitempty" maxLength:"64"`
		// Revision of the ticket that the person saw; another one is a 409. 0 takes the ticket as it is.
		Revision int `json:"revision,omitempty" minimum:"0"`
	}
}

type assignInput struct {
	TicketPath
	Body struct {
		// Technician who takes the ticket; empty has dispatch choose.
		Technician string `json:"technician,omitempty" maxLength:"128"`
		// Unassign takes the ticket away from its assignee instead.
		Unassign bool   `json:"unassign,omitempty"`
		Note     string `json:"note,omitempty" maxLength:"4000"`
		Revision int    `json:"revision,omitempty" minimum:"0"`
	}
}

type commentInput struct {
	TicketPath
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"4000"`
	}
}

func (s *Server) ticketRoutes() {
	handle(s, operation{id: "list-tickets", method: "GET", path: "/api/v1/tickets", summary: "Tickets, filtered and sorted", tag: "tickets"}, s.listTickets)
	handle(s, operation{id: "count-tickets", method: "GET", path: "/api/v1/tickets/counts", summary: "Numbers of tickets by facet", tag: "tickets"}, s.countTickets)
	handle(s, operation{id: "get-ticket", method: "GET", path: "/api/v1/tickets/{id}", summary: "One ticket and what may be done to it", tag: "tickets"}, s.getTicket)
	handle(s, operation{id: "get-diagnosis", method: "GET", path: "/api/v1/tickets/{id}/diagnosis", summary: "The diagnosis of a ticket", tag: "tickets", heavy: true}, s.getDiagnosis)
	handle(s, operation{id: "get-history", method: "GET", path: "/api/v1/tickets/{id}/history", summary: "What happened to a ticket", tag: "tickets"}, s.getHistory)
	handle(s, operation{id: "transition-ticket", method: "POST", path: "/api/v1/tickets/{id}/transitions", summary: "Move a ticket to another stage", tag: "tickets"}, s.transitionTicket)
	handle(s, operation{id: "assign-ticket", method: "POST", path: "/api/v1/tickets/{id}/assign", summary: "Give a ticket to a technician", tag: "tickets"}, s.assignTicket)
	handle(s, operation{id: "comment-ticket", method: "POST", path: "/api/v1/tickets/{id}/comments", summary: "Comment on a ticket", tag: "tickets"}, s.commentTicket)
}

func (s *Server) listTickets(ctx context.Context, who access.Principal, in *ticketsQuery) (*body[TicketPage], error) {
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	f.Sort, f.Cursor, f.Limit = in.Sort, in.Cursor, in.Limit
	found, err := s.cfg.Tickets.List(ctx, who.Tenant, f)
	if err != nil {
		return nil, fmt.Errorf("list tickets: %w", err)
	}
	found.Tickets = slices.DeleteFunc(found.Tickets, func(t tickets.Ticket) bool { return !s.cfg.Desk.MayView(t, who) })
	rows, err := s.ticketRows(ctx, who.Tenant, found.Tickets)
	if err != nil {
		return nil, err
	}
	return answer(TicketPage{Tickets: rows, Next: found.Next, Total: found.Total}), nil
}

// ticketRows adds to tickets why they exist.
func (s *Server) ticketRows(ctx context.Context, tenant string, found []tickets.Ticket) ([]TicketRow, error) {
	rows := make([]TicketRow, len(found))
	ids := make([]string, len(found))
	for i := range found {
		rows[i].Ticket, ids[i] = found[i], found[i].ID
	}
	if s.cfg.Wording == nil {
		return rows, nil
	}
	told, err := s.cfg.Tickets.Telling(ctx, tenant, ids)
	if err != nil {
		return nil, fmt.Errorf("reasons of tickets: %w", err)
	}
	now := time.Now()
	for i := range rows {
		if f, ok := told[rows[i].ID]; ok {
			rows[i].Reason = s.cfg.Wording.Brief(&f, lasting(&rows[i].Ticket, now))
		}
	}
	return rows, nil
}

// lasting is how long the fault of a ticket has lasted: until it was over, or the ticket closed, or now.
func lasting(t *tickets.Ticket, now time.Time) time.Duration {
	switch {
	case !t.ClearedAt.IsZero():
		now = t.ClearedAt
	case !t.ClosedAt.IsZero():
		now = t.ClosedAt
	}
	return now.Sub(t.OnsetAt)
}

func (s *Server) countTickets(ctx context.Context, who access.Principal, in *countsQuery) (*body[TicketCounts], error) {
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	counts, err := s.cfg.Tickets.Counts(ctx, who.Tenant, f)
	if err != nil {
		return nil, fmt.Errorf("count tickets: %w", err)
	}
	if counts == nil {
		counts = map[string]map[string]int{}
	}
	return answer(TicketCounts{counts}), nil
}

func (s *Server) getTicket(ctx context.Context, who access.Principal, in *TicketPath) (*body[TicketDetail], error) {
	t, err := s.viewTicket(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	return s.ticketDetail(who, t)
}

// viewTicket returns a ticket that somebody may see.
func (s *Server) viewTicket(ctx context.Context, who access.Principal, id string) (tickets.Ticket, error) {
	t, err := s.cfg.Tickets.Ticket(ctx, who.Tenant, id)
	if err != nil {
		return t, fmt.Errorf("ticket %s: %w", id, err)
	}
	if !s.cfg.Desk.MayView(t, who) {
		return t, problem(http.StatusForbidden, "The workflow does not show tickets in this stage to your role.")
	}
	return t, nil
}

func (s *Server) ticketDetail(who access.Principal, t tickets.Ticket) (*body[TicketDetail], error) {
	d := TicketDetail{Ticket: t, Resolutions: tickets.Resolutions()}
	actions, err := s.cfg.Desk.Actions(t, who)
	if err != nil {
		return nil, fmt.Errorf("actions on ticket %s: %w", t.Number, err)
	}
	d.Actions = list(actions)
	for _, station := range s.cfg.Directory.Stations(who.Tenant) {
		if station.ID == t.Station {
			d.StationName = station.Name
		}
	}
	for _, technician := range s.cfg.Directory.Technicians(who.Tenant) {
		if technician.ID == t.Assignee {
			d.AssigneeName = technician.Name
		}
	}
	for _, region := range s.cfg.Directory.Regions(who.Tenant) {
		if region.ID == t.Region {
			d.RegionName = region.Name
		}
	}
	return answer(d), nil
}

func (s *Server) getDiagnosis(ctx context.Context, who access.Principal, in *TicketPath) (*body[diagnosis.Diagnosis], error) {
	t, err := s.viewTicket(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	d, err := s.cfg.Diagnoses.Diagnosis(ctx, who.Tenant, t.ID)
	if err != nil {
		return nil, fmt.Errorf("diagnosis of ticket %s: %w", t.Number, err)
	}
	d.Reasons, d.Signals, d.Evidence, d.Events = list(d.Reasons), list(d.Signals), list(d.Evidence), list(d.Events)
	for i := range d.Signals {
		d.Signals[i].Points = list(d.Signals[i].Points)
	}
	return answer(d), nil
}

func (s *Server) getHistory(ctx context.Context, who access.Principal, in *TicketPath) (*body[TicketHistory], error) {
	t, err := s.viewTicket(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	entries, err := s.cfg.Tickets.History(ctx, who.Tenant, t.ID)
	if err != nil {
		return nil, fmt.Errorf("history of ticket %s: %w", t.Number, err)
	}
	for i := range entries {
		if d := entries[i].Dispatch; d != nil {
			d.Candidates = list(d.Candidates)
		}
	}
	return answer(TicketHistory{list(entries)}), nil
}

func (s *Server) transitionTicket(ctx context.Context, who access.Principal, in *transitionInput) (*body[TicketDetail], error) {
	t, err := s.viewTicket(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	req := tickets.TransitionRequest{To: in.Body.To, Note: in.Body.Note, Resolution: in.Body.Resolution, Revision: in.Body.Revision}
	if req.Revision == 0 || req.Revision == t.Revision {
		if err := s.complete(t, who, req); err != nil {
			return nil, err
		}
	}
	moved, err := s.cfg.Desk.Transition(ctx, who, t.ID, req)
	if err != nil {
		return nil, s.refusal(who, fmt.Errorf("move ticket %s to %s: %w", t.Number, req.To, err))
	}
	return s.ticketDetail(who, moved)
}

// complete says by field what a transition still lacks, so that a form can show it where it belongs. Whether the
// transition is allowed is for the desk to say.
func (s *Server) complete(t tickets.Ticket, who access.Principal, req tickets.TransitionRequest) error {
	actions, err := s.cfg.Desk.Actions(t, who)
	if err != nil {
		return fmt.Errorf("actions on ticket %s: %w", t.Number, err)
	}
	i := slices.IndexFunc(actions, func(a tickets.Action) bool { return a.Kind == "transition" && a.To == req.To && a.Allowed })
	if i < 0 {
		return nil
	}
	var fields []*huma.ErrorDetail
	if req.Note == "" && slices.Contains(actions[i].Require, tickets.RequireNote) {
		fields = append(fields, &huma.ErrorDetail{Location: "body.note", Message: "This step needs a note."})
	}
	if slices.Contains(actions[i].Require, tickets.RequireResolution) && !slices.Contains(tickets.Resolutions(), req.Resolution) {
		fields = append(fields, &huma.ErrorDetail{Location: "body.resolution", Message: fmt.Sprintf("Choose one of %v.", tickets.Resolutions())})
	}
	if len(fields) > 0 {
		return problem(http.StatusUnprocessableEntity, "The step needs more than the request brought.", fields...)
	}
	return nil
}

// refusal words a refusal of the desk in the language of the person.
func (s *Server) refusal(who access.Principal, err error) error {
	var refused *tickets.RefusedError
	if errors.As(err, &refused) {
		return problem(http.StatusForbidden, refused.Reason.In(who.Language))
	}
	return err
}

func (s *Server) assignTicket(ctx context.Context, who access.Principal, in *assignInput) (*body[TicketDetail], error) {
	t, err := s.viewTicket(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	if in.Body.Unassign && in.Body.Technician != "" {
		return nil, invalid("body.unassign", "Either name a technician or take the ticket away, not both.")
	}
	moved, err := s.cfg.Desk.Assign(ctx, who, t.ID, tickets.AssignRequest{
		Technician: in.Body.Technician, Auto: in.Body.Technician == "" && !in.Body.Unassign,
		Note: in.Body.Note, Revision: in.Body.Revision,
	})
	if err != nil {
		return nil, s.refusal(who, fmt.Errorf("assign ticket %s: %w", t.Number, err))
	}
	return s.ticketDetail(who, moved)
}

func (s *Server) commentTicket(ctx context.Context, who access.Principal, in *commentInput) (*body[TicketDetail], error) {
	t, err := s.viewTicket(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	commented, err := s.cfg.Desk.Comment(ctx, who, t.ID, in.Body.Text)
	if err != nil {
		return nil, s.refusal(who, fmt.Errorf("comment on ticket %s: %w", t.Number, err))
	}
	return s.ticketDetail(who, commented)
}
