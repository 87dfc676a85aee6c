package web

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
)

// streams counts the open streams and ends them.
type streams struct {
	most, mostPerUser int

	mu     sync.Mutex
	open   map[string]map[*stream]struct{} // by tenant and user
	total  int
	closed bool
	done   chan struct{} // closed by close
}

type stream struct{ end context.CancelFunc }

func newStreams(most, mostPerUser int) *streams {
	return &streams{most: most, mostPerUser: mostPerUser, open: make(map[string]map[*stream]struct{}), done: make(chan struct{})}
}

func streamOwner(tenant, user string) string { return tenant + "\x00" + user }

// enter counts a stream in, or says why not.
func (s *streams) enter(owner string, one *stream) *Problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return problem(http.StatusServiceUnavailable, "The server is shutting down.")
	case len(s.open[owner]) >= s.mostPerUser:
		return problem(http.StatusTooManyRequests, fmt.Sprintf("You have %d live streams open already: close other windows, or share one stream between them.", s.mostPerUser))
	case s.total >= s.most:
		return problem(http.StatusServiceUnavailable, "The server has as many live streams as it can carry.")
	}
	if s.open[owner] == nil {
		s.open[owner] = make(map[*stream]struct{})
	}
	s.open[owner][one] = struct{}{}
	s.total++
	return nil
}

func (s *streams) exit(owner string, one *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open[owner], one)
	if len(s.open[owner]) == 0 {
		delete(s.open, owner)
	}
	s.total--
}

// drop ends the streams of a user, whose browser then has to show its credentials again.
func (s *streams) drop(tenant, user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for one := range s.open[streamOwner(tenant, user)] {
		one.end()
	}
}

// close ends all streams and refuses new ones. It may be called once.
func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	close(s.done)
}

func (s *streams) closing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// recheckEvery is how often a stream makes sure that its owner may still listen.
const recheckEvery = time.Minute

// stream answers with server-sent events (WHATWG HTML, section 9.2): "ticket", "finding" and "notice" as they happen,
// "reset" when the client missed some and should load what it shows again, and a comment as heartbeat.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	who := principalOf(r.Context())
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	one, owner := &stream{end: cancel}, streamOwner(who.Tenant, who.User)
	if p := s.streams.enter(owner, one); p != nil {
		challenge(w, p)
		return
	}
	defer s.streams.exit(owner, one)
	s.meters.streams.Inc()
	defer s.meters.streams.Dec()

	listener, missed, complete := s.cfg.Hub.listen(who.Tenant, r.Header.Get("Last-Event-ID"))
	defer s.cfg.Hub.leave(listener)

	out := &eventWriter{w: w, control: http.NewResponseController(w), patience: 2 * s.cfg.Heartbeat}
	// The limits of ordinary requests do not hold for a stream; a write that a browser does not take ends it.
	if err := out.control.SetReadDeadline(time.Time{}); err != nil {
		s.cfg.Log.Debug("stream keeps the read deadline", "err", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)

	out.printf("retry: 3000\n: presage\n\n")
	if !complete {
		out.reset(s.cfg.Hub.position())
	}
	for _, m := range missed {
		s.tell(out, who, m)
	}
	out.flush()
	s.pump(ctx, out, listener, r, who)
}

// pump writes until the client goes, the server stops, or the owner may listen no more.
func (s *Server) pump(ctx context.Context, out *eventWriter, l *listener, r *http.Request, who access.Principal) {
	heartbeat := time.NewTicker(s.cfg.Heartbeat)
	defer heartbeat.Stop()
	checked := time.Now()
	for out.err == nil {
		select {
		case <-ctx.Done():
			return
		case <-s.streams.done:
			return
		case m := <-l.inbox:
			if l.lost.Swap(false) {
				for len(l.inbox) > 0 {
					<-l.inbox
				}
				out.reset(s.cfg.Hub.position())
			} else {
				s.tell(out, who, m)
			}
			if len(l.inbox) == 0 {
				out.flush()
			}
		case <-heartbeat.C:
			if time.Since(checked) >= recheckEvery {
				now, p := s.admit(r, "stream")
				if p != nil || now.Role != who.Role || now.User != who.User {
					return
				}
				checked = time.Now()
			}
			out.printf(": heartbeat\n\n")
			out.flush()
		}
	}
}

// tell writes a message, if the listener may read it.
func (s *Server) tell(out *eventWriter, who access.Principal, m *message) {
	if !s.permissions[m.operation].allows(who.Role) || m.ticket != nil && !s.cfg.Desk.MayView(*m.ticket, who) {
		return
	}
	out.printf("id: %s\nevent: %s\ndata: %s\n\n", s.cfg.Hub.id(m), m.event, m.data)
}

// eventWriter writes server-sent events and remembers the first failure.
type eventWriter struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
	err      error
}

func (e *eventWriter) printf(format string, args ...any) {
	if e.err != nil {
		return
	}
	// Connections without deadlines, as in tests, are written to all the same.
	_ = e.control.SetWriteDeadline(time.Now().Add(e.patience))
	_, e.err = fmt.Fprintf(e.w, format, args...)
}

func (e *eventWriter) reset(id string) { e.printf("id: %s\nevent: reset\ndata: {}\n\n", id) }

func (e *eventWriter) flush() {
	if e.err == nil {
		e.err = e.control.Flush()
	}
}
