package diagnosis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
)

// Store is where tickets, their evidence and their diagnoses are kept; the ticket stores are ones.
type Store interface {
	Ticket(ctx context.Context, tenant, id string) (tickets.Ticket, error)
	Findings(ctx context.Context, tenant string, f tickets.FindingFilter) (findings []tickets.Evidence, next string, err error)
	// Diagnosis returns the sealed diagnosis of a ticket, or tickets.ErrNotFound.
	Diagnosis(ctx context.Context, tenant, ticket string) ([]byte, error)
	Update(ctx context.Context, tenant string, fence tickets.Fence, fn func(ctx context.Context, tx tickets.Tx) error) error
}

// Readings are the readings of devices; a series.Store is one.
type Readings interface {
	Raw(ctx context.Context, key series.Key, r series.Range, limit int) ([]series.Point, error)
	Windows(ctx context.Context, key series.Key, r series.Range, step time.Duration) ([]series.Window, error)
	Last(ctx context.Context, tenant, device string) (map[string]series.Point, error)
}

// Events are the discrete events of devices.
type Events interface {
	// Events returns at most limit events of a device in [from, to), oldest first.
	Events(ctx context.Context, tenant, device string, from, to time.Time, limit int) ([]telemetry.Event, error)
}

// Bands tells the expected range of a metric over time. [*Replay] is one.
type Bands interface {
	Band(ctx context.Context, key series.Key, r series.Range) ([]BandPoint, error)
}

// Fleet is what a diagnosis asks of the fleet; *fleet.Directory is the one.
type Fleet interface {
	Devices(tenant string) iter.Seq[*fleet.Device]
	Model(tenant, id string) (fleet.Model, bool)
}

// Config is what a [Diagnoser] works with. Everything but Log, Now and Refresh must be set.
type Config struct {
	Store    Store
	Readings Readings
	Events   Events
	Bands    Bands
	Fleet    Fleet
	Plans    detectors.Plans
	Wording  *Wording
	Log      *slog.Logger
	Now      func() time.Time
	// Refresh is the least age of a diagnosis that is built anew only because
	// its charts can show more of what came after the onset.
	Refresh time.Duration
}

// DefaultConfig returns the settings of a diagnoser without its stores.
func DefaultConfig() Config {
	return Config{Log: slog.New(slog.DiscardHandler), Now: time.Now, Refresh: 30 * time.Second}
}

// Diagnoser builds the diagnosis of a ticket when somebody asks for it, and
// keeps it. It is safe for concurrent use.
type Diagnoser struct {
	cfg      Config
	building singleflight.Group // by tenant and ticket: many browsers ask at once when a ticket changes
}

// buildTime bounds the building of one diagnosis, which goes on for the others
// who wait for it when the one who asked first has left.
const buildTime = 30 * time.Second

// New returns a diagnoser. It fails when a part of the configuration is missing.
func New(cfg Config) (*Diagnoser, error) {
	var errs []error
	for _, part := range []struct {
		name    string
		missing bool
	}{
		{"Store", cfg.Store == nil}, {"Readings", cfg.Readings == nil}, {"Events", cfg.Events == nil}, {"Bands", cfg.Bands == nil},
		{"Fleet", cfg.Fleet == nil}, {"Plans", cfg.Plans == nil}, {"Wording", cfg.Wording == nil}, {"Log", cfg.Log == nil}, {"Now", cfg.Now == nil},
	} {
		if part.missing {
			errs = append(errs, fmt.Errorf("diagnosis: Config.%s is not set", part.name))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Diagnoser{cfg: cfg}, nil
}

// maxEvidence bounds the findings that a diagnosis carries, newest first.
const maxEvidence = 200

// Diagnosis returns the diagnosis of a ticket, by ID or number. It is built at
// the first question and kept; while the ticket is open it is built anew when
// there is new evidence or when its charts can show more of what came after. When the
// series store cannot be asked the diagnosis comes in words without a picture.
// What it returns may be shared with others who asked, and must not be changed.
// It fails with [tickets.ErrNotFound] and [tickets.ErrUnavailable] of the ticket store.
func (d *Diagnoser) Diagnosis(ctx context.Context, tenant, id string) (Diagnosis, error) {
	t, err := d.cfg.Store.Ticket(ctx, tenant, id)
	if err != nil {
		return Diagnosis{}, fmt.Errorf("diagnose ticket %s: %w", id, err)
	}
	evidence, _, err := d.cfg.Store.Findings(ctx, tenant, tickets.FindingFilter{Ticket: t.ID, Limit: maxEvidence})
	if err != nil {
		return Diagnosis{}, fmt.Errorf("diagnose ticket %s: %w", t.Number, err)
	}
	now := d.cfg.Now().UTC().Truncate(time.Millisecond)
	kept, err := d.kept(ctx, tenant, &t)
	if err != nil {
		return Diagnosis{}, fmt.Errorf("diagnose ticket %s: %w", t.Number, err)
	}
	if kept != nil && d.current(kept, evidence, now) {
		return *kept, nil
	}
	built := d.building.DoChan(tenant+"\x00"+t.ID, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), buildTime)
		defer cancel()
		return d.renew(ctx, tenant, &t, evidence, now)
	})
	select {
	case <-ctx.Done():
		return Diagnosis{}, fmt.Errorf("diagnose ticket %s: %w", t.Number, ctx.Err())
	case r := <-built:
		if r.Err != nil {
			return Diagnosis{}, fmt.Errorf("diagnose ticket %s: %w", t.Number, r.Err)
		}
		return r.Val.(Diagnosis), nil
	}
}

// renew builds a diagnosis and keeps it unless it is partial.
func (d *Diagnoser) renew(ctx context.Context, tenant string, t *tickets.Ticket, evidence []tickets.Evidence, now time.Time) (Diagnosis, error) {
	built, err := d.build(ctx, tenant, t, evidence, now)
	if err != nil || built.Partial {
		return built, err
	}
	sealed, err := json.Marshal(built)
	if err != nil {
		return built, err
	}
	err = d.cfg.Store.Update(ctx, tenant, tickets.Fence{}, func(ctx context.Context, tx tickets.Tx) error {
		return tx.PutDiagnosis(ctx, t.ID, sealed)
	})
	if err != nil {
		// The reader has what was asked for; the next question builds it again.
		d.cfg.Log.Warn("diagnosis not kept", "ticket", t.Number, "err", err)
	}
	return built, nil
}

// kept returns the diagnosis in the store, or nil when there is none that can be trusted.
func (d *Diagnoser) kept(ctx context.Context, tenant string, t *tickets.Ticket) (*Diagnosis, error) {
	sealed, err := d.cfg.Store.Diagnosis(ctx, tenant, t.ID)
	if errors.Is(err, tickets.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	kept := new(Diagnosis)
	if err := json.Unmarshal(sealed, kept); err != nil || !kept.Intact() {
		d.cfg.Log.Warn("kept diagnosis is damaged and built anew", "ticket", t.Number, "err", err)
		return nil, nil
	}
	return kept, nil
}

// current reports whether a kept diagnosis still says all there is to say.
func (d *Diagnoser) current(kept *Diagnosis, evidence []tickets.Evidence, now time.Time) bool {
	if len(kept.Evidence) != len(evidence) || len(evidence) > 0 && kept.Evidence[0].ID != evidence[0].ID {
		return false
	}
	grows := kept.To.Before(kept.Until) && now.After(kept.To)
	return !grows || now.Sub(kept.BuiltAt) < d.cfg.Refresh
}
