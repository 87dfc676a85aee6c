package identity

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/ingest/broker"
	"github.com/presage-pdm/presage/tickets"
)

const (
	// maxTokens is how many tokens are remembered; at about 400 bytes each they take 20 MB.
	maxTokens = 50_000
	// maxUsed is how many uses wait to be noted; more are forgotten, which costs a date.
	maxUsed = 100_000
)

// token is what is remembered of a credential.
type token struct {
	access.DeviceCredential
	scope *access.Scope // Devices, made ready
}

func tokenOf(c access.DeviceCredential) (token, error) {
	scope, err := access.NewScope(c.Devices)
	if err != nil {
		return token{}, fmt.Errorf("read credential %s: %w", c.ID, err)
	}
	c.Mosquitto, c.Devices = "", nil // not needed here
	return token{c, scope}, nil
}

// tokens remembers those that were looked up, by their hash.
type tokens struct {
	mu       sync.Mutex
	revision int64 // up to which the changes of the store are in here
	known    map[string]token
	used     map[string]time.Time // by id, to be noted in the store
}

func newTokens(revision int64) *tokens {
	return &tokens{revision: revision, known: map[string]token{}, used: map[string]time.Time{}}
}

func (t *tokens) get(hash string) (token, bool, int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found, ok := t.known[hash]
	return found, ok, t.revision
}

// put remembers what was read when the changes up to a revision were in here. What changed since makes it
// doubtful: it is not remembered then, and looked up again the next time.
func (t *tokens) put(hash string, v token, revision int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.revision != revision {
		return
	}
	if len(t.known) >= maxTokens {
		for other := range t.known {
			delete(t.known, other) // any: all come again as often
			break
		}
	}
	t.known[hash] = v
}

// forget drops a credential that has changed.
func (t *tokens) forget(hash string, revision int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.known, hash)
	t.revision = max(t.revision, revision)
}

// use has a use noted.
func (t *tokens) use(hash, id string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.used) < maxUsed {
		t.used[id] = now
	}
	if found, ok := t.known[hash]; ok {
		found.LastUsed = now
		t.known[hash] = found
	}
}

// takeUsed returns at most limit uses, which are not returned again.
func (t *tokens) takeUsed(limit int) map[string]time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.used) <= limit {
		all := t.used
		t.used = map[string]time.Time{}
		return all
	}
	some := make(map[string]time.Time, limit)
	for id, at := range t.used {
		if len(some) == limit {
			break
		}
		some[id] = at
		delete(t.used, id)
	}
	return some
}

// byToken looks a token up: in memory, else in the store.
func (a *Authenticator) byToken(ctx context.Context, c broker.Credentials, now time.Time) (broker.Identity, error) {
	hash := access.HashSecret(string(c.Password))
	found, ok, revision := a.tokens.get(hash)
	a.metrics.lookedUp(ok)
	if !ok {
		stored, err := a.store.DeviceCredentialByHash(ctx, hash)
		switch {
		case errors.Is(err, tickets.ErrNotFound):
			return broker.Identity{}, &broker.RefusedError{Reason: "unknown-token", Device: c.Username, Detail: "nobody has this token: was it cut short, or issued by another Presage?"}
		case err != nil:
			return broker.Identity{}, &broker.RefusedError{Reason: "unavailable", Device: c.Username, Detail: fmt.Sprintf("the token could not be looked up: %v", err)}
		}
		if found, err = tokenOf(stored); err != nil {
			return broker.Identity{}, err
		}
		a.tokens.put(hash, found, revision)
	}
	switch {
	case !found.Revoked.IsZero() && !now.Before(found.Revoked):
		return broker.Identity{}, &broker.RefusedError{Reason: "revoked", Device: found.Device, Detail: "the token was revoked at " + stamp(found.Revoked)}
	case !found.ValidAt(now):
		return broker.Identity{}, &broker.RefusedError{Reason: "expired", Device: found.Device, Detail: "the token expired at " + stamp(found.Expires) + ": issue a new one"}
	case c.Username != "" && c.Username != found.Device:
		return broker.Identity{}, &broker.RefusedError{Reason: "wrong-device", Device: found.Device, Detail: fmt.Sprintf("the user name is %.64q, and the token is that of %q: give the device of the token", c.Username, found.Device)}
	}
	if now.Sub(found.LastUsed) > touchEvery {
		a.tokens.use(hash, found.ID, now)
	}
	return broker.Identity{
		Tenant: found.Tenant, Device: found.Device, Devices: found.scope,
		Credential: tokenCredential + found.ID, Expires: found.Ends(),
	}, nil
}

// tokenCredential and certificateCredential begin the names of credentials, so that no two kinds share one.
const (
	tokenCredential       = "token:"
	certificateCredential = "certificate:"
)

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
