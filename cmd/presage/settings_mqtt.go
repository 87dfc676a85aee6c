package main

import (
	"net"

	"github.com/presage-pdm/presage/ingest/broker/identity"
)

// JWTSettings says which JSON Web Tokens devices may sign in with; none without Keys and Secret.
type JWTSettings struct {
	// Keys is a file of public keys in PEM, or a JSON Web Key Set: RS256, ES256 and EdDSA.
	Keys string `koanf:"keys"`
	// Secret is for HS256.
	Secret string `koanf:"secret"`
	// Issuer and Audience are what the tokens must say, when they are set.
	Issuer   string `koanf:"issuer"`
	Audience string `koanf:"audience"`
	// DeviceClaim holds the device id, and TenantClaim the tenant, when it is set.
	DeviceClaim string `koanf:"device_claim"`
	TenantClaim string `koanf:"tenant_claim"`
}

func (s JWTSettings) config() identity.JWTConfig {
	return identity.JWTConfig{
		Keys: s.Keys, Secret: s.Secret, Issuer: s.Issuer, Audience: s.Audience,
		DeviceClaim: s.DeviceClaim, TenantClaim: s.TenantClaim,
	}
}

// enabled tells whether there is anything to verify a token with.
func (s JWTSettings) enabled() bool { return s.Keys != "" || s.Secret != "" }

// validate reports what is wrong with the way in for devices.
func (s *MQTTSettings) validate(fail func(key, format string, args ...any)) {
	known := s.Username != "" || s.RequireCredentials || s.ClientCA != "" || s.JWT.enabled()
	for _, at := range []struct{ key, address string }{{"mqtt.listen", s.Listen}, {"mqtt.tls_listen", s.TLSListen}} {
		if at.address == "" || s.Broker != "" {
			continue
		}
		if _, _, err := net.SplitHostPort(at.address); err == nil && !loopback(at.address) && !known {
			fail(at.key, "%s can be reached from other machines: set mqtt.username and mqtt.password, or mqtt.require_credentials when every device has a token of its own, or listen on 127.0.0.1", at.address)
		}
	}
	if s.TLSListen != "" {
		if _, _, err := net.SplitHostPort(s.TLSListen); err != nil {
			fail("mqtt.tls_listen", "%q is not host:port: %v", s.TLSListen, err)
		}
	}
	for _, needs := range []struct {
		key, other string
		broken     bool
	}{
		{"mqtt.username", "mqtt.password", s.Username != "" && s.Password == ""},
		{"mqtt.password", "mqtt.username", s.Username == "" && s.Password != ""},
		{"mqtt.tls_certificate", "mqtt.tls_key", s.TLSCertificate != "" && s.TLSKey == ""},
		{"mqtt.tls_key", "mqtt.tls_certificate", s.TLSCertificate == "" && s.TLSKey != ""},
		{"mqtt.tls_listen", "mqtt.tls_certificate", s.TLSListen != "" && s.TLSCertificate == ""},
		{"mqtt.client_ca", "mqtt.tls_certificate", s.ClientCA != "" && s.TLSCertificate == ""},
		{"mqtt.require_certificate", "mqtt.client_ca", s.RequireCertificate && s.ClientCA == ""},
		{"mqtt.client_crl", "mqtt.client_ca", s.ClientCRL != "" && s.ClientCA == ""},
		{"mqtt.jwt", "mqtt.jwt.keys", !s.JWT.enabled() && (s.JWT.Issuer != "" || s.JWT.Audience != "" || s.JWT.TenantClaim != "")},
	} {
		if needs.broken {
			fail(needs.key, "set %s, too", needs.other)
		}
	}
	if err := s.JWT.config().Validate(); err != nil {
		fail("mqtt.jwt", "%v", err)
	}
}
