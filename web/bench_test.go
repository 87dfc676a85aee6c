package web

import (
	"testing"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
)

// The benchmarks measure what HTTP costs on top of the stores: sign-in check, encoding and compression.

func BenchmarkTicketPage(b *testing.B) {
	s, w := newServer(b, nil)
	w.tickets = append([]tickets.Ticket{}, make([]tickets.Ticket, 50)...)
	for i := range w.tickets {
		w.tickets[i] = newWorld().tickets[0]
	}
	benchmark(b, s, request{method: "GET", path: "/api/v1/tickets", token: w.token(b, access.Viewer), header: []string{"Accept-Encoding", "gzip"}})
}

func BenchmarkSeries(b *testing.B) {
	s, w := newServer(b, nil)
	w.points["coolant_temp"] = nil
	for i := range chartPoints {
		w.points["coolant_temp"] = append(w.points["coolant_temp"], series.Point{Time: epoch.UnixMilli() + int64(i), Value: 90 + float64(i%17)/16})
	}
	benchmark(b, s, request{
		method: "GET", path: "/api/v1/devices/car-7/series?metric=coolant_temp&from=2026-11-21T08:00:00Z&to=2026-11-22T08:00:00Z",
		token: w.token(b, access.Viewer), header: []string{"Accept-Encoding", "gzip"},
	})
}

func benchmark(b *testing.B, s *Server, q request) {
	b.ReportAllocs()
	for b.Loop() {
		if res := q.send(b, s); res.StatusCode != 200 {
			b.Fatalf("status %d", res.StatusCode)
		}
	}
}
