package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/tickets"
)

// Score is how the demonstration went so far, measured against the faults that it declared.
type Score struct {
	Faults []DemoFault `json:"faults"` // newest first
	// Injected and Ticketed count the faults, FalseTickets the tickets that no fault explains.
	Injected     int `json:"injected"`
	Ticketed     int `json:"ticketed"`
	FalseTickets int `json:"false_tickets"`
	// MedianLeadS is the median of LeadS over the ticketed faults of live operation, in seconds; nil when there is none.
	MedianLeadS *float64 `json:"median_lead_s"`
	// Kinds are the faults that can be injected.
	Kinds []DemoKind `json:"kinds"`
}

// DemoFault is a fault that the demonstration declared.
type DemoFault struct {
	ID        string       `json:"id"`
	Kind      string       `json:"kind"` // DemoKind.Kind
	Device    string       `json:"device"`
	Model     string       `json:"model"`
	Component string       `json:"component"`
	FaultCode string       `json:"fault_code"`
	Title     tickets.Text `json:"title"`

	InjectedAt time.Time `json:"injected_at"`
	// ExpectedCallAt is when the simulated customer would call.
	ExpectedCallAt time.Time `json:"expected_call_at"`
	// Ticket is the ID of the ticket that the fault opened, empty when none did yet.
	Ticket       string    `json:"ticket,omitempty"`
	TicketNumber string    `json:"ticket_number,omitempty"`
	TicketedAt   time.Time `json:"ticketed_at,omitzero"`
	// LeadS is the time from the ticket to the call in seconds; negative when the customer was first.
	LeadS  *float64 `json:"lead_s,omitempty"`
	Caught bool     `json:"caught"`
}

// DemoKind is a fault that can be injected.
type DemoKind struct {
	Kind  string       `json:"kind"`
	Title tickets.Text `json:"title"`
}

type injectInput struct {
	Body struct {
		Kind string `json:"kind" minLength:"1" maxLength:"64"`
	}
}

func (s *Server) demoRoutes() {
	handle(s, operation{id: "get-demo", method: "GET", path: "/api/v1/demo", summary: "The scoreboard of the demonstration", tag: "demonstration"},
		func(ctx context.Context, who access.Principal, _ *none) (*body[Score], error) {
			if s.cfg.Scoreboard == nil {
				return nil, noDemo()
			}
			score, err := s.cfg.Scoreboard.Scoreboard(ctx, who.Tenant)
			if err != nil {
				return nil, fmt.Errorf("read scoreboard: %w", err)
			}
			score.Faults, score.Kinds = list(score.Faults), list(score.Kinds)
			return answer(score), nil
		})
	handle(s, operation{id: "inject-fault", method: "POST", path: "/api/v1/demo/faults", summary: "Start a fault in the demonstration", tag: "demonstration", status: http.StatusCreated},
		func(ctx context.Context, who access.Principal, in *injectInput) (*body[DemoFault], error) {
			if s.cfg.Scoreboard == nil {
				return nil, noDemo()
			}
			f, err := s.cfg.Scoreboard.Inject(ctx, who.Tenant, in.Body.Kind)
			if err != nil {
				return nil, fmt.Errorf("inject fault %s: %w", in.Body.Kind, err)
			}
			return answer(f), nil
		})
}

func noDemo() *Problem {
	return problem(http.StatusNotFound, "No demonstration runs here. Start one with “presage demo”.")
}
