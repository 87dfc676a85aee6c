package tickets

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/presage-pdm/presage/fleet"
)

// Fleet is what the desk asks of the fleet. *fleet.Directory is the one; it answers from memory.
type Fleet interface {
	Device(tenant, id string) (fleet.Device, bool)
	Model(tenant, id string) (fleet.Model, bool)
	Site(tenant, id string) (fleet.Site, bool)
	Customer(tenant, id string) (fleet.Customer, bool)
	Technician(tenant, id string) (fleet.Technician, bool)
	// RegionPath returns a region and those around it, the innermost first.
	RegionPath(tenant, id string) []fleet.Region
}

// Config is what a [Desk] works with. Store, Fleet, Workflows, Dispatcher and
// Faults must be set; [DefaultConfig] has the rest.
type Config struct {
	Store      Store
	Fleet      Fleet
	Workflows  Workflows
	Dispatcher Dispatcher
	Faults     Faults
	Log        *slog.Logger
	Registerer prometheus.Registerer // nil keeps the metrics unregistered

	// ReopenWithin is how long after closing a returning fault reopens its
	// ticket; later it gets a new one that names the old.
	ReopenWithin time.Duration
	// A fault flaps when it came back FlappingAfter times within FlappingWithin, and no longer once it neither came nor went for
	// so long. FlappingAfter 0 turns that off.
	FlappingAfter  int
	FlappingWithin time.Duration
	// MaintenanceSettle is how long after a maintenance window the faults that it withheld may still clear before they get their tickets.
	MaintenanceSettle time.Duration
	Deadlines         Deadlines
	// Now tells the wall clock, which deadlines and people live by.
	Now func() time.Time
}

// DefaultConfig returns the settings of a desk without its stores.
func DefaultConfig() Config {
	return Config{
		Log:          slog.New(slog.DiscardHandler),
		ReopenWithin: 72 * time.Hour,
		// As often as that somebody who was told each time would stop reading.
		FlappingAfter: 4, FlappingWithin: 2 * time.Hour,
		// Long enough for a device to start and to be heard, short enough that nobody waits for it.
		MaintenanceSettle: 5 * time.Minute,
		Deadlines:         Deadlines{1: 4 * time.Hour, 2: 24 * time.Hour, 3: 72 * time.Hour, 4: 7 * 24 * time.Hour},
		Now:               time.Now,
	}
}

// Desk opens and moves tickets: by itself when findings come in, and for
// people as far as the workflow lets them. It holds no state of its own but metrics, and is safe for concurrent use.
type Desk struct {
	cfg     Config
	metrics *metrics
}

// NewDesk returns a desk. It fails when a part of the configuration is missing.
func NewDesk(cfg Config) (*Desk, error) {
	var missing []error
	need := func(name string, ok bool) {
		if !ok {
			missing = append(missing, fmt.Errorf("desk: Config.%s is not set", name))
		}
	}
	need("Store", cfg.Store != nil)
	need("Fleet", cfg.Fleet != nil)
	need("Workflows", cfg.Workflows != nil)
	need("Dispatcher", cfg.Dispatcher != nil)
	need("Faults", cfg.Faults != nil)
	need("Log", cfg.Log != nil)
	need("Now", cfg.Now != nil)
	if len(missing) > 0 {
		return nil, errors.Join(missing...)
	}
	if cfg.Workflows.For(Fault) == nil {
		return nil, errors.New("desk: no workflow begins tickets of kind \"fault\"; add \"kinds: [fault]\" to one")
	}
	return &Desk{cfg: cfg, metrics: newMetrics(cfg.Registerer)}, nil
}

// The limits on what one request may carry.
const (
	// MaxText is the number of characters of a note or comment.
	MaxText = 4000
	// reportChunk is how many findings share one transaction: enough to make
	// the commit cheap, few enough to keep the writer free for people.
	reportChunk = 100
	// attempts is how often a transaction that lost a race is run again.
	attempts = 5
)

// presage is the actor of automatic steps.
const presage = "presage"

// newID returns a UUIDv7: unique, and ordered by time of creation.
func newID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return id.String(), nil
}

// now is the wall clock in the resolution that the stores keep.
func (d *Desk) now() time.Time { return d.cfg.Now().UTC().Truncate(time.Microsecond) }

// flow returns the flow that a ticket pinned.
func (d *Desk) flow(t *Ticket) (*Flow, error) {
	f := d.cfg.Workflows.Flow(t.Workflow, t.WorkflowVersion)
	if f == nil {
		return nil, fmt.Errorf("ticket %s follows workflow %s version %d, which is not loaded; add it to the workflow folder again",
			t.Number, t.Workflow, t.WorkflowVersion)
	}
	if f.Stage(t.State) == nil {
		return nil, fmt.Errorf("ticket %s stands in stage %q, which workflow %s version %d does not have",
			t.Number, t.State, t.Workflow, t.WorkflowVersion)
	}
	return f, nil
}
