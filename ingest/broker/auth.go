package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"

	"github.com/presage-pdm/presage/telemetry"
)

// Credentials is what a client says of itself when it connects.
type Credentials struct {
	Client   string // MQTT client identifier
	Username string
	Password []byte // or a token
	Remote   net.Addr
	TLS      *tls.ConnectionState // nil without TLS; holds client certificates
}

// Identity is for whom a connection speaks.
type Identity struct {
	Tenant string
	// Device is the only device that it may publish for and listen to; empty for any.
	// For a Sparkplug edge node it is "group:node", which includes the devices behind it.
	Device string
}

// ErrCredentials is what an [Authenticator] returns for credentials that are wrong.
var ErrCredentials = errors.New("bad user name or password")

// Authenticator knows who may connect. It is asked once per connection.
type Authenticator interface {
	// Authenticate returns whose the credentials are. Any error refuses the connection.
	Authenticate(ctx context.Context, c Credentials) (Identity, error)
}

// identify decides for whom a new connection speaks.
func (b *Broker) identify(c Credentials) (Identity, error) {
	anonymous := c.Username == "" && len(c.Password) == 0 && (c.TLS == nil || len(c.TLS.PeerCertificates) == 0)
	if b.anonymous && (anonymous || b.authenticator == nil) {
		return Identity{Tenant: telemetry.DefaultTenant}, nil
	}
	if anonymous || b.authenticator == nil {
		return Identity{}, ErrCredentials
	}
	ctx, cancel := context.WithTimeout(b.ctx, b.config.ConnectTimeout)
	defer cancel()
	id, err := b.authenticator.Authenticate(ctx, c)
	if err == nil && id.Tenant == "" {
		id.Tenant = telemetry.DefaultTenant
	}
	return id, err
}

// may tells whether an identity may publish to a topic, or subscribe to a filter, both as the client wrote them.
func (b *Broker) may(id Identity, topic string) bool {
	if id.Device == "" {
		return true
	}
	device := b.topics.DeviceOf(topic)
	return device == id.Device || strings.HasPrefix(topic, "spBv1.0/") && strings.HasPrefix(device, id.Device+":")
}
