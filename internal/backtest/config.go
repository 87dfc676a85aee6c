// Package backtest replays stored history through the detectors and tells which tickets would have opened. It writes nothing.
//
// What is replayed is what was stored: readings and events in the order of their own time. Three things that shaped the live tickets are
// not stored, and bound how far the two agree. The order and the time of arrival: a reading counts as having arrived when
// it was taken, so nothing is late and nothing is a backfill. What devices said of their state: only the last of it is known, so a device
// that took its leave in an orderly way looks silent. And what was learned before the span: the engine starts empty, see
// [Config].WarmUp. Outages of Presage itself look like silence of the devices.
package backtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
)

// Readings are the stored readings. Every [series.Store] is one.
type Readings interface {
	Last(ctx context.Context, tenant, device string) (map[string]series.Point, error)
	Raw(ctx context.Context, key series.Key, r series.Range, limit int) ([]series.Point, error)
}

// Records are the stored events and states. *sqlstore.Store is one.
type Records interface {
	Events(ctx context.Context, tenant, device string, from, to time.Time, limit int) ([]telemetry.Event, error)
	State(ctx context.Context, tenant, device string) (telemetry.State, error)
}

// Config says what is replayed. Start from [DefaultConfig].
type Config struct {
	Tenant   string
	Readings Readings
	Records  Records
	// From and To bound the tickets that count: those opened in [From, To).
	From, To time.Time
	// WarmUp is how long before From the replay begins, for the detectors to learn; what opens then does not count.
	WarmUp time.Duration
	// ReopenWithin is that of the desk.
	ReopenWithin time.Duration
	Engine       detectors.Config
	// Workers is how many devices are replayed at once. Each holds [page] readings of each metric of its device: about a
	// megabyte for eight metrics.
	Workers int
	// Done is told of every device that was replayed, from one goroutine at a time; nil tells nobody.
	Done func(device string)
}

// DefaultConfig returns no warm-up, a worker for each processor and the engine's and the desk's defaults.
func DefaultConfig() Config {
	engine := detectors.DefaultConfig()
	engine.Reorder = 0 // history is in order
	engine.Logger = slog.New(slog.DiscardHandler)
	return Config{Tenant: telemetry.DefaultTenant, ReopenWithin: 72 * time.Hour, Engine: engine, Workers: runtime.GOMAXPROCS(0)}
}

func (c *Config) validate() error {
	switch {
	case c.Readings == nil || c.Records == nil || c.Tenant == "":
		return errors.New("backtest: Config.Readings, Records or Tenant is not set")
	case !c.From.Before(c.To):
		return fmt.Errorf("backtest: the span ends at %s, which is not after its start at %s", c.To.Format(time.RFC3339), c.From.Format(time.RFC3339))
	case c.WarmUp < 0 || c.ReopenWithin < 0:
		return errors.New("backtest: the warm-up or the hold is negative")
	case c.Workers < 1:
		return errors.New("backtest: there must be at least one worker")
	}
	return nil
}
