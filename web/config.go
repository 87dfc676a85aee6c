package web

import (
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/telemetry"
)

// Config is what a [Server] is made of. Every store is required unless its
// comment says what its absence means.
type Config struct {
	Tickets   Tickets
	Desk      Desk
	Diagnoses Diagnoses
	Bands     Bands
	Wording   Wording // nil: findings are listed without words
	Series    Series
	Devices   Devices
	Directory Directory
	Workflows Workflows // nil: clients show stages by their ids

	Users     Users
	Sessions  Sessions
	Tokens    Tokens
	Passwords Passwords

	DeviceCredentials DeviceCredentials

	Quarantine Quarantine
	Failures   Failures
	Deliveries Deliveries
	Catalog    Catalog
	Detectors  Detectors
	// Maintenance keeps announced work on devices.
	Maintenance Maintenance
	Scoreboard  Scoreboard // nil: no demonstration runs, and its pages answer 404
	Hub         *Hub

	// About tells how the server is doing.
	About func(ctx context.Context) (About, error)
	// Ready returns what keeps the server from being ready; nothing means that it is.
	Ready func(ctx context.Context) []Unready

	// Assets is the built browser application, with index.html at its root.
	Assets fs.FS
	// PromQL answers /api/v1/query and the like over the series of Tenant; it is mounted under /prometheus.
	// nil: the series store has no PromQL, and the paths answer 404.
	PromQL http.Handler
	// Metrics is shown at /metrics; nil: nothing is.
	Metrics prometheus.Gatherer
	// Registerer takes the server's own metrics; nil: they are not counted.
	Registerer prometheus.Registerer
	Log        *slog.Logger

	Version string
	// Tenant is the one that people sign in to.
	Tenant string
	// SetupToken is the secret of the one-time link that makes the first
	// admin; empty: there is none. It works as long as there is no user.
	SetupToken string
	// Anonymous, when set, is who makes a request without credentials. It is for loopback only:
	// such requests are refused unless their Host names the loopback interface.
	Anonymous *access.Principal
	// OpenMetrics shows /metrics to everybody; without it loopback addresses and signed-in callers see them.
	OpenMetrics bool
	// PublicURL is how browsers reach the server; "https://..." makes the cookie secure behind a proxy.
	PublicURL string
	// TrustedProxies may tell the address of the client in X-Forwarded-For.
	TrustedProxies []netip.Prefix

	// MaxBody bounds the body of a request, in bytes, and MaxHeader its header.
	MaxBody   int64
	MaxHeader int
	// Timeout bounds the work on one request, except on streams.
	Timeout time.Duration
	// HeavyQueries bounds how many requests read history at once; others wait for their turn.
	HeavyQueries int
	// SessionIdle ends a session that was not used for so long, SessionLife any session.
	SessionIdle, SessionLife time.Duration
	// StreamsPerUser bounds the live streams of one user, Streams those of all.
	StreamsPerUser, Streams int
	// Heartbeat is how often a stream that has nothing to say says so.
	Heartbeat time.Duration
}

// DefaultConfig returns the limits that a server starts with. The stores are to be filled in.
func DefaultConfig() Config {
	return Config{
		Log:     slog.New(slog.DiscardHandler),
		Tenant:  telemetry.DefaultTenant,
		Version: "development",

		MaxBody:   1 << 20,
		MaxHeader: 32 << 10,
		Timeout:   30 * time.Second,
		// Two devices' pages, of six charts each, and what goes on beside them.
		HeavyQueries: 16,
		// A working day and the way home; and a month, as NIST SP 800-63B section 4.1.3 asks for at AAL1.
		SessionIdle: 12 * time.Hour,
		SessionLife: 30 * 24 * time.Hour,
		// Browsers share one stream between tabs, so a user needs one per device; 6 is what HTTP/1.1 allows a browser.
		StreamsPerUser: 6,
		Streams:        1000,
		Heartbeat:      15 * time.Second,
	}
}
