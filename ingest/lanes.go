package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/presage-pdm/presage/telemetry/series"
)

// LanesConfig is what [Lanes] can be told.
type LanesConfig struct {
	// Dir is the folder of the checkpoints, made when it is missing.
	Dir string `koanf:"-"`
	// Owner names this process where lanes are leased.
	Owner string `koanf:"-"`
	// CheckpointEvery is how often a cursor is saved while it moves. A checkpoint that takes long is
	// made less often, so that it takes a twentieth of the time at most.
	CheckpointEvery time.Duration `koanf:"checkpoint_every"`
	// CheckpointBytes is how much of the journal is read before a cursor is saved
	// although the time has not come: it bounds what a restart replays.
	CheckpointBytes int64 `koanf:"checkpoint_bytes"`
	// StoreSamples is how many samples are gathered for the series store at most, while it is behind.
	StoreSamples int `koanf:"store_samples"`
	// Pending is how many findings wait for the desk before detection waits as well.
	Pending int `koanf:"pending"`
	// ReportFindings is how many findings go to the desk at once.
	ReportFindings int `koanf:"report_findings"`
	// StuckAfter is how long a cursor may stand still before it counts as stuck.
	StuckAfter time.Duration `koanf:"stuck_after"`

	Logger     *slog.Logger          `koanf:"-"`
	Registerer prometheus.Registerer `koanf:"-"` // nil keeps the metrics unregistered
}

// DefaultLanesConfig checkpoints every ten seconds.
func DefaultLanesConfig() LanesConfig {
	return LanesConfig{
		CheckpointEvery: 10 * time.Second,
		CheckpointBytes: 512 << 20,
		StoreSamples:    50_000,
		Pending:         4096,
		ReportFindings:  100,
		StuckAfter:      time.Minute,
		Logger:          slog.New(slog.DiscardHandler),
	}
}

func (c *LanesConfig) check() error {
	switch {
	case c.Dir == "":
		return errors.New("lanes: Dir is empty")
	case c.Owner == "":
		return errors.New("lanes: Owner is empty")
	case c.CheckpointEvery <= 0 || c.CheckpointBytes <= 0 || c.StoreSamples <= 0 || c.Pending <= 0 || c.ReportFindings <= 0 || c.StuckAfter <= 0:
		return errors.New("lanes: intervals and sizes must be positive")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Leases says who works a lane. It is implemented by internal/sqlstore.
type Leases interface {
	// AcquireLane makes owner the one who works a partition in a role, and returns its epoch, which is
	// larger than every one before. Effects of earlier epochs fail with tickets.ErrFenced from then on.
	AcquireLane(ctx context.Context, partition int, role, owner string) (epoch int64, err error)
}

// Parts is what lanes work with.
type Parts struct {
	Journal  Journal
	Store    series.Store
	Records  Records
	Reporter Reporter
	Leases   Leases
	// Watch makes the detection of a partition, without any state.
	Watch func(partition int) Watcher
}

// Lanes apply the journal: one lane for each partition. In each lane two cursors
// move over the journal, and neither waits for the other: one stores what it reads in the series store and
// the records, the other runs the detection and reports the findings. Both save
// checkpoints, and the journal is trimmed behind what both could fall back to.
type Lanes struct {
	parts   Parts
	cfg     LanesConfig
	metrics *laneMetrics
	lanes   []*lane
}

// NewLanes returns the lanes of a journal. They do nothing until [Lanes.Run].
func NewLanes(parts Parts, cfg LanesConfig) (*Lanes, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("lanes: %w", err)
	}
	l := &Lanes{parts: parts, cfg: cfg}
	l.metrics = newLaneMetrics(cfg.Registerer, l.Status)
	for i := range parts.Journal.Partitions() {
		l.lanes = append(l.lanes, newLane(parts, cfg, l.metrics, i))
	}
	return l, nil
}

// Run works until stop ends; then every cursor finishes what it has in hand, saves a checkpoint and returns. What it has
// in hand is given up when abort ends. A lane that fails, because it has a newer owner or
// cannot read the journal, ends alone and shows in [Lanes.Ready]; Run returns why when the others have ended.
func (l *Lanes) Run(stop, abort context.Context) error {
	errs := make([]error, len(l.lanes))
	var wait sync.WaitGroup
	for i, lane := range l.lanes {
		wait.Go(func() { errs[i] = lane.run(stop, abort) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// Do calls fn with the detection of each lane, between two batches, and returns
// when all have been called. It is how a new catalogue reaches them. A lane that has
// ended, or has not begun, makes it fail.
func (l *Lanes) Do(ctx context.Context, fn func(partition int, w Watcher)) error {
	errs := make([]error, len(l.lanes))
	var wait sync.WaitGroup
	for i, lane := range l.lanes {
		wait.Go(func() { errs[i] = lane.do(ctx, func(w Watcher) { fn(i, w) }) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// Status tells where each lane is.
func (l *Lanes) Status() []LaneStatus {
	now := time.Now()
	all := make([]LaneStatus, len(l.lanes))
	for i, lane := range l.lanes {
		all[i] = lane.status(now)
	}
	return all
}

// Ready returns an error that names every lane that does not work: not begun, failed, or with a stuck cursor.
func (l *Lanes) Ready(context.Context) error {
	var errs []error
	for _, s := range l.Status() {
		switch {
		case s.Err == "" && s.PendingSeconds > l.cfg.StuckAfter.Seconds():
			errs = append(errs, fmt.Errorf("lane %d: %d findings have waited %.0f s for the desk: look at the ticket store", s.Partition, s.Pending, s.PendingSeconds))
		case s.Err != "":
			errs = append(errs, fmt.Errorf("lane %d: %s", s.Partition, s.Err))
		case s.Epoch == 0:
			errs = append(errs, fmt.Errorf("lane %d has not begun: the ticket store has not answered yet", s.Partition))
		case s.Store.Stuck:
			errs = append(errs, fmt.Errorf("lane %d: nothing was stored for %.0f s: look at the series store", s.Partition, s.Store.LagSeconds))
		case s.Detect.Stuck:
			errs = append(errs, fmt.Errorf("lane %d: nothing was judged for %.0f s: look at the ticket store", s.Partition, s.Detect.LagSeconds))
		}
	}
	return errors.Join(errs...)
}

// LaneStatus tells where one lane is.
type LaneStatus struct {
	Partition int          `json:"partition"`
	Epoch     int64        `json:"epoch"` // 0 until the lane has begun
	Store     CursorStatus `json:"store"`
	Detect    CursorStatus `json:"detect"`
	// Pending is how many findings wait for the desk.
	Pending int `json:"pending_findings"`
	// PendingSeconds is for how long the desk has taken none of them.
	PendingSeconds float64 `json:"pending_s"`
	// Err is why the lane has ended, or empty.
	Err string `json:"err,omitempty"`
}

// CursorStatus tells where one cursor of a lane is.
type CursorStatus struct {
	Position Position `json:"position"`
	// LagSeconds is the age of the oldest reading that the cursor has not dealt with, 0 when there is none.
	LagSeconds float64 `json:"lag_s"`
	// Stuck is set when there are readings and the cursor has not moved for LanesConfig.StuckAfter.
	Stuck bool `json:"stuck"`
	// Saved is the position of the newest checkpoint.
	Saved Position `json:"saved"`
	// SavedAt is when this process wrote it, zero when it has not yet, and SavedBytes its size.
	SavedAt    time.Time `json:"saved_at,omitzero"`
	SavedBytes int       `json:"saved_bytes"`
	// BytesBehind is how many bytes of the journal the cursor has before it.
	BytesBehind int64 `json:"bytes_behind"`
}
