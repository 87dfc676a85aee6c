package web

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const streamPath = "/api/v1/stream"

// routes registers everything that is not a page.
func (s *Server) routes() {
	s.sessionRoutes()
	s.deviceRoutes()
	s.seriesRoutes()
	s.directoryRoutes()
	s.ticketRoutes()
	s.findingRoutes()
	s.quarantineRoutes()
	s.failureRoutes()
	s.maintenanceRoutes()
	s.webhookRoutes()
	s.catalogRoutes()
	s.detectorRoutes()
	s.userRoutes()
	s.tokenRoutes()
	s.deviceCredentialRoutes()
	s.aboutRoutes()
	s.demoRoutes()

	s.mux.Handle("GET "+streamPath, s.guard("stream", http.HandlerFunc(s.stream)))
	s.mux.Handle("GET /metrics", s.metrics())
	s.mux.Handle("GET "+profilePath, s.guard("get-profile", http.HandlerFunc(s.profile)))
	// Grafana sends long queries as forms, which change nothing. It signs in with a token.
	query := s.guard("query-promql", http.StripPrefix("/prometheus", s.promQL()))
	s.mux.Handle("GET /prometheus/", query)
	s.mux.Handle("POST /prometheus/", query)
	s.documentPlain()
}

// promQL answers queries over the series of the server's tenant; a token of another tenant finds nothing here.
func (s *Server) promQL() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.cfg.PromQL == nil || principalOf(r.Context()).Tenant != s.cfg.Tenant {
			writeProblem(w, problem(http.StatusNotFound, "The series store in use does not answer PromQL here; ask it directly."))
			return
		}
		s.cfg.PromQL.ServeHTTP(w, r)
	})
}

// metrics shows the metrics to this machine and to whoever signed in; to everybody when that is configured.
func (s *Server) metrics() http.Handler {
	var show http.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, problem(http.StatusNotFound, "Metrics are not collected here."))
	})
	if s.cfg.Metrics != nil {
		// The chain around all handlers compresses already.
		show = promhttp.HandlerFor(s.cfg.Metrics, promhttp.HandlerOpts{DisableCompression: true})
	}
	guarded := s.guard("get-metrics", show)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.cfg.OpenMetrics || fromLoopback(r) {
			show.ServeHTTP(w, r)
			return
		}
		guarded.ServeHTTP(w, r)
	})
}

// documentHandler answers with the OpenAPI document.
func (s *Server) documentHandler() (http.Handler, error) {
	doc, err := s.OpenAPI()
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(doc) // the client may be gone
	}), nil
}

// OpenAPI returns the OpenAPI document of the API as indented JSON.
func (s *Server) OpenAPI() ([]byte, error) {
	doc, err := json.MarshalIndent(s.api.OpenAPI(), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the OpenAPI document: %w", err)
	}
	return append(doc, '\n'), nil
}

// documentPlain describes the handlers that the API framework does not know.
func (s *Server) documentPlain() {
	text := func(kind, description string) map[string]*huma.Response {
		return map[string]*huma.Response{"200": {
			Description: description,
			Content:     map[string]*huma.MediaType{kind: {Schema: &huma.Schema{Type: huma.TypeString}}},
		}}
	}
	for _, op := range []huma.Operation{
		{
			OperationID: "stream", Method: http.MethodGet, Path: streamPath, Summary: "Live events", Tags: []string{"stream"},
			Parameters: []*huma.Param{{Name: "Last-Event-ID", In: "header", Schema: &huma.Schema{Type: huma.TypeString}}},
			Responses: text("text/event-stream", "Server-sent events: “ticket” with an Event, “finding” with an Evidence, “notice” with an Event that is about no ticket, "+
				"“reset” when events were missed and everything shown should be loaded again; comments as heartbeat."),
		},
		{
			OperationID: "get-metrics", Method: http.MethodGet, Path: "/metrics", Summary: "Metrics of the server", Tags: []string{"operation"},
			Responses: text("text/plain", "Metrics in the Prometheus text format. Loopback addresses see them without a token."),
		},
		{
			OperationID: "get-profile", Method: http.MethodGet, Path: profilePath, Summary: "A profile of the server", Tags: []string{"operation"},
			Parameters: []*huma.Param{
				{Name: "kind", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"cpu", "heap", "allocs", "goroutine", "block", "mutex", "threadcreate"}}},
				{Name: "seconds", In: "query", Schema: &huma.Schema{Type: huma.TypeInteger}, Description: "How long the processor is profiled; 10 without it, at most 60."},
				{Name: "gc", In: "query", Schema: &huma.Schema{Type: huma.TypeBoolean}, Description: "Collect garbage before a profile of the heap."},
			},
			Responses: text("application/octet-stream", "A profile for go tool pprof."),
		},
		{
			OperationID: "query-promql", Method: http.MethodGet, Path: "/prometheus/api/v1/query", Summary: "PromQL over the embedded series store", Tags: []string{"devices"},
			Responses: text("application/json", "The HTTP API of Prometheus, for Grafana: its base address is /prometheus."),
		},
	} {
		s.describeAccess(&op)
		s.api.OpenAPI().AddOperation(&op)
	}
}
