package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/tickets"
)

// tap is a connection to one stream whose text can be read at any time. A stalled tap takes no more.
type tap struct {
	header http.Header
	gate   chan struct{} // closed: writes go through

	mu     sync.Mutex
	status int
	text   strings.Builder
}

func newTap() *tap {
	t := &tap{header: make(http.Header), gate: make(chan struct{})}
	close(t.gate)
	return t
}

func (t *tap) Header() http.Header { return t.header }
func (t *tap) Flush()              {}
func (t *tap) WriteHeader(status int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.status = status
}
func (t *tap) Write(b []byte) (int, error) {
	<-t.gate
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(b)
}
func (t *tap) read() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// open starts a stream; closed is closed when the handler has returned.
func (t *tap) open(ctx context.Context, s *Server, token, lastID string) (closed chan struct{}) {
	r := httptest.NewRequestWithContext(ctx, "GET", "/api/v1/stream", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	closed = make(chan struct{})
	go func() { // ends with the stream; every test waits for closed
		defer close(closed)
		s.Handler().ServeHTTP(t, r)
	}()
	synctest.Wait()
	return closed
}

func event(n int) tickets.Event {
	return tickets.Event{ID: fmt.Sprint("e", n), Tenant: "default", Type: "ticket.opened", At: epoch, Ticket: tickets.Ticket{Tenant: "default", Number: fmt.Sprint("T-", n)}}
}

func publish(t *testing.T, s *Server, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		if err := s.cfg.Hub.Event(event(n)); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Wait()
}

// A notice is told to whoever may list notices, and to nobody else.
func TestStreamNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newServer(t, nil)
		ctx, cancel := context.WithCancel(context.Background())
		viewer, planner := newTap(), newTap()
		closed := []<-chan struct{}{viewer.open(ctx, s, w.token(t, access.Viewer), ""), planner.open(ctx, s, w.token(t, access.Planner), "")}
		notice := tickets.Event{ID: "e1", Tenant: "default", Type: tickets.EventDetectorDropped, At: epoch, Detector: &tickets.DetectorNotice{Rule: "hot", Stage: "shadow"}}
		if err := s.cfg.Hub.Event(notice); err != nil {
			t.Fatal(err)
		}
		publish(t, s, 1)
		if text := planner.read(); !strings.Contains(text, "event: notice\ndata: {\"id\":\"e1\"") || !strings.Contains(text, "T-1") {
			t.Errorf("the planner reads %s", text)
		}
		if text := viewer.read(); strings.Contains(text, "event: notice") || !strings.Contains(text, "T-1") {
			t.Errorf("the viewer reads %s", text)
		}
		cancel()
		for _, done := range closed {
			<-done
		}
	})
}

func TestStreamTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newServer(t, nil)
		ctx, cancel := context.WithCancel(context.Background())
		out := newTap()
		closed := out.open(ctx, s, w.token(t, access.Viewer), "")
		if out.status != 200 || out.header.Get("Content-Type") != "text/event-stream; charset=utf-8" || out.header.Get("Content-Encoding") != "" {
			t.Errorf("status %d, headers %v", out.status, out.header)
		}
		publish(t, s, 1)
		if err := s.cfg.Hub.Finding(tickets.Evidence{Finding: detectors.Finding{ID: "f9", Tenant: "default"}}); err != nil {
			t.Fatal(err)
		}
		other := event(2)
		other.Tenant = "somebody else"
		if err := s.cfg.Hub.Event(other); err != nil {
			t.Fatal(err)
		}
		hidden := event(3)
		hidden.Ticket.State = "secret"
		if err := s.cfg.Hub.Event(hidden); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		text := out.read()
		data, err := json.Marshal(event(1))
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("id: %s-1\nevent: ticket\ndata: %s\n\n", s.cfg.Hub.boot, data); !strings.Contains(text, want) {
			t.Errorf("the stream lacks %s in\n%s", want, text)
		}
		if !strings.Contains(text, "event: finding\ndata: {\"id\":\"f9\"") {
			t.Errorf("the stream lacks the finding: %s", text)
		}
		if strings.Contains(text, "T-2") || strings.Contains(text, "T-3") {
			t.Errorf("the stream tells what is not for the listener: %s", text)
		}

		before := strings.Count(out.read(), ": heartbeat\n\n")
		time.Sleep(s.cfg.Heartbeat + time.Second)
		if got := strings.Count(out.read(), ": heartbeat\n\n"); got != before+1 {
			t.Errorf("%d heartbeats in one interval", got-before)
		}
		cancel()
		<-closed
	})
}

func TestStreamResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newServer(t, nil)
		token := w.token(t, access.Viewer)
		publish(t, s, 1, 2, 3)
		boot := s.cfg.Hub.boot
		for lastID, want := range map[string]string{
			boot + "-1":                    "T-2 T-3",
			boot + "-3":                    "",
			boot + "-0":                    "T-1 T-2 T-3",
			boot + "-4":                    "reset", // of the future
			"otherboot-2":                  "reset", // before a restart
			boot + "-x":                    "reset",
			boot + "--1":                   "reset",
			"":                             "",
			boot + "-18446744073709551615": "reset",
		} {
			ctx, cancel := context.WithCancel(context.Background())
			out := newTap()
			closed := out.open(ctx, s, token, lastID)
			var got []string
			for _, line := range strings.Split(out.read(), "\n") {
				if strings.HasPrefix(line, "event: reset") {
					got = append(got, "reset")
				}
				if data, ok := strings.CutPrefix(line, "data: {\"id\""); ok {
					_, number, _ := strings.Cut(data, `"number":"`)
					got = append(got, number[:3])
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("after %q: %v, want %q", lastID, got, want)
			}
			cancel()
			<-closed
		}
	})
}

// TestStreamForgets: what is older than the hub's memory cannot be resumed.
func TestStreamForgets(t *testing.T) {
	h := NewHub()
	for n := range hubMemory + 10 {
		if err := h.Event(event(n)); err != nil {
			t.Fatal(err)
		}
	}
	l, _, complete := h.listen("default", h.boot+"-9")
	if complete {
		t.Error("messages that were forgotten count as told")
	}
	h.leave(l)
	l, missed, complete := h.listen("default", h.boot+"-10")
	if !complete || len(missed) != hubMemory {
		t.Errorf("%d messages, complete %v; want all %d", len(missed), complete, hubMemory)
	}
	h.leave(l)
	if len(h.listeners) != 0 {
		t.Error("listeners stay")
	}
}

// TestSlowBrowserIsReset: a browser that does not read costs a bounded amount and is told to start over.
func TestSlowBrowserIsReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newServer(t, nil)
		ctx, cancel := context.WithCancel(context.Background())
		out := newTap()
		closed := out.open(ctx, s, w.token(t, access.Viewer), "")
		out.gate = make(chan struct{})
		for n := range streamBuffer + 20 {
			publish(t, s, n)
		}
		close(out.gate)
		synctest.Wait()
		text := out.read()
		if strings.Count(text, "event: reset") != 1 {
			t.Errorf("%d resets", strings.Count(text, "event: reset"))
		}
		if got := strings.Count(text, "event: ticket"); got > 2 {
			t.Errorf("%d events beside the reset", got)
		}
		publish(t, s, 999)
		if !strings.Contains(out.read(), "T-999") {
			t.Error("nothing comes after the reset")
		}
		cancel()
		<-closed
	})
}

func TestStreamsPerUserAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newServer(t, func(c *Config) { c.StreamsPerUser, c.Streams = 2, 3 })
		viewer, admin := w.token(t, access.Viewer), w.token(t, access.Admin)
		ctx, cancel := context.WithCancel(context.Background())
		var open []chan struct{}
		for range 2 {
			open = append(open, newTap().open(ctx, s, viewer, ""))
		}
		third := newTap()
		<-third.open(ctx, s, viewer, "")
		if third.status != http.StatusTooManyRequests || third.header.Get("Retry-After") == "" {
			t.Errorf("the third stream of a user: status %d", third.status)
		}
		open = append(open, newTap().open(ctx, s, admin, ""))
		fourth := newTap()
		<-fourth.open(ctx, s, admin, "")
		if fourth.status != http.StatusServiceUnavailable || fourth.header.Get("Retry-After") == "" {
			t.Errorf("one stream too many: status %d", fourth.status)
		}
		cancel()
		for _, closed := range open {
			<-closed
		}
		if s.streams.total != 0 || len(s.streams.open) != 0 {
			t.Errorf("%d streams are counted after all closed", s.streams.total)
		}
	})
}

func TestStreamEndsAtShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newServer(t, nil)
		token := w.token(t, access.Viewer)
		closed := newTap().open(context.Background(), s, token, "")
		s.Close()
		s.Close() // also twice
		<-closed
		late := newTap()
		<-late.open(context.Background(), s, token, "")
		if late.status != http.StatusServiceUnavailable {
			t.Errorf("a stream after the end: status %d", late.status)
		}
	})
}

// TestStreamEndsWithItsRight: who may not sign in any more hears nothing any more.
func TestStreamEndsWithItsRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newServer(t, nil)
		token := w.token(t, access.Viewer)
		out := newTap()
		closed := out.open(context.Background(), s, token, "")
		w.mu.Lock()
		clear(w.tokens)
		w.mu.Unlock()
		time.Sleep(recheckEvery + s.cfg.Heartbeat)
		<-closed
	})
}

func TestStreamEndsWithItsUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newServer(t, nil)
		viewer, admin := w.token(t, access.Viewer), w.token(t, access.Admin)
		dropped := newTap().open(context.Background(), s, viewer, "")
		ctx, cancel := context.WithCancel(context.Background())
		kept := newTap().open(ctx, s, admin, "")
		s.streams.drop("default", "token:test-viewer")
		<-dropped
		select {
		case <-kept:
			t.Error("the stream of somebody else ended")
		default:
		}
		cancel()
		<-kept
	})
}

// TestStreamOverTCP runs a real server: a stream outlives the limits of ordinary requests, and Shutdown ends it.
func TestStreamOverTCP(t *testing.T) {
	s, w := newServer(t, func(c *Config) { c.Timeout = 100 * time.Millisecond; c.Heartbeat = 50 * time.Millisecond })
	h := s.HTTPServer()
	h.WriteTimeout = 100 * time.Millisecond
	l := httptest.NewUnstartedServer(nil)
	l.Config = h
	l.Start()
	defer l.Close()
	q, err := http.NewRequest("GET", l.URL+"/api/v1/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+w.token(t, access.Viewer))
	q.Header.Set("Accept-Encoding", "gzip")
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.Header.Get("Content-Encoding") != "" {
		t.Error("the stream is compressed, so events wait for each other")
	}
	var text strings.Builder
	buf := make([]byte, 512)
	for strings.Count(text.String(), ": heartbeat") < 8 { // 400 ms, four times the limits
		n, err := res.Body.Read(buf)
		if err != nil {
			t.Fatalf("the stream ended after %q: %v", text.String(), err)
		}
		text.Write(buf[:n])
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := h.Shutdown(ctx); err != nil {
		t.Fatalf("shutdown waits for the stream: %v", err)
	}
}
