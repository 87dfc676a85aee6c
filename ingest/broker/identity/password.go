package identity

import (
	"crypto/sha256"
	"crypto/subtle"
	"time"

	"github.com/presage-pdm/presage/ingest/broker"
	"github.com/presage-pdm/presage/telemetry"
)

// byPassword compares with the shared name and password. It takes as long for a
// wrong name as for a wrong password.
func (a *Authenticator) byPassword(c broker.Credentials, now time.Time) (broker.Identity, error) {
	if !a.guesses.may(c.Remote, c.Client, now) {
		return broker.Identity{}, &broker.RefusedError{Reason: "too-many-attempts", Detail: "too many wrong passwords came from this address: correct the password and wait some seconds, or give the devices tokens, which are never held up"}
	}
	same := func(a string, b []byte) int {
		x, y := sha256.Sum256([]byte(a)), sha256.Sum256(b)
		return subtle.ConstantTimeCompare(x[:], y[:])
	}
	if same(a.config.Username, []byte(c.Username))&same(a.config.Password, c.Password) != 1 {
		a.guesses.wrong(c.Remote, c.Client, now)
		return broker.Identity{}, broker.ErrCredentials
	}
	a.guesses.right(c.Remote, c.Client, now)
	return broker.Identity{Tenant: telemetry.DefaultTenant}, nil
}
