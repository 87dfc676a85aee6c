package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets/quality"
	"github.com/presage-pdm/presage/web"
)

// What does not go into one answer comes in several, whole and in order.
func TestRemoteHistoryIsWhole(t *testing.T) {
	const mostPoints = 20_000
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	at := func(i int) int64 { return start.UnixMilli() + int64(i)*700 }
	var points [][2]float64
	for i := range 50_000 {
		if i < 10_000 || i > 40_000 { // a gap of hours
			points = append(points, [2]float64{float64(at(i)), float64(i) / 3})
		}
	}
	var events []telemetry.Event
	for i := range 12_000 {
		events = append(events, telemetry.Event{Time: at(i / 3), Code: "e", ID: strconv.Itoa(i)})
	}
	var failures []quality.Failure
	for i := range 25_000 {
		failures = append(failures, quality.Failure{Device: strconv.Itoa(i), Component: "device", FailedAt: time.UnixMilli(at(i / 2)).UTC()})
	}
	within := func(r *http.Request, ms int64) bool {
		from, _ := strconv.ParseInt(r.FormValue("from"), 10, 64)
		to, _ := strconv.ParseInt(r.FormValue("to"), 10, 64)
		return ms >= from && ms < to
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer any
		limit, _ := strconv.Atoi(r.FormValue("limit"))
		switch {
		case r.Header.Get("Authorization") != "Bearer secret":
			w.WriteHeader(http.StatusUnauthorized)
			answer = web.Problem{Detail: "Sign in."}
		case strings.HasSuffix(r.URL.Path, "/series"):
			var out web.Readings
			for _, p := range points {
				if within(r, int64(p[0])) {
					out.Points = append(out.Points, p)
				}
			}
			if answer = out; len(out.Points) > mostPoints {
				w.WriteHeader(http.StatusUnprocessableEntity)
				answer = web.Problem{Detail: "too many"}
			}
		case strings.HasSuffix(r.URL.Path, "/events"):
			found := slices.DeleteFunc(slices.Clone(events), func(e telemetry.Event) bool { return !within(r, e.Time) })
			answer = web.DeviceEvents{Events: firstOfList(found, limit), Truncated: len(found) > limit}
		case strings.HasSuffix(r.URL.Path, "/failures"):
			found := slices.DeleteFunc(slices.Clone(failures), func(f quality.Failure) bool { return !within(r, f.FailedAt.UnixMilli()) })
			answer = web.FailureList{Failures: firstOfList(found, limit), More: len(found) > limit}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	defer server.Close()
	h, err := newRemoteHistory(server.URL+"/", "secret")
	if err != nil {
		t.Fatal(err)
	}
	key, span := series.Key{Device: "a", Metric: "m"}, series.Range{From: start, To: time.UnixMilli(at(50_000))}
	var got [][2]float64
	for r := span; ; {
		page, err := h.Raw(t.Context(), key, r, 8192)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page {
			got = append(got, [2]float64{float64(p.Time), p.Value})
		}
		if len(page) < 8192 {
			break
		}
		r.From = time.UnixMilli(page[len(page)-1].Time + 1)
	}
	if !slices.Equal(got, points) {
		t.Errorf("%d points, want %d", len(got), len(points))
	}
	if again, err := h.Raw(t.Context(), key, series.Range{From: span.From.Add(7 * time.Second), To: span.To}, 3); err != nil || len(again) != 3 || again[0].Time != at(10) {
		t.Errorf("from elsewhere: %v, %v", again, err)
	}
	told, err := h.Events(t.Context(), "", "a", span.From, span.To, 10_000)
	if err != nil || !slices.EqualFunc(told, events[:10_000], func(a, b telemetry.Event) bool { return a.ID == b.ID && a.Time == b.Time }) {
		t.Errorf("%d events, %v", len(told), err)
	}
	broke, err := h.failures(t.Context(), span.From, span.To)
	if err != nil || !slices.Equal(broke, failures) {
		t.Errorf("%d failures, %v; want %d", len(broke), err, len(failures))
	}
	h.token = "wrong"
	if _, err := h.failures(t.Context(), span.From, span.To); err == nil || !strings.Contains(err.Error(), "401 Unauthorized: Sign in.") {
		t.Errorf("with a wrong token: %v", err)
	}
	for _, flags := range [][2]string{{"presage.example", "t"}, {"ftp://presage.example", "t"}, {server.URL, ""}} {
		if _, err := newRemoteHistory(flags[0], flags[1]); err == nil {
			t.Errorf("%q with token %q was taken", flags[0], flags[1])
		}
	}
}
