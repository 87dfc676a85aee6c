package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/telemetry"
)

// Credentials is what a client says of itself when it connects.
type Credentials struct {
	Client   string // MQTT client identifier
	Username string
	Password []byte // or a token
	Remote   net.Addr
	TLS      *tls.ConnectionState // nil without TLS; holds client certificates
	// Optional tells that the listener lets clients in without credentials, too.
	Optional bool
}

// none tells whether a client gave no credentials at all.
func (c Credentials) none() bool {
	return c.Username == "" && len(c.Password) == 0 && (c.TLS == nil || len(c.TLS.PeerCertificates) == 0)
}

// Identity is for whom a connection speaks.
type Identity struct {
	Tenant string
	// Device is the only device that it may publish for and listen to; empty for any.
	// For a Sparkplug edge node it is "group:node", which includes the devices behind it.
	Device string
	// Devices are what a gateway speaks for beside Device; nil for none.
	Devices *access.Scope
	// Credential names what the connection signed in with, for [Broker.Withdraw]; empty for what nobody withdraws.
	Credential string
	// Expires is when the connection ends; zero for never.
	Expires time.Time
}

// speaksFor tells whether a connection may publish for a device that a topic, or a payload on it, names. It
// is asked about the filters of subscriptions, too, where the device may end in a wildcard.
func (id Identity) speaksFor(topic, device string) bool {
	switch {
	case id.Device == "" || device == id.Device:
		return true
	case device == "":
		return false
	}
	// A device that is called like a group is not its nodes.
	node := strings.HasPrefix(topic, "spBv1.0/") && strings.Count(id.Device, ":") == 1
	return id.Devices.Covers(device) || node && strings.HasPrefix(device, id.Device+":")
}

// ErrCredentials is what an [Authenticator] returns for credentials that are wrong.
var ErrCredentials = errors.New("bad user name or password")

// RefusedError is what an [Authenticator] returns to say more about why.
type RefusedError struct {
	Reason string // one of few, for the metrics
	Device string // that the credentials claim or belong to; empty when nobody can tell
	Detail string // for the log, with the remedy
}

func (e *RefusedError) Error() string { return e.Detail }

// Authenticator knows who may connect. It is asked once per connection.
type Authenticator interface {
	// Authenticate returns whose the credentials are. Any error refuses the connection.
	Authenticate(ctx context.Context, c Credentials) (Identity, error)
}

// identify decides for whom a new connection speaks.
func (b *Broker) identify(c Credentials) (Identity, error) {
	if c.Optional && (c.none() || b.authenticator == nil) {
		return Identity{Tenant: telemetry.DefaultTenant}, nil
	}
	if c.none() || b.authenticator == nil {
		return Identity{}, &RefusedError{Reason: "no-credentials", Detail: "the client gave no credentials: give the device a token, a certificate, or user name and password"}
	}
	ctx, cancel := context.WithTimeout(b.ctx, b.config.ConnectTimeout)
	defer cancel()
	id, err := b.authenticator.Authenticate(ctx, c)
	if err == nil && id.Tenant == "" {
		id.Tenant = telemetry.DefaultTenant
	}
	return id, err
}

// may tells whether an identity may publish to a topic, as the client wrote it. Where only the
// payload names the device, the intake asks again with what it has decoded.
func (b *Broker) may(id Identity, topic string) bool {
	if id.Device == "" {
		return true
	}
	return id.speaksFor(topic, b.topics.DeviceOf(topic)) || b.topics.PayloadNamesDevice(topic)
}

// mayRead tells whether an identity may subscribe to a filter, or get a message on a topic, both as the client writes them.
func (b *Broker) mayRead(id Identity, topic string) bool {
	return id.Device == "" || id.speaksFor(topic, b.topics.DeviceOf(topic))
}
