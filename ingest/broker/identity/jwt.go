package identity

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/presage-pdm/presage/ingest/broker"
	"github.com/presage-pdm/presage/telemetry"
)

// JWTConfig is which JSON Web Tokens (RFC 7519) are taken as passwords.
type JWTConfig struct {
	// Keys is a file of public keys: PEM, or a JSON Web Key Set (RFC 7517). They verify RS256, ES256 and EdDSA.
	Keys string
	// Secret verifies HS256; empty takes none of that. RFC 7518 section 3.2 wants 32 bytes at least.
	Secret string
	// Issuer and Audience, when not empty, are what "iss" must be, and what "aud" must hold.
	Issuer, Audience string
	// DeviceClaim holds the device id.
	DeviceClaim string
	// TenantClaim, when not empty, holds the tenant, and every token must have it; without it all are of the default tenant.
	TenantClaim string
}

const (
	// maxJWT is how many bytes a token may have.
	maxJWT = 8 << 10
	// clockSkew is how far the clock of the issuer may be ahead.
	clockSkew = time.Minute
	// maxTenant is how many bytes the name of a tenant may have.
	maxTenant = 64
)

func (c JWTConfig) enabled() bool { return c.Keys != "" || c.Secret != "" }

// Validate checks what can be checked without the files.
func (c JWTConfig) Validate() error {
	switch {
	case c.Secret != "" && len(c.Secret) < 32:
		return fmt.Errorf("the secret has %d bytes: HS256 needs 32 at least, openssl rand -hex 32 makes them", len(c.Secret))
	case c.enabled() && c.DeviceClaim == "":
		return errors.New(`no claim names the device: use "sub"`)
	}
	return nil
}

// byJWT verifies a signature and reads the claims. The algorithm must be one of those that
// the settings have keys for, and a key verifies the algorithm of its kind only, so that nobody makes a
// public key the secret of an HMAC (RFC 8725 sections 2.1 and 3.1). The connection ends when the token expires.
func (a *Authenticator) byJWT(c broker.Credentials, now time.Time) (broker.Identity, error) {
	refuse := func(device, format string, args ...any) (broker.Identity, error) {
		return broker.Identity{}, &broker.RefusedError{Reason: "bad-jwt", Device: device, Detail: "the JWT is refused: " + fmt.Sprintf(format, args...)}
	}
	keys := a.jwtKeys.Load()
	token, err := jwt.ParseSigned(string(c.Password), keys.algorithms())
	if err != nil {
		return refuse("", "%v", err)
	}
	var standard jwt.Claims
	var all map[string]any
	if !keys.verify(token, &standard, &all) {
		return refuse("", "none of the keys of mqtt.jwt verifies its signature")
	}
	device, _ := all[a.config.JWT.DeviceClaim].(string)
	if err := telemetry.ValidDeviceID(device); err != nil {
		return refuse("", "its claim %q is to name the device: %v", a.config.JWT.DeviceClaim, err)
	}
	if standard.Expiry == nil {
		return refuse(device, "it never expires: the claim \"exp\" is needed")
	}
	expected := jwt.Expected{Issuer: a.config.JWT.Issuer, Time: now}
	if a.config.JWT.Audience != "" {
		expected.AnyAudience = jwt.Audience{a.config.JWT.Audience}
	}
	if err := standard.ValidateWithLeeway(expected, clockSkew); err != nil {
		return refuse(device, "%v", err)
	}
	expires := standard.Expiry.Time()
	if !now.Before(expires) {
		return broker.Identity{}, &broker.RefusedError{Reason: "expired", Device: device, Detail: "the JWT expired at " + stamp(expires) + ": let the device fetch a new one"}
	}
	tenant := telemetry.DefaultTenant
	if claim := a.config.JWT.TenantClaim; claim != "" {
		tenant, _ = all[claim].(string)
		if tenant == "" || len(tenant) > maxTenant {
			return refuse(device, "its claim %q is to name the tenant, with 1 to %d bytes", claim, maxTenant)
		}
	}
	return broker.Identity{Tenant: tenant, Device: device, Expires: expires}, nil
}

// loadKeys reads the keys of JWTs.
func (a *Authenticator) loadKeys(content []byte, _ time.Time, _ Withdraw) error {
	keys, err := parseKeys(content, a.config.JWT.Secret)
	if err != nil {
		return err
	}
	a.jwtKeys.Store(keys)
	return nil
}

// verify tries the keys that can have signed a token, and fills the claims when one did.
func (k *keySet) verify(token *jwt.JSONWebToken, claims ...any) bool {
	if len(token.Headers) != 1 {
		return false
	}
	header := token.Headers[0]
	for _, key := range k.keys {
		if key.algorithm != jose.SignatureAlgorithm(header.Algorithm) || header.KeyID != "" && key.id != "" && key.id != header.KeyID {
			continue
		}
		if token.Claims(key.key, claims...) == nil {
			return true
		}
	}
	return false
}
