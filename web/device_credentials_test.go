package web

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/tickets"
)

func (w *world) DeviceCredentials(_ context.Context, _, device string) ([]access.DeviceCredential, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []access.DeviceCredential
	for _, c := range w.credentials {
		if c.Device == device {
			all = append(all, c)
		}
	}
	return all, w.failWith
}

func (w *world) CreateDeviceCredentials(_ context.Context, all []access.DeviceCredential) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.credentials) >= access.MaxDeviceCredentials {
		return tickets.ErrConflict
	}
	w.credentials = append(w.credentials, all...)
	return w.failWith
}

func (w *world) RotateDeviceCredentials(_ context.Context, c access.DeviceCredential, end time.Time) (access.DeviceCredential, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.credentials) == 0 {
		return c, tickets.ErrNotFound
	}
	for i := range w.credentials {
		w.credentials[i].Expires = end
	}
	w.credentials = append(w.credentials, c)
	return c, w.failWith
}

func (w *world) RevokeDeviceCredentials(_ context.Context, _, device, id string, at time.Time) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, c := range w.credentials {
		if c.Device == device && c.ID == id && c.ValidAt(at) {
			w.credentials[i].Revoked = at
			return 1, w.failWith
		}
	}
	return 0, tickets.ErrNotFound
}

func TestDeviceCredentials(t *testing.T) {
	s, w := newServer(t, nil)
	admin := w.token(t, access.Admin)
	const path = "/api/v1/devices/gw-1/credentials"
	send := func(method, path, body string) request {
		return request{method: method, path: path, token: admin, body: body}
	}
	refusal(t, send("POST", path+"/rotate", `{"grace_hours":24}`).send(t, s), 404)
	issued := decode[NewDeviceCredential](t, send("POST", path, `{"devices":["press-*"],"days":30}`).send(t, s), 201)
	if !access.IsDeviceToken([]byte(issued.Token)) || issued.Device != "gw-1" || issued.CreatedBy != "token:test-admin" || issued.Expires.IsZero() || len(issued.Devices) != 1 {
		t.Errorf("issued %+v", issued)
	}
	if got := w.credentials[0].Hash; got != access.HashSecret(issued.Token) {
		t.Errorf("stored under %q", got)
	}
	rotated := decode[NewDeviceCredential](t, send("POST", path+"/rotate", `{"grace_hours":24}`).send(t, s), 201)
	if rotated.Token == issued.Token || rotated.ID == issued.ID {
		t.Errorf("rotated to %+v", rotated)
	}
	if left := time.Until(w.credentials[0].Expires); left < 23*time.Hour || left > 24*time.Hour {
		t.Errorf("the old token stays valid for %s", left)
	}
	listing := read(t, send("GET", path, "").send(t, s), 200)
	for _, secret := range []string{issued.Token, w.credentials[0].Hash, w.credentials[0].Mosquitto, "hash"} {
		if bytes.Contains(listing, []byte(secret)) {
			t.Errorf("the list shows %q", secret)
		}
	}
	if !strings.Contains(string(listing), issued.ID) || !strings.Contains(string(listing), rotated.ID) {
		t.Errorf("the list is %s", listing)
	}
	read(t, send("DELETE", path+"/"+issued.ID, "").send(t, s), 204)
	refusal(t, send("DELETE", path+"/"+issued.ID, "").send(t, s), 404)
	refusal(t, send("DELETE", "/api/v1/devices/car-7/credentials/"+rotated.ID, "").send(t, s), 404)

	for body, location := range map[string]string{
		`{"devices":["a/b"]}`: "body.devices", `{"devices":[""]}`: "body.devices", `{"days":-1}`: "body.days", `{"days":4000}`: "body.days",
	} {
		if p := refusal(t, send("POST", path, body).send(t, s), 422); len(p.Errors) != 1 || p.Errors[0].Location != location {
			t.Errorf("%s: got %+v, want a mistake in %s", body, p.Errors, location)
		}
	}
	refusal(t, send("POST", "/api/v1/devices/a%2Bb/credentials", `{}`).send(t, s), 422)
	for len(w.credentials) < access.MaxDeviceCredentials {
		read(t, send("POST", path, `{}`).send(t, s), 201)
	}
	refusal(t, send("POST", path, `{}`).send(t, s), 409)
}
