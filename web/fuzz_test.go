package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
)

// FuzzRequest sends what no client of ours would: whatever it is, the answer is one of ours, never a crash.
func FuzzRequest(f *testing.F) {
	for _, q := range samples() {
		f.Add(q.method, q.path, q.body)
	}
	f.Add("GET", "/api/v1/devices/car-7/series?metric=coolant_temp&from=2026-11-21T07:00:00Z&to=1795250400000&step=5m", "")
	f.Add("GET", "/api/v1/tickets?state=new,assigned&severity=critical&open=true&q=leak&opened_from=0&limit=7", "")
	f.Add("GET", "/api/v1/devices/%2e%2e/events?from=-1&to=1e9", "")
	f.Add("POST", "//api/v1/./session", `{"name":"\u0000","password":null}`)
	s, w := newServer(f, nil)
	admin := w.token(f, access.Admin)
	s.Close() // streams would not end
	f.Fuzz(func(t *testing.T, method, target, body string) {
		if !strings.HasPrefix(target, "/") {
			target = "/" + target
		}
		r, err := http.NewRequest(method, "http://presage.example"+target, strings.NewReader(body))
		if err != nil {
			return // not a request that a server would get to see
		}
		r.RequestURI, r.RemoteAddr = target, "198.51.100.7:4000"
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+admin)
		rec := httptest.NewRecorder()
		s.Handler().ServeHTTP(rec, r)
		res := rec.Result()
		if res.StatusCode >= 500 && res.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("%s %q %q: status %d: %s", method, target, body, res.StatusCode, rec.Body)
		}
		if res.StatusCode >= 400 && res.Header.Get("Content-Type") != "application/problem+json" && r.URL.Path != "/readyz" {
			t.Fatalf("%s %q: status %d is %s: %s", method, target, res.StatusCode, res.Header.Get("Content-Type"), rec.Body)
		}
	})
}

// FuzzSpan reads times and steps as strangers write them: what is let through lies within the limits.
func FuzzSpan(f *testing.F) {
	f.Add("2026-11-21T07:00:00Z", "1795250400000", "5m")
	f.Add("", "9223372036854775807", "1d")
	f.Add("0", "-9223372036854775808", "999999999999999999")
	f.Fuzz(func(t *testing.T, from, to, step string) {
		r, err := span(from, to, epoch, time.Hour)
		if err == nil && (!r.From.Before(r.To) || r.To.After(lastTime) || r.From.Before(firstTime.Add(-time.Hour))) {
			t.Errorf("span(%q, %q) = %v", from, to, r)
		}
		if d, raw, err := parseStep(step); err == nil && (d < 0 || d > maxSpan || d > 0 && raw) {
			t.Errorf("parseStep(%q) = %v, raw %v", step, d, raw)
		}
	})
}
