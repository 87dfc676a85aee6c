package promseries

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"

	grafana "github.com/grafana/regexp"
	"github.com/prometheus/common/route"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/scrape"
	v1 "github.com/prometheus/prometheus/web/api/v1"
)

// served are the paths of the Prometheus API that make sense for a store of
// telemetry; Grafana needs no others. Everything that writes, administers or
// tells of targets, rules and flags is left out.
var served = regexp.MustCompile(`^/api/v1/(query|query_range|series|labels|label/[^/]+/values|metadata|status/buildinfo|format_query|parse_query)$`)

// maxRequestBody bounds a form that is posted; PromQL expressions are far shorter.
const maxRequestBody = 1 << 20

// Handler answers Prometheus' HTTP API (/api/v1/query and what else Grafana needs) for the
// series of one tenant, within the limits of [QueryConfig]. Whoever mounts it
// under a prefix strips that, and authenticates. It may be called for every request: handlers are kept.
func (s *Store) Handler(tenant string) http.Handler {
	s.handlerMu.Lock()
	defer s.handlerMu.Unlock()
	h := s.handlers[tenant]
	if h == nil {
		h = s.newHandler(tenant)
		s.handlers[tenant] = h
	}
	return h
}

func (s *Store) newHandler(tenant string) http.Handler {
	view := tenantView{s.db, labels.MustNewMatcher(labels.MatchEqual, labelTenant, tenant)}
	promql := parser.NewParser(parser.Options{})
	api := v1.NewAPI(
		s.engine, view,
		nil, nil, nil, // appendables and exemplars: read only
		nil,
		func(context.Context) v1.TargetRetriever { return noTargets{} },
		nil,
		func() config.Config { return config.Config{} },
		nil, v1.GlobalURLOptions{},
		func(f http.HandlerFunc) http.HandlerFunc { return f }, // always ready
		nil, "", false, // no administration
		false, 0, // no search
		s.log, nil,
		0, 1, 0, // remote read is not served
		false,
		grafana.MustCompile("^$"), // no other origin
		nil, buildInfo(), nil, nil, nil, nil, nil,
		false, nil, // no remote write
		false, false, false, false, // no OTLP
		s.cfg.Query.Lookback, false, false, nil, nil,
		v1.OpenAPIOptions{}, promql,
	)
	router := route.New().WithPrefix("/api/v1")
	api.Register(router)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !served.MatchString(r.URL.EscapedPath()) || r.Method != http.MethodGet && r.Method != http.MethodPost {
			promError(w, http.StatusNotFound, "not_found", "Presage serves the query part of the Prometheus API only")
			return
		}
		// The library would take a form that is cut short for an empty one.
		r.Body = http.MaxBytesReader(w, r.Body, maxRequestBody)
		if err := r.ParseForm(); err != nil {
			if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
				promError(w, http.StatusRequestEntityTooLarge, "bad_data", fmt.Sprintf("the request is too large: at most %d bytes are read", tooLarge.Limit))
				return
			}
			promError(w, http.StatusBadRequest, "bad_data", err.Error())
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), s.cfg.Query.Timeout)
		defer cancel()
		s.queued.Add(1)
		select {
		case s.slots <- struct{}{}:
			s.queued.Add(-1)
			defer func() { <-s.slots }()
		case <-ctx.Done():
			s.queued.Add(-1)
			promError(w, http.StatusServiceUnavailable, "timeout", "too many queries are running: try again, or ask for less at once")
			return
		}
		router.ServeHTTP(w, r.WithContext(ctx))
	})
}

// promError writes an error in the form of Prometheus' API.
func promError(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// An error to write is the client's going away.
	_ = json.NewEncoder(w).Encode(map[string]string{"status": "error", "errorType": kind, "error": message})
}

// buildInfo tells Grafana which version of Prometheus' API to expect.
func buildInfo() *v1.PrometheusVersion {
	info := &v1.PrometheusVersion{Version: "3.13.5", GoVersion: runtime.Version(), Branch: "presage"}
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range build.Deps {
			if dep.Path == "github.com/prometheus/prometheus" {
				info.Version = libraryVersion(dep.Version)
			}
		}
	}
	return info
}

// libraryVersion turns the version of the Go module, v0.313.5, into that of the program, 3.13.5.
func libraryVersion(module string) string {
	minor, patch, ok := strings.Cut(strings.TrimPrefix(module, "v0."), ".")
	if !ok || len(minor) < 3 {
		return module
	}
	return minor[:1] + "." + strings.TrimLeft(minor[1:2], "0") + minor[2:] + "." + patch
}

// noTargets is the target retriever of a store that scrapes nothing.
type noTargets struct{}

func (noTargets) TargetsActive() map[string][]*scrape.Target  { return nil }
func (noTargets) TargetsDropped() map[string][]*scrape.Target { return nil }
func (noTargets) TargetsDroppedCounts() map[string]int        { return nil }
func (noTargets) ScrapePoolConfig(string) (*config.ScrapeConfig, error) {
	return nil, nil
}
