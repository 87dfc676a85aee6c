package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
)

// serve runs a server on a real socket.
func serve(t *testing.T, s *Server) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := s.HTTPServer()
	done := make(chan struct{})
	go func() { // ends with Close
		defer close(done)
		h.Serve(l)
	}()
	t.Cleanup(func() {
		s.Close()
		h.Close()
		<-done
	})
	return l.Addr().String()
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestABrowserThatDoesNotRead loses its stream after the time that a write may take, costs little until
// then, and others get every event meanwhile.
func TestABrowserThatDoesNotRead(t *testing.T) {
	s, w := newServer(t, func(c *Config) { c.Heartbeat = 500 * time.Millisecond })
	token := w.token(t, access.Admin)
	address := serve(t, s)
	listen := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprintf(c, "GET /api/v1/stream HTTP/1.1\r\nHost: presage.example\r\nAuthorization: Bearer %s\r\n\r\n", token)
		return c
	}
	open := func() int {
		s.streams.mu.Lock()
		defer s.streams.mu.Unlock()
		return s.streams.total
	}
	deaf := listen()
	deaf.(*net.TCPConn).SetReadBuffer(4 << 10)
	good := bufio.NewReader(listen())
	eventually(t, "both listen", func() bool { return open() == 2 })

	const events, size = 1500, 16 << 10 // more than the system buffers, and more than the hub remembers
	text := strings.Repeat("x", size)
	before := heap()
	for n := range events {
		if err := s.cfg.Hub.Event(tickets.Event{ID: fmt.Sprint("e", n), Tenant: "default", Type: text, Ticket: tickets.Ticket{Tenant: "default"}}); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf(`"e%d"`, n)
		for {
			line, err := good.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(line, "data: ") && strings.Contains(line[:min(len(line), 100)], want) {
				break
			}
		}
	}
	if grown := heap() - before; grown > (hubMemory+2*streamBuffer)*2*size {
		t.Errorf("%d MiB are kept for %d events of %d KiB", grown>>20, events, size>>10)
	}
	eventually(t, "the deaf one has lost its stream", func() bool { return open() == 1 })
}

// TestConnectionsThatStop ends a header and a body that are never completed.
func TestConnectionsThatStop(t *testing.T) {
	s, w := newServer(t, func(c *Config) { c.Timeout = time.Second })
	token := w.token(t, access.Admin)
	h := s.HTTPServer()
	h.ReadHeaderTimeout = time.Second
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // ends with Close
		defer close(done)
		h.Serve(l)
	}()
	defer func() { h.Close(); <-done }()
	for name, sent := range map[string]string{
		"nothing":           "",
		"half a header":     "GET /api/v1/tickets HTTP/1.1\r\nHost: presage",
		"half a body":       "POST /api/v1/session HTTP/1.1\r\nHost: presage.example\r\nX-Requested-With: presage\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
		"half a body, sent": "POST /prometheus/api/v1/query HTTP/1.1\r\nHost: presage.example\r\nAuthorization: Bearer " + token + "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nq",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			io.WriteString(c, sent)
			c.SetReadDeadline(time.Now().Add(15 * time.Second))
			if _, err := io.Copy(io.Discard, c); err != nil {
				t.Errorf("still open: %v", err)
			}
		})
	}
	r := httptest.NewRequest("GET", "/livez", nil)
	rec := httptest.NewRecorder()
	s.Handler().ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		t.Errorf("others get %d", rec.Code)
	}
}

// TestGuessingIsBounded stops asking the database for credentials that come too fast, and serves those who were
// there before from the same address.
func TestGuessingIsBounded(t *testing.T) {
	s, w := newServer(t, nil)
	get := func(token, address string) int {
		r := httptest.NewRequest("GET", "/api/v1/devices", nil)
		r.RemoteAddr = address + ":4000"
		r.Header.Set("Authorization", "Bearer "+token)
		rec := httptest.NewRecorder()
		s.Handler().ServeHTTP(rec, r)
		if rec.Code == http.StatusTooManyRequests && rec.Header().Get("Retry-After") == "" {
			t.Error("429 does not say when to try again")
		}
		return rec.Code
	}
	const office, home = "198.51.100.7", "203.0.113.9"
	known := w.token(t, access.Viewer)
	if code := get(known, office); code != http.StatusOK {
		t.Fatal(code)
	}
	limited := 0
	for n := range 1000 {
		switch code := get(fmt.Sprint("presage_guess-", n), office); code {
		case http.StatusUnauthorized:
		case http.StatusTooManyRequests:
			limited++
		default:
			t.Fatal(code)
		}
	}
	if limited < 600 || limited > 700 {
		t.Errorf("%d of 1000 guesses were turned away, want those beyond 300", limited)
	}
	if code := get(known, office); code != http.StatusOK {
		t.Errorf("who was there before gets %d", code)
	}
	if code := get(w.token(t, access.Admin), home); code != http.StatusOK {
		t.Errorf("another address gets %d", code)
	}
	w.mu.Lock()
	clear(w.tokens)
	w.mu.Unlock()
	if code := get(known, home); code != http.StatusUnauthorized {
		t.Errorf("a token that was taken away gets %d", code)
	}
	if code := get(known, office); code != http.StatusTooManyRequests {
		t.Errorf("a token that was taken away is still known: %d", code)
	}
}

// waiting is a series store whose queries wait.
type waiting struct {
	Series
	entered chan struct{}
	leave   chan struct{}
}

func (w waiting) Raw(ctx context.Context, _ series.Key, _ series.Range, _ int) ([]series.Point, error) {
	w.entered <- struct{}{}
	select {
	case <-w.leave:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestHistoryIsReadByFewAtOnce makes the others wait, and answers everything else meanwhile.
func TestHistoryIsReadByFewAtOnce(t *testing.T) {
	w := waiting{entered: make(chan struct{}, 10), leave: make(chan struct{})}
	s, world := newServer(t, func(c *Config) {
		w.Series, c.Series, c.HeavyQueries = c.Series, w, 2
		c.Series = w
	})
	token := world.token(t, access.Viewer)
	get := func(path string, patience time.Duration) int {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		r := httptest.NewRequestWithContext(ctx, "GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		rec := httptest.NewRecorder()
		s.Handler().ServeHTTP(rec, r)
		return rec.Code
	}
	const chart = "/api/v1/devices/car-7/series?metric=coolant_temp"
	answers := make(chan int, 3) // one for each request
	for range 2 {
		go func() { answers <- get(chart, time.Minute) }() // awaited below
		<-w.entered
	}
	if code := get("/api/v1/devices", time.Minute); code != http.StatusOK {
		t.Errorf("others get %d", code)
	}
	if code := get(chart, 100*time.Millisecond); code != http.StatusServiceUnavailable {
		t.Errorf("a third gets %d, want 503 when its turn does not come", code)
	}
	go func() { answers <- get(chart, time.Minute) }() // awaited below
	w.leave <- struct{}{}
	<-w.entered
	close(w.leave)
	for range 3 {
		if code := <-answers; code != http.StatusOK {
			t.Errorf("got %d", code)
		}
	}
}
