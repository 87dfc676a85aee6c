package replay

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// The formats.
const (
	FormatPresage = "presage"
	FormatCSV     = "csv"
)

// Config says what is replayed, and where to.
type Config struct {
	// Format is [FormatPresage] or [FormatCSV].
	Format string
	// Device is whose telemetry it is.
	Device string
	// Broker is the URL of the MQTT broker, with credentials if it needs any: "mqtt://127.0.0.1:1883".
	Broker string
	// TLS is used with the schemes that ask for it; nil means the system's certificates.
	TLS *tls.Config
	// TimeColumn names the column of the time in CSV. Empty means the first
	// that is named timestamp, datetime, time, date or ts, in any case.
	TimeColumn string
	// TimeZone is that of dates without one; nil means UTC.
	TimeZone *time.Location
	// Start, when not zero, says that the times are seconds since then.
	Start time.Time
	// Ignore names columns that are not metrics; every one must be there.
	Ignore []string
	// Labels names columns that say what is known of a row afterwards. Where
	// they are there they are left out: no device publishes the truth about itself.
	Labels []string
	// Speed is how many seconds of the recording pass in one; 0 is as fast as possible.
	Speed float64
	// Batch is how many rows are sent in one message when Speed is 0.
	Batch int
	// InFlight bounds how many messages wait for their acknowledgement.
	InFlight int
	// Patience is how long a broker may be away before the replay fails.
	Patience time.Duration
	// Progress is where a progress bar is drawn; nil for none.
	Progress io.Writer
}

// DefaultConfig replays CSV to the broker of this machine, as fast as possible.
func DefaultConfig() Config {
	return Config{
		Format:   FormatCSV,
		Broker:   "mqtt://127.0.0.1:1883",
		Labels:   []string{"anomaly", "changepoint", "label", "is_anomaly"},
		Batch:    100,
		InFlight: 100,
		Patience: 2 * time.Minute,
	}
}

func (c *Config) check() error {
	if c.Format != FormatPresage && c.Format != FormatCSV {
		return fmt.Errorf("replay: unknown format %q: use %s or %s", c.Format, FormatPresage, FormatCSV)
	}
	if err := telemetry.ValidDeviceID(c.Device); err != nil {
		return fmt.Errorf("replay: device: %w", err)
	}
	switch {
	case c.Speed < 0 || math.IsNaN(c.Speed) || math.IsInf(c.Speed, 0):
		return fmt.Errorf("replay: speed is %g: it must be 0 (as fast as possible) or more", c.Speed)
	case c.Batch < 1 || c.Batch > 10_000:
		return fmt.Errorf("replay: batch is %d: it must be 1 to 10000 rows", c.Batch)
	case c.InFlight < 1 || c.InFlight > 65_535:
		return fmt.Errorf("replay: in flight is %d: it must be 1 to 65535 messages", c.InFlight)
	case c.Patience <= 0:
		return errors.New("replay: patience must be positive")
	}
	return nil
}

// Result counts what a replay did.
type Result struct {
	Rows    int64 // read
	Sent    int64 // messages, each counted once
	Acked   int64 // messages that the broker acknowledged
	Skipped int64 // cells without a number, and rows without any
}
