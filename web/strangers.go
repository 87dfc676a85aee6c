package web

import (
	"net/http"
	"sync"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
)

// strangerRate bounds requests with a token or cookie that has not been valid before: each asks the database. An office behind one
// address that comes back from its holidays stays below it.
func strangerRate() map[string]rate { return map[string]rate{"address": {300, 100 * time.Millisecond}} }

// maxAcquaintances bounds the memory of strangers: about 2 MB.
const maxAcquaintances = 10_000

// strangers keeps guessing of tokens and cookies away from the database, and not those whose credentials were
// valid before, although they may share the guesser's address.
type strangers struct {
	limiter *limiter

	mu    sync.Mutex
	known map[string]struct{} // hashes of credentials that were valid
}

func newStrangers() *strangers {
	return &strangers{limiter: newLimiter(strangerRate()), known: make(map[string]struct{})}
}

// credential is the hash of what a request says who it is with; empty without.
func credential(r *http.Request) string {
	if token, ok := bearerToken(r); ok {
		return access.HashSecret(token)
	}
	if c, err := r.Cookie(sessionCookie); err == nil && c.Value != "" {
		return access.HashSecret(c.Value)
	}
	return ""
}

// enter fails for a credential that is not known, when too many such came from the address.
func (s *strangers) enter(credential, address string, now time.Time) error {
	s.mu.Lock()
	_, known := s.known[credential]
	s.mu.Unlock()
	if known || credential == "" {
		return nil
	}
	return s.limiter.take("address", address, now)
}

// welcome notes that a credential is valid; only others count.
func (s *strangers) welcome(credential, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.known[credential]; known {
		return
	}
	s.limiter.giveBack("address", address)
	if len(s.known) >= maxAcquaintances {
		for old := range s.known { // any: it is a stranger once more, and welcome again
			delete(s.known, old)
			break
		}
	}
	s.known[credential] = struct{}{}
}

// part notes that a credential is not valid any more.
func (s *strangers) part(credential string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, credential)
}
