package identity

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/ingest/broker"
	"github.com/presage-pdm/presage/telemetry"
)

// Config is which credentials are taken. Tokens always are.
type Config struct {
	// Username and Password are what devices may share; none without a name.
	Username, Password string
	JWT                JWTConfig
	// ClientCAs are the authorities whose certificates the listener has verified; none when it asks for none.
	ClientCAs []*x509.Certificate
	// RevokedCertificates is a file of certificate revocation lists, in PEM or DER; none when empty.
	RevokedCertificates string
}

// Store keeps the tokens; *sqlstore.Store is one.
type Store interface {
	// DeviceCredentialByHash fails with [tickets.ErrNotFound] for a hash of nobody.
	DeviceCredentialByHash(ctx context.Context, hash string) (access.DeviceCredential, error)
	// DeviceCredentialRevision is the newest revision of all.
	DeviceCredentialRevision(ctx context.Context) (int64, error)
	// ChangedDeviceCredentials returns at most limit that changed after a revision, in the order of their changes.
	ChangedDeviceCredentials(ctx context.Context, after int64, limit int) ([]access.DeviceCredential, error)
	// TouchDeviceCredentials notes when credentials, by id, were last used.
	TouchDeviceCredentials(ctx context.Context, used map[string]time.Time) error
}

// Parts is what an [Authenticator] works with.
type Parts struct {
	Store      Store
	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil keeps the metrics unregistered
}

// Authenticator knows the devices by their credentials. [Authenticator.Run] must run
// beside it. It is safe for concurrent use.
type Authenticator struct {
	config  Config
	store   Store
	log     *slog.Logger
	metrics *metrics
	tokens  *tokens
	guesses *guesses
	jwtKeys atomic.Pointer[keySet] // nil when no JWT is taken
	revoked atomic.Pointer[revocations]
	files   []*watchedFile
}

var _ broker.Authenticator = (*Authenticator)(nil)

// New reads the keys and lists of the configuration, and how far the store has come.
func New(ctx context.Context, config Config, parts Parts) (*Authenticator, error) {
	if parts.Logger == nil {
		parts.Logger = slog.New(slog.DiscardHandler)
	}
	a := &Authenticator{
		config: config, store: parts.Store, log: parts.Logger, metrics: newMetrics(parts.Registerer),
		guesses: newGuesses(),
	}
	revision, err := parts.Store.DeviceCredentialRevision(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the credentials of devices: %w", err)
	}
	a.tokens = newTokens(revision)
	if config.JWT.enabled() {
		if err := a.watch(config.JWT.Keys, a.loadKeys); err != nil {
			return nil, err
		}
	}
	if config.RevokedCertificates != "" {
		if err := a.watch(config.RevokedCertificates, a.loadRevocations); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Authenticate implements [broker.Authenticator].
func (a *Authenticator) Authenticate(ctx context.Context, c broker.Credentials) (broker.Identity, error) {
	now := time.Now()
	id, err := a.identify(ctx, c, now)
	if err != nil {
		a.guesses.slowDown(ctx, c.Remote, now)
	}
	return id, err
}

func (a *Authenticator) identify(ctx context.Context, c broker.Credentials, now time.Time) (broker.Identity, error) {
	switch {
	case c.TLS != nil && len(c.TLS.PeerCertificates) > 0:
		return a.byCertificate(c, now)
	case access.IsDeviceToken(c.Password):
		return a.byToken(ctx, c, now)
	case a.config.JWT.enabled() && looksLikeJWT(c.Password):
		return a.byJWT(c, now)
	case a.config.Username != "":
		return a.byPassword(c, now)
	case c.Optional && !a.config.JWT.enabled():
		// No password is configured, and none is needed: what it says does not matter.
		return broker.Identity{Tenant: telemetry.DefaultTenant}, nil
	}
	return broker.Identity{}, &broker.RefusedError{Reason: "credentials", Detail: "the password is no token of Presage" + a.orElse() + ": issue one with presage device credentials issue"}
}

// orElse names what else would have been taken.
func (a *Authenticator) orElse() string {
	if a.config.JWT.enabled() {
		return ", and no JWT"
	}
	return ""
}

// looksLikeJWT tells whether a password has the form of RFC 7519 section 3: three parts, the first a JSON object.
func looksLikeJWT(password []byte) bool {
	return len(password) <= maxJWT && strings.HasPrefix(string(password), "eyJ") && strings.Count(string(password), ".") == 2
}
