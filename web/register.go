package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/presage-pdm/presage/fleet/access"
)

// body is the answer of an operation that has only a body.
type body[T any] struct{ Body T }

func answer[T any](v T) *body[T] { return &body[T]{Body: v} }

// none is the input or output of operations that have none.
type none struct{}

func newAPI(mux *http.ServeMux, version string) huma.API {
	cfg := huma.DefaultConfig("Presage", version)
	cfg.Info.Description = "Fault tickets from device telemetry: devices, series, tickets, diagnoses and the desk."
	cfg.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	cfg.OpenAPIPath = "" // served by the server itself, finished
	cfg.DocsPath, cfg.SchemasPath = "", ""
	cfg.CreateHooks = nil
	cfg.RejectUnknownQueryParameters = true
	cfg.Transformers = []huma.Transformer{dressProblem}
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "An API token."},
		"session": {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "A browser's session. Unsafe methods need the header X-Requested-With: presage as well."},
	}
	return humago.New(mux, cfg)
}

// operation describes an operation shortly; status 0 means 200.
type operation struct {
	id, method, path, summary, tag string
	status                         int
	heavy                          bool // reads history, of which as many as may run at once
}

// handle registers an operation. It panics, at start and in every test, when the operation has no line in the table of permissions.
func handle[I, O any](s *Server, op operation, fn func(ctx context.Context, who access.Principal, in *I) (*O, error)) {
	s.declare(op.id)
	described := huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path, Summary: op.summary, Tags: []string{op.tag},
		DefaultStatus: op.status, MaxBodyBytes: s.cfg.MaxBody, BodyReadTimeout: s.cfg.Timeout,
	}
	s.describeAccess(&described)
	huma.Register(s.api, described, func(ctx context.Context, in *I) (*O, error) {
		ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
		defer cancel()
		if op.heavy {
			leave, err := s.claimHistory(ctx)
			if err != nil {
				return nil, huma.ErrorWithHeaders(problem(http.StatusServiceUnavailable, "Too many requests read history at once. Try again."), http.Header{"Retry-After": {"2"}})
			}
			defer leave()
		}
		out, err := fn(ctx, principalOf(ctx), in)
		if err == nil {
			return out, nil
		}
		p, known := problemOf(err)
		if !known {
			s.cfg.Log.Error("request failed", "operation", op.id, "err", err)
		}
		if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
			return nil, huma.ErrorWithHeaders(p, http.Header{"Retry-After": {retryAfter(err)}})
		}
		return nil, p
	})
}

// claimHistory waits for a place among those who may read history at once.
func (s *Server) claimHistory(ctx context.Context) (leave func(), err error) {
	select {
	case s.heavy <- struct{}{}:
		return func() { <-s.heavy }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// declare notes that an operation has a handler.
func (s *Server) declare(id string) {
	if _, ok := s.permissions[id]; !ok {
		panic(fmt.Sprintf("operation %q has no line in the table of permissions", id))
	}
	if s.registered[id] {
		panic(fmt.Sprintf("operation %q is registered twice", id))
	}
	s.registered[id] = true
}

// describeAccess tells the reader of the OpenAPI document who may use an operation.
func (s *Server) describeAccess(op *huma.Operation) {
	p := s.permissions[op.OperationID]
	if p.public {
		op.Description = "For everybody."
		return
	}
	op.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	op.Description = "Roles:"
	for i, r := range p.roles {
		if i > 0 {
			op.Description += ","
		}
		op.Description += " " + string(r)
	}
	op.Description += "."
}

// retryAfter is the value of Retry-After for an error, in seconds.
func retryAfter(err error) string {
	if limited, ok := err.(*limitedError); ok {
		return fmt.Sprint(int(limited.wait/time.Second) + 1)
	}
	return "2"
}
