package subscriber

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// Config says which broker to subscribe to, and how.
type Config struct {
	// URL is the broker, such as "tcp://10.0.0.5:1883" or
	// "ssl://user:password@broker.example:8883". The schemes are tcp, mqtt, ssl, tls, mqtts, ws and wss.
	URL string `koanf:"url"`
	// Username and Password take the place of those in the URL.
	Username string `koanf:"username"`
	Password string `koanf:"password"`
	// ClientID is the beginning of the client identifiers, which end in the number
	// of the shard. Two processes with the same one push each other out.
	ClientID string `koanf:"client_id"`
	// Shards are topic filters, one list for each session. Empty means one session
	// with all filters of the formats that are understood.
	Shards [][]string `koanf:"shards"`
	// Tenant of everything that comes from this broker.
	Tenant string `koanf:"tenant"`
	// KeepAlive is how often a silent connection is tested.
	KeepAlive time.Duration `koanf:"keep_alive"`
	// Timeout bounds connecting, subscribing, and the last acknowledgements at the end.
	Timeout time.Duration `koanf:"timeout"`
	// FirstPause and LongestPause bound the pauses between attempts to connect, which double.
	FirstPause   time.Duration `koanf:"first_pause"`
	LongestPause time.Duration `koanf:"longest_pause"`
	// WaitingBytes bounds the payloads of a shard that wait for the intake.
	WaitingBytes int `koanf:"waiting_bytes"`
	// TLS is used with the schemes that ask for it; nil means the system's certificates.
	TLS *tls.Config `koanf:"-"`
}

// DefaultConfig lacks only the URL.
func DefaultConfig() Config {
	return Config{
		ClientID:     "presage",
		Tenant:       telemetry.DefaultTenant,
		KeepAlive:    30 * time.Second,
		Timeout:      10 * time.Second,
		FirstPause:   100 * time.Millisecond,
		LongestPause: 15 * time.Second,
		WaitingBytes: 64 << 20,
	}
}

var schemes = []string{"tcp", "mqtt", "ssl", "tls", "mqtts", "ws", "wss"}

// prepare checks the configuration and moves the credentials out of the URL.
func (c *Config) prepare() error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" {
		return errors.New("subscriber: url is not the address of a broker: give one such as tcp://10.0.0.5:1883") // without the URL, which may hold a password
	}
	if !slices.Contains(schemes, u.Scheme) {
		return fmt.Errorf("subscriber: url has scheme %q: use one of %v", u.Scheme, schemes)
	}
	if u.User != nil {
		if c.Username == "" {
			c.Username = u.User.Username()
		}
		if password, ok := u.User.Password(); ok && c.Password == "" {
			c.Password = password
		}
		u.User = nil
	}
	c.URL = u.String()
	if c.ClientID == "" {
		return errors.New("subscriber: client_id is empty: a durable session needs a name")
	}
	for i, filters := range c.Shards {
		if len(filters) == 0 {
			return fmt.Errorf("subscriber: shards[%d] has no topic filter", i)
		}
	}
	for _, d := range []struct {
		key   string
		value time.Duration
	}{
		{"keep_alive", c.KeepAlive}, {"timeout", c.Timeout}, {"first_pause", c.FirstPause}, {"longest_pause", c.LongestPause},
	} {
		if d.value <= 0 {
			return fmt.Errorf("subscriber: %s is %s: it must be positive", d.key, d.value)
		}
	}
	if c.WaitingBytes <= 0 {
		return fmt.Errorf("subscriber: waiting_bytes is %d: it must be positive", c.WaitingBytes)
	}
	return nil
}
