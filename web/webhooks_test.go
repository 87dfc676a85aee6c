package web

import (
	"testing"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/tickets"
)

// A delivery is retried by the ID of the list, also when the name of its webhook has a port.
func TestRetryDelivery(t *testing.T) {
	s, w := newServer(t, nil)
	admin := w.token(t, access.Admin)
	page := decode[DeliveryPage](t, request{method: "GET", path: "/api/v1/webhooks/deliveries", token: admin}.send(t, s), 200)
	if len(page.Deliveries) != 2 {
		t.Fatalf("deliveries are %+v", page.Deliveries)
	}
	for i, want := range []string{"crm.example.com:8443 e1", "erp e2"} {
		read(t, request{method: "POST", path: "/api/v1/webhooks/deliveries/" + page.Deliveries[i].ID + "/retry", token: admin}.send(t, s), 204)
		if w.retried != want {
			t.Errorf("retried %q, want %q", w.retried, want)
		}
	}
	w.retryErr = tickets.ErrNotFound
	read(t, request{method: "POST", path: "/api/v1/webhooks/deliveries/e9/retry", token: admin}.send(t, s), 404)
}

// A dead delivery has no next attempt.
func TestDeliveryEntry(t *testing.T) {
	d := tickets.Delivery{State: tickets.DeliveryPending, NextAt: epoch}
	if e := deliveryEntry(&d); !e.NextAttemptAt.Equal(epoch) {
		t.Errorf("a pending delivery is next tried at %v, want %v", e.NextAttemptAt, epoch)
	}
	d.State = tickets.DeliveryDead
	if e := deliveryEntry(&d); e.NextAttemptAt != (time.Time{}) {
		t.Errorf("a dead delivery is next tried at %v, want never", e.NextAttemptAt)
	}
}
