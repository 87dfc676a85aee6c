package web

import (
	"context"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"github.com/presage-pdm/presage/fleet/access"
)

// chain puts everything around the routes that all requests have in common.
func (s *Server) chain() (http.Handler, error) {
	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.CompressionLevel(3),
		// Answers hold what others chose beside what is secret: their length must not tell (BREACH).
		gzhttp.RandomJitter(64, 0, false))
	if err != nil {
		return nil, err
	}
	ordinary := compress(http.HandlerFunc(s.route))
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == streamPath { // each event has to leave at once
			s.route(w, r)
			return
		}
		ordinary.ServeHTTP(w, r)
	})
	return s.observe(s.secure(h)), nil
}

// apiPath reports whether a path belongs to programs, so that the browser application does not answer for it.
func apiPath(path string) bool {
	switch path {
	case "/livez", "/readyz", "/metrics", "/openapi.json", "/api", "/prometheus":
		return true
	}
	return strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/prometheus/")
}

// route sends a request to the API or to the browser application.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	if !apiPath(r.URL.Path) {
		s.app.ServeHTTP(w, r)
		return
	}
	if r.Body != nil {
		r.Body = http.MaxBytesReader(w, r.Body, s.cfg.MaxBody)
	}
	if _, pattern := s.mux.Handler(r); pattern == "" {
		s.unrouted(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// unrouted answers for paths that nothing serves, and for methods that a path does not have.
func (s *Server) unrouted(w http.ResponseWriter, r *http.Request) {
	probe := &headerOnly{header: make(http.Header)}
	s.mux.ServeHTTP(probe, r)
	if probe.status == http.StatusMethodNotAllowed {
		allow := probe.header.Get("Allow")
		w.Header().Set("Allow", allow)
		writeProblem(w, problem(http.StatusMethodNotAllowed, "This path answers to "+allow+" only."))
		return
	}
	writeProblem(w, problem(http.StatusNotFound, "Nothing answers at this path. GET /openapi.json lists what there is."))
}

// headerOnly keeps the status and the header of an answer.
type headerOnly struct {
	header http.Header
	status int
}

func (h *headerOnly) Header() http.Header         { return h.header }
func (h *headerOnly) WriteHeader(status int)      { h.status = status }
func (h *headerOnly) Write(b []byte) (int, error) { return len(b), nil }

// apiPolicy is the content security policy of everything but the browser application: nothing may be loaded.
const apiPolicy = "default-src 'none'; frame-ancestors 'none'"

// secure sets the headers that keep browsers from being used against their owners.
func (s *Server) secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer") // the set-up link holds a secret
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		h.Set("Content-Security-Policy", apiPolicy)
		if apiPath(r.URL.Path) {
			h.Set("Cache-Control", "no-store")
		}
		if s.secureConnection(r) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		from := client{address: s.clientAddress(r), secure: s.secureConnection(r)}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), clientKey{}, from)))
	})
}

// secureConnection reports whether the browser speaks TLS, to us or to the proxy in front.
func (s *Server) secureConnection(r *http.Request) bool {
	return r.TLS != nil || strings.HasPrefix(s.cfg.PublicURL, "https://")
}

// noted is what the inner handlers tell the log about a request.
type noted struct {
	operation string
	user      string
}

type notedKey struct{}

func noteOperation(ctx context.Context, operation string, who access.Principal) {
	if n, ok := ctx.Value(notedKey{}).(*noted); ok {
		n.operation, n.user = operation, who.User
	}
}

// observe counts, times and logs requests, and turns a panic into a problem. It logs the operation and never the
// address line, which may hold secrets and what people search for.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		n := &noted{operation: "page"}
		if apiPath(r.URL.Path) {
			n.operation = "none"
		}
		out := &statusWriter{ResponseWriter: w}
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.cfg.Log.Error("request panicked", "operation", n.operation, "panic", p, "stack", string(debug.Stack()))
				if out.status == 0 {
					writeProblem(out, problem(http.StatusInternalServerError, "Something failed here. The log of the server says what."))
				}
			}
			took := time.Since(start)
			s.meters.requests.WithLabelValues(n.operation, strconv.Itoa(out.status)).Inc()
			if n.operation != "stream" {
				s.meters.seconds.WithLabelValues(n.operation).Observe(took.Seconds())
			}
			s.cfg.Log.Debug("request", "operation", n.operation, "method", r.Method, "status", out.status, "bytes", out.bytes, "took", took, "user", n.user)
		}()
		next.ServeHTTP(out, r.WithContext(context.WithValue(r.Context(), notedKey{}, n)))
	})
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
