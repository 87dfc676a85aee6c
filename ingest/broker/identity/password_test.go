package identity

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presage-pdm/presage/ingest/broker"
)

// TestGuessing: who guesses the shared password is slowed down, and who has been let in before is not.
func TestGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthenticator(t, Config{Username: "device", Password: "right"}, &ledger{})
		try := func(address, client, password string) string {
			_, err := a.Authenticate(t.Context(), broker.Credentials{Client: client, Username: "device", Password: []byte(password), Remote: from(address)})
			return refusedFor(t, err)
		}
		if got := try("192.0.2.1:1", "pump", "right"); got != "" {
			t.Fatal(got)
		}
		// All at once: so many are judged, and the others turned away unseen.
		began, evaluated := time.Now(), 0
		for i := range 200 {
			_, err := a.identify(t.Context(), broker.Credentials{Client: fmt.Sprint("guesser-", i), Username: "device", Password: []byte("wrong"), Remote: from("192.0.2.1:7")}, began)
			if refusedFor(t, err) == "credentials" {
				evaluated++
			}
		}
		if evaluated != guessBurst {
			t.Errorf("%d guesses were judged, want %d", evaluated, guessBurst)
		}
		// One after the other: each is held back.
		for range guessBurst + 10 {
			try("192.0.2.1:8", "guesser", "wrong")
		}
		if took := time.Since(began); took < 5*slowFor {
			t.Errorf("%d guesses took %s", guessBurst+10, took)
		}
		if got := try("192.0.2.1:2", "pump", "right"); got != "" {
			t.Errorf("a client that was let in before is kept out: %s", got)
		}
		if got := try("192.0.2.2:2", "other", "right"); got != "" {
			t.Errorf("a client of another address is kept out: %s", got)
		}
		if got := try("[2001:db8::1]:2", "other", "right"); got != "" {
			t.Errorf("a client of another address is kept out: %s", got)
		}
		for i := range 100 { // one guesser has a whole network of 64 bits
			try(fmt.Sprintf("[2001:db8:1::%x]:1", i+1), "g", "wrong")
		}
		if got := try("[2001:db8:1::ffff]:1", "new", "right"); got != "too-many-attempts" {
			t.Errorf("a new client of a network that guesses: %q, want it kept out for a while", got)
		}
		time.Sleep(2 * guessEvery)
		if got := try("[2001:db8:1::ffff]:1", "new", "right"); got != "" {
			t.Errorf("kept out for ever: %s", got)
		}
		// The name of a client that was let in is worth a few attempts, not a door to all of them.
		evaluated = 0
		for range 50 {
			if try("192.0.2.1:3", "pump", "wrong") == "credentials" {
				evaluated++
			}
		}
		if evaluated > ownBurst+int(50*slowFor/ownEvery)+1 {
			t.Errorf("%d guesses in the name of a client were judged", evaluated)
		}
	})
}

// TestTokensAreNeverHeldUp: failures of others on the same address, of whatever kind, keep no token out.
func TestTokensAreNeverHeldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &ledger{}
		a := newAuthenticator(t, Config{Username: "device", Password: "right"}, store)
		for range 100 {
			if _, err := a.Authenticate(t.Context(), given("device", "wrong")); err == nil {
				t.Fatal("a wrong password was taken")
			}
			if _, err := a.Authenticate(t.Context(), given("x", "presagedevice_wrong")); err == nil {
				t.Fatal("a wrong token was taken")
			}
		}
		_, token := store.issue(t, "car-7", time.Time{})
		began := time.Now()
		if _, err := a.Authenticate(t.Context(), given("car-7", token)); err != nil || time.Since(began) > 0 {
			t.Errorf("got %v after %s", err, time.Since(began))
		}
	})
}

// TestGuessersAreBounded keeps the memory of guessers bounded.
func TestGuessersAreBounded(t *testing.T) {
	g := newGuesses()
	now := time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)
	for i := range maxGuessers + 100 {
		address := from(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255))
		g.wrong(address, "c", now)
		g.right(address, "c", now)
	}
	if len(g.full) > maxGuessers || len(g.own) > maxGuessers {
		t.Errorf("%d guessers and %d clients are remembered", len(g.full), len(g.own))
	}
}
