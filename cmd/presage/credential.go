package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"

	"github.com/presage-pdm/presage/ingest/broker"
	"github.com/presage-pdm/presage/telemetry"
)

// sharedCredential is the one name and password that all devices sign in with.
type sharedCredential struct{ username, password string }

// Authenticate implements broker.Authenticator. It takes as long for a wrong
// name as for a wrong password.
func (c sharedCredential) Authenticate(_ context.Context, given broker.Credentials) (broker.Identity, error) {
	same := func(a string, b []byte) int {
		x, y := sha256.Sum256([]byte(a)), sha256.Sum256(b)
		return subtle.ConstantTimeCompare(x[:], y[:])
	}
	if same(c.username, []byte(given.Username))&same(c.password, given.Password) != 1 {
		return broker.Identity{}, broker.ErrCredentials
	}
	return broker.Identity{Tenant: telemetry.DefaultTenant}, nil
}
