package identity

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/ingest/broker"
	"github.com/presage-pdm/presage/telemetry"
)

func TestToken(t *testing.T) {
	store := &ledger{}
	a := newAuthenticator(t, Config{}, store)
	car, token := store.issue(t, "car-7", time.Time{})
	gateway, gatewayToken := store.issue(t, "gw-1", time.Now().Add(time.Hour), "press-*")
	old, expired := store.issue(t, "old", time.Time{})
	old.Expires = time.Now().Add(-time.Second)
	store.change(old)
	gone, revoked := store.issue(t, "gone", time.Time{})
	gone.Revoked = time.Now().Add(-time.Second)
	store.change(gone)

	id, err := a.Authenticate(t.Context(), given("car-7", token))
	if want := (broker.Identity{Tenant: "acme", Device: "car-7", Credential: "token:" + car.ID}); err != nil || id != want {
		t.Errorf("got %+v, want %+v (error %v)", id, want, err)
	}
	if _, err := a.Authenticate(t.Context(), given("", token)); err != nil {
		t.Errorf("the token alone: %v", err)
	}
	id, err = a.Authenticate(t.Context(), given("gw-1", gatewayToken))
	if err != nil || id.Device != "gw-1" || !id.Devices.Covers("press-7") || id.Devices.Covers("car-7") || !id.Expires.Equal(gateway.Expires) {
		t.Errorf("the gateway is %+v (error %v)", id, err)
	}
	for _, c := range []struct {
		name, user, password, want string
	}{
		{"of another", "car-8", token, "wrong-device"},
		{"unknown", "car-7", access.DeviceTokenPrefix + access.NewSecret(), "unknown-token"},
		{"cut short", "car-7", token[:len(token)-1], "unknown-token"},
		{"hash in place of token", "car-7", access.DeviceTokenPrefix + car.Hash, "unknown-token"},
		{"the hash itself", "car-7", car.Hash, "credentials"},
		{"no token", "car-7", "secret", "credentials"},
		{"expired", "old", expired, "expired"},
		{"revoked", "gone", revoked, "revoked"},
	} {
		for range 2 { // from the store, and from memory
			if _, err := a.Authenticate(t.Context(), given(c.user, c.password)); refusedFor(t, err) != c.want {
				t.Errorf("%s: got %v, want %s", c.name, err, c.want)
			}
		}
	}
	before := store.lookups
	for range 10 {
		if _, err := a.Authenticate(t.Context(), given("car-7", token)); err != nil {
			t.Error(err)
		}
	}
	if store.lookups != before {
		t.Errorf("%d lookups of a token that is known", store.lookups-before)
	}
	store.away = errors.New("no route to host")
	if _, err := a.Authenticate(t.Context(), given("car-7", token)); err != nil {
		t.Errorf("a known token while the store is away: %v", err)
	}
	if _, err := a.Authenticate(t.Context(), given("x", access.DeviceTokenPrefix+"y")); refusedFor(t, err) != "unavailable" {
		t.Errorf("an unknown token while the store is away: %v", err)
	}
}

// TestOptionalCredentials: a listener that needs none judges those that it can judge.
func TestOptionalCredentials(t *testing.T) {
	store := &ledger{}
	_, token := store.issue(t, "car-7", time.Time{})
	open := func(user, password string) broker.Credentials {
		c := given(user, password)
		c.Optional = true
		return c
	}
	a := newAuthenticator(t, Config{}, store)
	if id, err := a.Authenticate(t.Context(), open("any", "thing")); err != nil || id.Device != "" || id.Tenant != telemetry.DefaultTenant {
		t.Errorf("got %+v, %v", id, err)
	}
	if id, err := a.Authenticate(t.Context(), open("car-7", token)); err != nil || id.Device != "car-7" {
		t.Errorf("got %+v, %v", id, err)
	}
	if _, err := a.Authenticate(t.Context(), open("car-7", access.DeviceTokenPrefix)); err == nil {
		t.Error("a token that nobody has is taken")
	}
	shared := newAuthenticator(t, Config{Username: "device", Password: "secret"}, store)
	if _, err := shared.Authenticate(t.Context(), open("any", "thing")); err == nil {
		t.Error("a wrong password is taken")
	}
	if id, err := shared.Authenticate(t.Context(), open("device", "secret")); err != nil || id.Device != "" || id.Tenant != telemetry.DefaultTenant {
		t.Errorf("got %+v, %v", id, err)
	}
}

// TestChangesAreFollowed: a credential that somebody else revokes, rotates or issues is known within a second.
func TestChangesAreFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &ledger{}
		c, token := store.issue(t, "car-7", time.Time{})
		a := newAuthenticator(t, Config{}, store)
		ends := map[string]time.Time{}
		done := make(chan struct{})
		ctx, stop := context.WithCancel(t.Context())
		go func() { // ends with ctx, below
			defer close(done)
			a.Run(ctx, func(credential string, at time.Time) int { ends[credential] = at; return 1 })
		}()
		if _, err := a.Authenticate(ctx, given("car-7", token)); err != nil {
			t.Fatal(err)
		}
		c.Expires = time.Now().Add(time.Hour)
		store.change(c)
		time.Sleep(pollEvery + time.Millisecond)
		synctest.Wait()
		if !ends["token:"+c.ID].Equal(c.Expires) {
			t.Errorf("connections end at %s, want %s", ends["token:"+c.ID], c.Expires)
		}
		if id, err := a.Authenticate(ctx, given("car-7", token)); err != nil || !id.Expires.Equal(c.Expires) {
			t.Errorf("got %+v, %v", id, err)
		}
		c.Revoked = time.Now()
		store.change(c)
		time.Sleep(pollEvery)
		synctest.Wait()
		if _, err := a.Authenticate(ctx, given("car-7", token)); refusedFor(t, err) != "revoked" {
			t.Errorf("got %v, want it revoked", err)
		}
		if !ends["token:"+c.ID].Equal(c.Revoked) {
			t.Error("its connections do not end")
		}
		for i := range 2*pollBatch + 7 {
			store.issue(t, "many", time.Time{})
			_ = i
		}
		time.Sleep(pollEvery)
		synctest.Wait()
		if n := len(ends); n != 2*pollBatch+8 {
			t.Errorf("%d changes were followed, want all", n)
		}
		time.Sleep(noteEvery)
		synctest.Wait()
		if store.used[c.ID].IsZero() {
			t.Error("the use was not noted")
		}
		stop()
		<-done
	})
}

// TestNothingStaleIsRemembered: a change that arrives while a token is looked up is not overwritten by what was read before.
func TestNothingStaleIsRemembered(t *testing.T) {
	tokens := newTokens(5)
	_, _, revision := tokens.get("h")
	tokens.forget("h", 6)
	tokens.put("h", token{}, revision)
	if _, ok, _ := tokens.get("h"); ok {
		t.Error("what was read before the change is remembered")
	}
	for i := range maxTokens + 10 {
		tokens.put(string(rune(i)), token{}, 6)
	}
	if len(tokens.known) > maxTokens {
		t.Errorf("%d tokens are remembered", len(tokens.known))
	}
	for i := range 2*noteBatch + 1 {
		tokens.use("h", string(rune(i)), time.Now())
	}
	for _, want := range []int{noteBatch, noteBatch, 1, 0} {
		if got := len(tokens.takeUsed(noteBatch)); got != want {
			t.Errorf("%d uses were taken, want %d", got, want)
		}
	}
}
