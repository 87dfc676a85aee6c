package identity

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/ingest/broker"
	"github.com/presage-pdm/presage/tickets"
)

// ledger stands in for the store, which has a conformance suite of its own.
type ledger struct {
	mu      sync.Mutex
	all     []access.DeviceCredential
	last    int64
	lookups int
	used    map[string]time.Time
	away    error
}

func (l *ledger) change(c access.DeviceCredential) access.DeviceCredential {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	c.Revision = l.last
	l.all = slices.DeleteFunc(l.all, func(o access.DeviceCredential) bool { return o.ID == c.ID })
	l.all = append(l.all, c)
	return c
}

func (l *ledger) issue(t testing.TB, device string, expires time.Time, devices ...string) (access.DeviceCredential, string) {
	t.Helper()
	c, token, err := access.IssueDeviceCredential("acme", device, devices, "test", time.Now(), expires)
	if err != nil {
		t.Fatal(err)
	}
	return l.change(c), token
}

func (l *ledger) DeviceCredentialByHash(_ context.Context, hash string) (access.DeviceCredential, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lookups++
	if l.away != nil {
		return access.DeviceCredential{}, l.away
	}
	for _, c := range l.all {
		if c.Hash == hash {
			return c, nil
		}
	}
	return access.DeviceCredential{}, fmt.Errorf("read a credential: %w", tickets.ErrNotFound)
}

func (l *ledger) DeviceCredentialRevision(context.Context) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last, l.away
}

func (l *ledger) ChangedDeviceCredentials(_ context.Context, after int64, limit int) ([]access.DeviceCredential, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away != nil {
		return nil, l.away
	}
	var changed []access.DeviceCredential
	for _, c := range l.all { // in the order of their changes
		if c.Revision > after && len(changed) < limit {
			changed = append(changed, c)
		}
	}
	return changed, nil
}

func (l *ledger) TouchDeviceCredentials(_ context.Context, used map[string]time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.used == nil {
		l.used = map[string]time.Time{}
	}
	for id, at := range used {
		l.used[id] = at
	}
	return l.away
}

func newAuthenticator(t testing.TB, config Config, store *ledger) *Authenticator {
	t.Helper()
	a, err := New(t.Context(), config, Parts{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func from(address string) net.Addr {
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		panic(err)
	}
	return a
}

// given are credentials of a client called after its user name.
func given(username, password string) broker.Credentials {
	return broker.Credentials{Client: "client of " + username, Username: username, Password: []byte(password), Remote: from("192.0.2.1:5000")}
}

func withTLS(c broker.Credentials, state *tls.ConnectionState) broker.Credentials {
	c.TLS = state
	return c
}

// refusedFor returns the reason of a refusal; empty for none.
func refusedFor(t testing.TB, err error) string {
	t.Helper()
	var why *broker.RefusedError
	switch {
	case err == nil:
		return ""
	case errors.Is(err, broker.ErrCredentials):
		return "credentials"
	case !errors.As(err, &why):
		t.Fatalf("got %v, want a refusal", err)
	}
	return why.Reason
}
