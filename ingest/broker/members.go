package broker

import (
	"errors"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// members knows which connections signed in with what, and ends them when that is not valid any more.
type members struct {
	mu sync.Mutex
	// of are the sessions of each credential, with what ends them; nil for those that nothing ends.
	of map[string]map[*session]*time.Timer
	// withdrawn remembers for some seconds when credentials end, for connections that were
	// let in just before and are counted in just after.
	withdrawn map[string]withdrawal
	swept     time.Time // when those that are old were last forgotten
}

type withdrawal struct{ at, noted time.Time }

func newMembers() *members {
	return &members{of: map[string]map[*session]*time.Timer{}, withdrawn: map[string]withdrawal{}}
}

// join counts a session in; false when its credential has ended since it was let in.
func (m *members) join(s *session, now time.Time) bool {
	id := s.identity
	if id.Credential == "" && id.Expires.IsZero() {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	ends := id.Expires
	if w, ok := m.withdrawn[id.Credential]; ok && id.Credential != "" {
		ends = w.at
	}
	if !ends.IsZero() && !now.Before(ends) {
		return false
	}
	sessions := m.of[id.Credential]
	if sessions == nil {
		sessions = map[*session]*time.Timer{}
		m.of[id.Credential] = sessions
	}
	sessions[s] = schedule(s, ends, now)
	return true
}

// leave counts a session out; once more does nothing.
func (m *members) leave(s *session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sessions := m.of[s.identity.Credential]
	if timer := sessions[s]; timer != nil {
		timer.Stop()
	}
	delete(sessions, s)
	if len(sessions) == 0 {
		delete(m.of, s.identity.Credential)
	}
}

// withdraw sets when the sessions of a credential end; remember is for how long
// a connection may be on its way in. It returns how many there are.
func (m *members) withdraw(credential string, at, now time.Time, remember time.Duration) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.swept) > remember { // not every time: a whole fleet may be issued credentials at once
		m.swept = now
		for c, w := range m.withdrawn {
			if now.Sub(w.noted) > remember {
				delete(m.withdrawn, c)
			}
		}
	}
	m.withdrawn[credential] = withdrawal{at, now}
	sessions := m.of[credential]
	for s, timer := range sessions {
		if timer != nil {
			timer.Stop()
		}
		sessions[s] = schedule(s, at, now)
	}
	return len(sessions)
}

// schedule ends a session at a time; never for the zero time, at once for one that is past.
func schedule(s *session, at, now time.Time) *time.Timer {
	if at.IsZero() {
		return nil
	}
	return time.AfterFunc(at.Sub(now), s.dismiss)
}

// Withdraw tells when the connections end that signed in with a credential: at once for a time that is
// past, never for the zero time. It returns how many there are.
func (b *Broker) Withdraw(credential string, at time.Time) int {
	return b.members.withdraw(credential, at, time.Now(), 2*b.config.ConnectTimeout)
}

var errDismissed = errors.New("what the client signed in with is not valid any more")

// dismiss closes a connection whose credential has ended (MQTT 5: reason 0x87, or 0xA0 when the connection
// was allowed until now). It is called by a timer and does not wait for the client. Messages in flight become
// durable, and are not acknowledged: the client sends them again when it has signed in.
func (s *session) dismiss() {
	s.broker.metrics.dismissed.Inc()
	if s.conn.version.Load() == 5 {
		code := packets.ErrNotAuthorized
		if ends := s.identity.Expires; !ends.IsZero() && !time.Now().Before(ends) {
			code = packets.ErrMaxConnectTime
		}
		_ = s.broker.server.DisconnectClient(s.client, code)
	}
	s.client.Stop(errDismissed)
}
