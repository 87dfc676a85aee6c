package influx

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"
)

// Config says which server and database to use. Start from [DefaultConfig].
type Config struct {
	// URL of the server, such as "http://127.0.0.1:8086".
	URL string
	// Token is "user:password" for InfluxDB 1.8, an API token for later versions.
	Token string
	// Org is the organisation of InfluxDB 2; 1.8 and 3 ignore it.
	Org string
	// Database is the name of the database, or of the bucket.
	Database string
	// Retention of a database that Open creates; 0 keeps readings for ever. That of
	// one that exists is left alone.
	Retention time.Duration
	// BatchLines bounds the readings of one write request.
	BatchLines int
	// Timeout of one request.
	Timeout time.Duration
	// MaxResponse bounds the answer to one query, in bytes.
	MaxResponse int64
	// Logger receives warnings; nil discards them.
	Logger *slog.Logger
}

// DefaultConfig writes 5,000 readings at a time, as InfluxData recommends, about 400 kB.
func DefaultConfig(server, token, database string) Config {
	return Config{
		URL: server, Token: token, Database: database,
		BatchLines:  5000,
		Timeout:     20 * time.Second,
		MaxResponse: 256 << 20,
	}
}

func (c Config) validate() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return fmt.Errorf("influxdb url: %w", err)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("influxdb url %q: use the form http://host:8086", c.URL)
	case c.Database == "" || strings.ContainsAny(c.Database, "\n/\x00"):
		return fmt.Errorf("influxdb database %q: name one, without slashes and line breaks", c.Database)
	case c.Retention < 0 || c.Retention > 0 && c.Retention < time.Hour:
		return fmt.Errorf("influxdb retention %v: use 0 to keep readings for ever, or at least 1h", c.Retention)
	case c.BatchLines <= 0 || c.Timeout <= 0 || c.MaxResponse <= 0:
		return errors.New("influxdb: batch lines, timeout and max response must be positive; start from DefaultConfig")
	}
	return nil
}
