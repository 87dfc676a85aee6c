package storetest

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

func backlog(t *testing.T, s *sqlstore.Store) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	look := func() sqlstore.Backlog {
		t.Helper()
		b, err := s.Backlog(t.Context())
		must(err)
		if b.Bytes <= 0 {
			t.Errorf("the database has %d bytes", b.Bytes)
		}
		return b
	}
	if b := look(); b.Outbox != 0 || !b.OutboxSince.IsZero() || len(b.Deliveries) != 0 || b.Quarantined != 0 || len(b.OpenTickets) != 0 {
		t.Errorf("an empty database has a backlog: %+v", b)
	}

	before := time.Now().Truncate(time.Millisecond)
	ticket := insert(t, s, newTicket("bus-1", "overheat"))[0]
	update(t, s, func(ctx context.Context, tx tickets.Tx) error {
		e := tickets.Event{Type: "ticket.opened", At: epoch, Ticket: ticket}
		return errors.Join(tx.Publish(ctx, e), tx.Publish(ctx, e))
	})
	event := tickets.Event{ID: "e-1", Tenant: tenant, Type: "ticket.opened", At: epoch, Ticket: ticket}
	later := event
	later.ID = "e-2"
	must(s.PutDelivery(t.Context(), "crm", later, epoch.Add(time.Hour)))
	must(s.PutDelivery(t.Context(), "crm", event, epoch))
	must(s.PutDelivery(t.Context(), "erp", event, epoch))
	claimed, err := s.ClaimDeliveries(t.Context(), "erp", epoch, time.Minute, 1)
	must(err)
	must(s.DeliveryFailed(t.Context(), claimed[0], "no", epoch, true))
	var rejected []telemetry.Rejected
	for i := range MaxRejected + 3 {
		rejected = append(rejected, telemetry.Rejected{Tenant: tenant, Topic: "t", Arrival: epoch.UnixMilli() + int64(i), Reason: "malformed-json"})
	}
	must(s.PutRejected(t.Context(), rejected))

	b := look()
	if b.Outbox != 2 || b.OutboxSince.Before(before) || b.OutboxSince.After(time.Now()) {
		t.Errorf("%d events wait since %s, want 2 since %s", b.Outbox, b.OutboxSince, before)
	}
	want := map[string]sqlstore.DeliveryBacklog{"crm": {Pending: 2, Since: epoch}, "erp": {Dead: 1}}
	for name, d := range b.Deliveries {
		if d.Since.Equal(want[name].Since) {
			d.Since = want[name].Since // another location is no other time
		}
		b.Deliveries[name] = d
	}
	if !reflect.DeepEqual(b.Deliveries, want) {
		t.Errorf("deliveries %+v, want %+v", b.Deliveries, want)
	}
	if b.Quarantined != MaxRejected || b.QuarantineDropped != 3 {
		t.Errorf("%d refused payloads are kept and %d dropped, want %d and 3", b.Quarantined, b.QuarantineDropped, MaxRejected)
	}
	if n := b.OpenTickets[ticket.Severity]; n != 1 || len(b.OpenTickets) != 1 {
		t.Errorf("open tickets %v, want one of severity %s", b.OpenTickets, ticket.Severity)
	}
}
