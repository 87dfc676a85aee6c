package web

import (
	"context"
	"testing"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/fleet/maintenance"
	"github.com/presage-pdm/presage/tickets"
)

func (w *world) MaintenanceWindows(_ context.Context, _ string, f maintenance.Filter) ([]maintenance.Window, string, error) {
	w.asked = f
	return w.windows, "", w.fail()
}

func (w *world) Window(_ context.Context, _, id string) (maintenance.Window, []maintenance.Change, error) {
	for _, one := range w.windows {
		if one.ID == id {
			return one, nil, w.fail()
		}
	}
	return maintenance.Window{}, nil, tickets.ErrNotFound
}

func (w *world) CreateWindow(_ context.Context, _ string, one maintenance.Window) (maintenance.Window, error) {
	one.ID, one.Revision = "m2", 1
	w.windows = append(w.windows, one)
	return one, w.fail()
}

func (w *world) ChangeWindow(_ context.Context, _, id string, revision int, by, kind string, _ time.Time, change func(*maintenance.Window) error) (maintenance.Window, error) {
	for i := range w.windows {
		one := w.windows[i]
		if one.ID != id {
			continue
		}
		if revision != 0 && revision != one.Revision {
			return one, tickets.ErrConflict
		}
		if err := change(&one); err != nil {
			return one, err
		}
		if w.did = by + " " + kind; id == "m1" { // stays as it is, for the next role that tries
			return one, w.fail()
		}
		one.Revision++
		w.windows[i] = one
		return one, w.fail()
	}
	return maintenance.Window{}, tickets.ErrNotFound
}

func (w *world) Covering(_ context.Context, _, device string, at time.Time) (all []maintenance.Window, err error) {
	for _, one := range w.windows {
		if one.Device == device && one.Runs(at) {
			all = append(all, one)
		}
	}
	return all, w.fail()
}

// A window is announced, changed and ended by those who plan the work, and shown to everybody and on the device.
func TestMaintenance(t *testing.T) {
	s, w := newServer(t, nil)
	w.windows = nil
	viewer, dispatcher := w.token(t, access.Viewer), w.token(t, access.Dispatcher)
	now := time.Now().UTC().Truncate(time.Second)
	at := func(d time.Duration) string { return now.Add(d).Format(time.RFC3339) }
	post := func(method, path, text, token string, status int) *MaintenanceWindow {
		t.Helper()
		res := request{method: method, path: "/api/v1/maintenance" + path, body: text, token: token}.send(t, s)
		if status >= 300 {
			read(t, res, status)
			return nil
		}
		got := decode[MaintenanceWindow](t, res, status)
		return &got
	}
	plan := `{"name": "Pump exchange", "from": "` + at(-time.Minute) + `", "to": "` + at(time.Hour) + `", "device": "car-7"`
	post("POST", "", plan+`}`, viewer, 403)
	post("POST", "", `{"name": "Backwards", "from": "`+at(time.Hour)+`", "to": "`+at(0)+`"}`, dispatcher, 422)
	post("POST", "", `{"name": "Past", "from": "`+at(-2*time.Hour)+`", "to": "`+at(-time.Hour)+`"}`, dispatcher, 422)
	if len(w.windows) != 0 {
		t.Fatalf("refused, yet %+v", w.windows)
	}
	got := post("POST", "", plan+`, "reason": "yearly"}`, dispatcher, 201)
	if got.Status != maintenance.Running || got.CreatedBy != "token:test-dispatcher" || got.Device != "car-7" || got.Reason != "yearly" || !got.To.Equal(now.Add(time.Hour)) {
		t.Errorf("announced %+v", got)
	}
	device := decode[DeviceDetail](t, request{method: "GET", path: "/api/v1/devices/car-7", token: viewer}.send(t, s), 200)
	if len(device.Maintenance) != 1 || device.Maintenance[0].ID != got.ID {
		t.Errorf("maintenance of the device is %+v", device.Maintenance)
	}
	post("PUT", "/m2", plan+`, "revision": 7}`, dispatcher, 409)
	post("PUT", "/m9", plan+`}`, dispatcher, 404)
	post("PUT", "/m2", plan+`, "region": "south", "revision": 1}`, dispatcher, 200)
	if one := w.windows[0]; one.Region != "south" || one.CreatedBy != "token:test-dispatcher" || w.did != "token:test-dispatcher changed" {
		t.Errorf("changed to %+v, recorded as %q", one, w.did)
	}
	post("POST", "/m2/end", "", viewer, 403)
	if got := post("POST", "/m2/end", "", dispatcher, 200); got.Status != maintenance.Past || got.OverAt.After(time.Now()) {
		t.Errorf("ended as %+v", got)
	}
	post("POST", "/m2/end", "", dispatcher, 422)
	post("PUT", "/m2", plan+`}`, dispatcher, 422)
	decode[MaintenanceDetail](t, request{method: "GET", path: "/api/v1/maintenance/m2", token: viewer}.send(t, s), 200)
	page := decode[MaintenancePage](t, request{method: "GET", path: "/api/v1/maintenance?status=running&site=depot&limit=10", token: viewer}.send(t, s), 200)
	if len(page.Windows) != 1 || w.asked.Status != maintenance.Running || w.asked.Site != "depot" || w.asked.Limit != 10 || w.asked.Now.IsZero() {
		t.Errorf("page %+v for %+v", page, w.asked)
	}
}
