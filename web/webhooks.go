package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/tickets"
)

// DeliveryPage is a page of events that webhooks have not taken, newest first.
type DeliveryPage struct {
	Deliveries []DeliveryEntry `json:"deliveries"`
	Next       string          `json:"next,omitempty"`
}

// DeliveryEntry is an event on its way to a webhook. One that was taken is gone from the list.
type DeliveryEntry struct {
	ID      string `json:"id"`
	Webhook string `json:"webhook"` // its name in the configuration
	Event   string `json:"event"`   // the ID that the webhook sees too
	Type    string `json:"type"`    // such as "ticket.opened"
	Ticket  string `json:"ticket"`
	Number  string `json:"number"` // of the ticket
	// State is "pending", or "dead" when it was given up after too many tries.
	State     string    `json:"state" enum:"pending,dead"`
	Attempts  int       `json:"attempts"`
	CreatedAt time.Time `json:"created_at"`
	// NextAttemptAt is absent from a dead delivery.
	NextAttemptAt time.Time `json:"next_attempt_at,omitzero"`
	LastError     string    `json:"last_error,omitempty"`
}

type deliveriesQuery struct {
	State string `query:"state" enum:"pending,dead" doc:"Both without it."`
	Paging
}

type deliveryPath struct {
	ID string `path:"id" minLength:"1" maxLength:"200"`
}

func (s *Server) webhookRoutes() {
	handle(s, operation{id: "list-deliveries", method: "GET", path: "/api/v1/webhooks/deliveries", summary: "Events that webhooks have not taken", tag: "operation"}, s.listDeliveries)
	handle(s, operation{id: "retry-delivery", method: "POST", path: "/api/v1/webhooks/deliveries/{id}/retry", summary: "Send an event to a webhook again, now", tag: "operation", status: http.StatusNoContent},
		func(ctx context.Context, who access.Principal, in *deliveryPath) (*none, error) {
			event, webhook, _ := strings.Cut(in.ID, deliverySeparator)
			if err := s.cfg.Deliveries.RetryDelivery(ctx, who.Tenant, webhook, event, time.Now().UTC()); err != nil {
				return nil, fmt.Errorf("retry delivery %s: %w", in.ID, err)
			}
			return nil, nil
		})
}

// deliverySeparator stands between event and webhook in the ID of a delivery; the ID of an event has none.
const deliverySeparator = ":"

func (s *Server) listDeliveries(ctx context.Context, who access.Principal, in *deliveriesQuery) (*body[DeliveryPage], error) {
	found, next, err := s.cfg.Deliveries.Deliveries(ctx, who.Tenant, in.State, in.Cursor, in.Limit)
	if err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	out := DeliveryPage{Deliveries: make([]DeliveryEntry, 0, len(found)), Next: next}
	for i := range found {
		out.Deliveries = append(out.Deliveries, deliveryEntry(&found[i]))
	}
	return answer(out), nil
}

func deliveryEntry(d *tickets.Delivery) DeliveryEntry {
	e := DeliveryEntry{
		ID: d.Event.ID + deliverySeparator + d.Endpoint, Webhook: d.Endpoint, Event: d.Event.ID, Type: d.Event.Type,
		Ticket: d.Event.Ticket.ID, Number: d.Event.Ticket.Number,
		State: d.State, Attempts: d.Attempts, CreatedAt: d.CreatedAt, LastError: d.LastError,
	}
	if d.State == tickets.DeliveryPending {
		e.NextAttemptAt = d.NextAt
	}
	return e
}
