package broker

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// Config is what a [Broker] can be told.
type Config struct {
	// Address is where it listens, such as "127.0.0.1:1883".
	Address string `koanf:"address"`
	// RequireCredentials refuses connections without credentials on a loopback address, too.
	RequireCredentials bool `koanf:"require_credentials"`
	// Connections bounds how many clients are connected at a time.
	Connections int `koanf:"connections"`
	// ConnectionsPerAddress bounds those from one remote address; 0 does not, since many devices may share one (NAT).
	ConnectionsPerAddress int `koanf:"connections_per_address"`
	// ConnectionsPerDevice bounds those of credentials that speak for one device.
	ConnectionsPerDevice int `koanf:"connections_per_device"`
	// ConnectionRate is how many are accepted a second; more wait in the operating system's queue.
	ConnectionRate int `koanf:"connection_rate"`
	// Handshakes bounds how many are connected that have not said yet who they are.
	Handshakes int `koanf:"handshakes"`
	// PacketBytes bounds an MQTT packet. Clients that send a larger one are
	// disconnected (MQTT 5: reason 0x95).
	PacketBytes int `koanf:"packet_bytes"`
	// InFlight bounds how many messages of a connection wait for the journal,
	// and is the Receive Maximum told to clients of MQTT 5.
	InFlight int `koanf:"in_flight"`
	// Retained bounds how many topics have a retained message.
	Retained int `koanf:"retained"`
	// RetainedBytes bounds what the retained messages take, with what the broker needs to keep them.
	RetainedBytes int64 `koanf:"retained_bytes"`
	// Subscriptions bounds those of all clients, SubscriptionsPerClient those of one.
	Subscriptions          int `koanf:"subscriptions"`
	SubscriptionsPerClient int `koanf:"subscriptions_per_client"`
	// Sessions bounds how many are kept of which the client is away.
	Sessions int `koanf:"sessions"`
	// QueuedBytes bounds what waits for one subscriber, sent or not; more is dropped for it.
	QueuedBytes int `koanf:"queued_bytes"`
	// Pending bounds the messages that wait to be written to a subscriber; more are dropped.
	Pending int `koanf:"pending"`
	// SessionExpiry is how long a session is kept of which the client is away.
	SessionExpiry time.Duration `koanf:"session_expiry"`
	// ConnectTimeout is how long a new connection may take to say who it is.
	ConnectTimeout time.Duration `koanf:"connect_timeout"`
	// PacketTimeout is how long a packet may take to come as a whole, and a second more for each 512 bytes of it.
	PacketTimeout time.Duration `koanf:"packet_timeout"`
	// WriteTimeout is how long a client may refuse to take what is sent to it.
	WriteTimeout time.Duration `koanf:"write_timeout"`
	// TLS, when not nil, is spoken on every connection, or on those of TLSAddress when that is set.
	TLS *tls.Config `koanf:"-"`
	// TLSAddress is where the broker listens for TLS beside Address, which is plain then.
	TLSAddress string `koanf:"tls_address"`
}

// DefaultConfig listens on the loopback interface.
func DefaultConfig() Config {
	return Config{
		Address:                "127.0.0.1:1883",
		Connections:            100_000,
		ConnectionsPerDevice:   8,
		ConnectionRate:         5000,
		Handshakes:             4096,
		PacketBytes:            4<<20 + 64<<10, // the largest payload that the intake takes, and its topic and properties
		InFlight:               1024,
		Retained:               1_000_000,
		RetainedBytes:          1 << 30,
		Subscriptions:          1_000_000,
		SubscriptionsPerClient: 1000,
		Sessions:               100_000,
		QueuedBytes:            16 << 20,
		Pending:                1024,
		SessionExpiry:          7 * 24 * time.Hour,
		ConnectTimeout:         10 * time.Second,
		PacketTimeout:          time.Minute,
		WriteTimeout:           30 * time.Second,
	}
}

// controlBytes bounds every packet that is no PUBLISH: the first of a connection, which comes before anybody knows whose it is, and lists
// of filters. The library takes some 30 times as much to decode one that is full of short filters or properties.
const controlBytes = 64 << 10

func (c *Config) validate() error {
	var errs []error
	for _, limit := range []struct {
		key             string
		value, min, max int
	}{
		{"connections", c.Connections, 1, 10_000_000},
		{"connections_per_address", c.ConnectionsPerAddress, 0, 10_000_000},
		{"connections_per_device", c.ConnectionsPerDevice, 1, 10_000_000},
		{"connection_rate", c.ConnectionRate, 1, 1_000_000},
		{"handshakes", c.Handshakes, 1, 10_000_000},
		{"subscriptions", c.Subscriptions, 0, 100_000_000},
		{"subscriptions_per_client", c.SubscriptionsPerClient, 0, 1_000_000},
		{"sessions", c.Sessions, 0, 10_000_000},
		{"queued_bytes", c.QueuedBytes, 1 << 10, 1 << 40},
		{"packet_bytes", c.PacketBytes, controlBytes, 256 << 20}, // MQTT itself allows no more than 256 MiB
		{"in_flight", c.InFlight, 1, 65_535},                     // packet identifiers have 16 bits
		{"retained", c.Retained, 0, 100_000_000},
		{"pending", c.Pending, 1, 65_535},
	} {
		if limit.value < limit.min || limit.value > limit.max {
			errs = append(errs, fmt.Errorf("broker: %s is %d: it must be %d to %d", limit.key, limit.value, limit.min, limit.max))
		}
	}
	for _, d := range []struct {
		key   string
		value time.Duration
	}{
		{"session_expiry", c.SessionExpiry}, {"connect_timeout", c.ConnectTimeout}, {"packet_timeout", c.PacketTimeout}, {"write_timeout", c.WriteTimeout},
	} {
		if d.value <= 0 {
			errs = append(errs, fmt.Errorf("broker: %s is %s: it must be positive", d.key, d.value))
		}
	}
	if c.RetainedBytes < 0 {
		errs = append(errs, fmt.Errorf("broker: retained_bytes is %d: it must be 0 or more", c.RetainedBytes))
	}
	for _, e := range c.entrances() {
		if _, _, err := net.SplitHostPort(e.address); err != nil {
			errs = append(errs, fmt.Errorf("broker: address: %w: give host and port, such as 127.0.0.1:1883", err))
		}
	}
	if c.TLSAddress != "" && c.TLS == nil {
		errs = append(errs, fmt.Errorf("broker: tls_address is %s, and there is no certificate: give one", c.TLSAddress))
	}
	return errors.Join(errs...)
}

// entrance is one address to listen on.
type entrance struct {
	address   string
	tls       *tls.Config // nil for plain
	anonymous bool        // clients need no credentials
}

// entrances are the addresses to listen on: Address, and TLSAddress where it is set.
func (c *Config) entrances() []entrance {
	at := func(address string, t *tls.Config) entrance {
		return entrance{address, t, loopback(address) && !c.RequireCredentials}
	}
	if c.TLSAddress == "" {
		return []entrance{at(c.Address, c.TLS)}
	}
	return []entrance{at(c.Address, nil), at(c.TLSAddress, c.TLS)}
}

// loopback tells whether only programs of this machine can reach the address.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
