package web

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/presage-pdm/presage/fleet/access"
)

// Failures that are added can be listed; one mistake refuses all and names its place.
func TestFailures(t *testing.T) {
	s, w := newServer(t, nil)
	token := w.token(t, access.Planner)
	send := func(method, path, body string) (int, string) {
		res := request{method: method, path: path, body: body, token: token}.send(t, s)
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(text)
	}
	if code, text := send("POST", "/api/v1/failures", `{"failures":[{"device":"car-7","failed_at":"2026-11-20T08:00:00Z"},{"device":"car/8","failed_at":"2026-11-20T08:00:00Z"}]}`); code != 422 || !strings.Contains(text, "body.failures[1]") || len(w.failures) != 0 {
		t.Errorf("a device that cannot be: %d %s, %v", code, text, w.failures)
	}
	if code, text := send("POST", "/api/v1/failures", `{"failures":[{"device":"car-7","failed_at":"2026-11-20T08:00:00Z"},{"device":"car-8","component":"brakes","failed_at":"2026-11-21T08:00:00Z","code":"C12"}]}`); code != 200 || !strings.Contains(text, `"added":2`) {
		t.Fatalf("%d %s", code, text)
	}
	var list FailureList
	code, text := send("GET", "/api/v1/failures?limit=1", "")
	if err := json.Unmarshal([]byte(text), &list); code != 200 || err != nil || !list.More || len(list.Failures) != 1 || list.Failures[0].Component != "device" {
		t.Errorf("%d %s", code, text)
	}
}
