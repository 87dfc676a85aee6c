package promseries

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/presage-pdm/presage/telemetry/series"
)

// blockDuration is the span of the smallest block, Prometheus' own default: the
// head, which lives in memory, holds up to one and a half of it.
const blockDuration = 2 * time.Hour

// maxBlockDuration is the span of the largest block, as Prometheus bounds it.
const maxBlockDuration = 31 * 24 * time.Hour

// never is the longest interval that there is.
const never = time.Duration(math.MaxInt64)

// An archive that is imported into a fresh store runs through weeks of event time in seconds. If
// its first device counted as timely, the engine would make a block of each two
// hours on the way, and another for the late readings of all the others. So what is older than
// timely when the store is opened counts as late from the start, and no blocks are made for as long as settle,
// in which an import is usually over. Measured on two weeks of 350 devices, 5.3
// million readings: 13 s of CPU afterwards instead of 30 s meanwhile.
const (
	timely = time.Hour
	settle = 10 * time.Minute
)

// lateChunkSamples is how many late readings of a series stay in memory before they go to disk. Four
// times Prometheus' default: imports of history send long runs of them.
const lateChunkSamples = 128

// Store is a [series.Store] on an embedded Prometheus TSDB.
type Store struct {
	cfg    Config
	log    *slog.Logger
	db     *tsdb.DB
	engine *promql.Engine
	queued atomic.Int64  // requests that wait for a slot
	slots  chan struct{} // one token per running request; its capacity is Config.Query.Concurrency

	refs *refs
	logs logSyncer

	fullOnce sync.Once // logs once that Config.MaxSeries was reached

	handlerMu sync.Mutex
	handlers  map[string]http.Handler // by tenant

	// compact runs compactions of late readings in the background, and loop all others and the writing of chunks; Close waits for them.
	compact, loop sync.WaitGroup
	compacting    chan struct{} // capacity 1: a token while something is compacted
	gate          *gate
	room          *room
	stop          context.CancelFunc
	stopped       context.Context
	copied        string   // folder of a snapshot, removed by Close; empty for a store
	held          *os.File // its lock
	closing       sync.Once
	closed        error
}

var _ series.Store = (*Store)(nil)

// Open opens the store in cfg.Dir, creating it when missing. It replays the
// write-ahead log, at about a million readings a second.
func Open(cfg Config) (*Store, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	sweep(filepath.Dir(cfg.Dir))
	engineLog := slog.New(quiet{cfg.Logger.Handler()})
	opts := tsdb.DefaultOptions()
	opts.RetentionDuration = cfg.Retention.Milliseconds()
	opts.MaxBytes = cfg.MaxBytes
	opts.MinBlockDuration = blockDuration.Milliseconds()
	opts.MaxBlockDuration = longestBlock(cfg.Retention).Milliseconds()
	opts.OutOfOrderTimeWindow = cfg.OutOfOrder.Milliseconds()
	opts.OutOfOrderCapMax = lateChunkSamples
	opts.BlockReloadInterval = never // what the engine does as often, the store does, see room; blocks are looked at when one is made
	g, r := new(gate), &room{dir: cfg.Dir}
	opts.NewCompactorFunc = compactorBehind(g, r)
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open series store: %w", err)
	}
	if err := r.roomFor(0, 0); err != nil { // chunks are written while the log is read
		return nil, fmt.Errorf("open series store: %w", err)
	}
	if err := syncChunks(cfg.Dir); err != nil {
		return nil, fmt.Errorf("open series store %s: %w", cfg.Dir, err)
	}
	db, err := tsdb.Open(cfg.Dir, engineLog, cfg.Registerer, opts, nil)
	if err != nil {
		return nil, fmt.Errorf("open series store %s: %w", cfg.Dir, err)
	}
	// The engine does not make the names of the folders that it has made durable.
	if err := fsync(cfg.Dir); err != nil {
		return nil, errors.Join(fmt.Errorf("open series store %s: %w", cfg.Dir, err), db.Close())
	}
	s := &Store{
		cfg: cfg, log: cfg.Logger, db: db,
		engine: promql.NewEngine(promql.EngineOpts{
			Logger: engineLog, Reg: cfg.Registerer,
			MaxSamples: cfg.Query.MaxSamples, Timeout: cfg.Query.Timeout, LookbackDelta: cfg.Query.Lookback,
			EnableAtModifier: true, EnableNegativeOffset: true,
		}),
		slots:      make(chan struct{}, cfg.Query.Concurrency),
		refs:       newRefs(),
		logs:       newLogSyncer(cfg.Dir),
		handlers:   map[string]http.Handler{},
		compacting: make(chan struct{}, 1),
		gate:       g,
		room:       r,
	}
	registerMetrics(cfg.Registerer, s)
	s.stopped, s.stop = context.WithCancel(context.Background())
	db.Head().SetMinValidTime(time.Now().Add(-timely).UnixMilli())
	db.DisableCompactions()
	s.loop.Go(s.keepCompacting) // both are ended by Close
	s.loop.Go(s.keepWriting)
	return s, nil
}

// longestBlock keeps blocks to a tenth of the retention, as Prometheus does, so
// that deleting whole blocks keeps no more than a tenth too much.
func longestBlock(retention time.Duration) time.Duration {
	if retention == 0 {
		return maxBlockDuration
	}
	return min(max(retention/10, blockDuration), maxBlockDuration)
}

// Close makes everything appended durable and releases the folder. Queries that
// still run end first. Closing again returns the same.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.stop()
		s.compact.Wait()
		s.loop.Wait()
		var errs []error
		if err := closeEngine(s.db); err != nil {
			errs = append(errs, fmt.Errorf("close series store %s: %w", s.cfg.Dir, err))
		}
		if err := s.engine.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close query engine: %w", err))
		}
		if s.copied != "" {
			errs = append(errs, os.RemoveAll(s.copied), s.held.Close())
		}
		s.closed = errors.Join(errs...)
	})
	return s.closed
}

// Size returns the bytes of the store on disk, write-ahead logs included.
func (s *Store) Size() int64 {
	size := s.db.Head().Size()
	for _, b := range s.db.Blocks() {
		size += b.Size()
	}
	return size
}

// quiet passes warnings and errors only: the engine tells of every block it writes.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && q.Handler.Enabled(ctx, l)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }
func (q quiet) WithGroup(name string) slog.Handler       { return quiet{q.Handler.WithGroup(name)} }
