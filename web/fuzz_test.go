package web

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
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

// FuzzHeaders sends what stands beside a request: who it says it is, where it says it comes from, and where a stream is to go on.
// Nobody gets in by that, and nothing crashes.
func FuzzHeaders(f *testing.F) {
	f.Add("Bearer x", "presage_session=y", "198.51.100.1, ::1", "127.0.0.1:8080", "boot-1")
	f.Add("bearer  ", "presage_session=\"", "for=\"_x\"", "[::1", "-18446744073709551616")
	f.Add("Basic YTpi", ";;=;", ",,,", "localhost.", "\x00")
	s, w := newServer(f, func(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")} })
	s.strangers = newStrangers()
	for n := range 5 {
		if err := s.cfg.Hub.Event(event(n)); err != nil {
			f.Fatal(err)
		}
	}
	secret := w.token(f, access.Admin)
	s.Close() // streams would not end
	f.Fuzz(func(t *testing.T, authorization, cookie, forwarded, host, last string) {
		for _, path := range []string{"/api/v1/devices", streamPath, "/metrics", "/prometheus/api/v1/query"} {
			r := httptest.NewRequest("GET", path, nil)
			r.RemoteAddr, r.Host = "198.51.100.7:4000", host
			r.Header = http.Header{
				"Authorization": {authorization}, "Cookie": {cookie}, "X-Forwarded-For": {forwarded}, "Last-Event-Id": {last},
			}
			rec := httptest.NewRecorder()
			s.Handler().ServeHTTP(rec, r)
			switch rec.Code {
			case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
			default:
				if !strings.Contains(authorization, secret) {
					t.Fatalf("GET %s with %q, %q, %q, %q: %d", path, authorization, cookie, forwarded, host, rec.Code)
				}
			}
		}
		l, missed, complete := s.cfg.Hub.listen("default", last)
		s.cfg.Hub.leave(l)
		if len(missed) > 5 || !complete && len(missed) > 0 {
			t.Fatalf("%d messages missed since %q, complete %v", len(missed), last, complete)
		}
	})
}
