package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/presage-pdm/presage/fleet/access"
)

// aProfile reads what go tool pprof reads: a gzipped protocol buffer.
func aProfile(t *testing.T, data []byte) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("not a profile: %v", err)
	}
	if text, err := io.ReadAll(z); err != nil || len(text) == 0 {
		t.Fatalf("not a profile: %d bytes, %v", len(text), err)
	}
}

func TestProfile(t *testing.T) {
	s, w := newServer(t, nil)
	admin := w.token(t, access.Admin)
	aProfile(t, read(t, request{method: "GET", path: "/api/v1/profile/heap", token: admin}.send(t, s), 200))
	refusal(t, request{method: "GET", path: "/api/v1/profile/everything", token: admin}.send(t, s), 404)
	for _, seconds := range []string{"0", "61", "soon"} {
		refusal(t, request{method: "GET", path: "/api/v1/profile/cpu?seconds=" + seconds, token: admin}.send(t, s), 422)
	}
}

// One profile of the processor is made at a time; it ends with the request.
func TestProfileOfTheProcessor(t *testing.T) {
	s, w := newServer(t, nil)
	admin := w.token(t, access.Admin)
	ask := func(ctx context.Context) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v1/profile/cpu?seconds=60", nil)
		r.Header.Set("Authorization", "Bearer "+admin)
		out := httptest.NewRecorder()
		s.Handler().ServeHTTP(out, r)
		return out
	}
	running, end := context.WithCancel(t.Context())
	first := make(chan *httptest.ResponseRecorder)
	go func() {
		out := ask(running)
		for out.Code == http.StatusServiceUnavailable && running.Err() == nil {
			out = ask(running) // one of those below was there first
		}
		first <- out
	}()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for ask(gone).Code != http.StatusServiceUnavailable {
		runtime.Gosched() // until the first one has begun
	}
	end()
	out := <-first
	if out.Code != http.StatusOK {
		t.Fatalf("status %d: %s", out.Code, out.Body)
	}
	aProfile(t, out.Body.Bytes())
}
