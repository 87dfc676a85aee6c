package journal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/prometheus/prometheus/tsdb/fileutil"

	"github.com/presage-pdm/presage/ingest"
)

// Log is the embedded journal: it implements [ingest.Journal] in a folder of
// this machine. It is safe for concurrent use.
type Log struct {
	cfg        Config
	lock       fileutil.Releaser
	partitions []*partition
	close      sync.Once
	closed     error
}

var _ ingest.Journal = (*Log)(nil)

// Open opens the journal of a folder, or makes one, and cuts off what a crash
// left unfinished at the end of each partition. The caller closes it.
func Open(cfg Config) (*Log, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	lock, _, err := fileutil.Flock(filepath.Join(cfg.Dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("open journal %s: another process uses it: stop it first: %w", cfg.Dir, err)
	}
	l := &Log{cfg: cfg, lock: lock}
	if err := l.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("open journal %s: %w", cfg.Dir, err), l.Close())
	}
	return l, nil
}

func (l *Log) open() error {
	h, err := openHeader(l.cfg.Dir, l.cfg.Partitions, defaultPartitions())
	if err != nil {
		return err
	}
	if most := l.cfg.MaxBytes / int64(h.Partitions); most < 4*int64(l.cfg.GroupBytes) {
		return fmt.Errorf("%d bytes for %d partitions are too few: allow %d at least", l.cfg.MaxBytes, h.Partitions, 4*int64(l.cfg.GroupBytes)*int64(h.Partitions))
	}
	var id producer
	rand.Read(id[:]) // never fails
	m := newMetrics(l.cfg.Registerer, l)
	for i := range h.Partitions {
		p, err := openPartition(partitionConfig{
			Config: l.cfg,
			dir:    partitionDir(l.cfg.Dir, i),
			most:   l.cfg.MaxBytes / int64(h.Partitions),
			id:     id,
			log:    l.cfg.Logger.With("partition", i),
			m:      m,
		})
		if err != nil {
			return err
		}
		l.partitions = append(l.partitions, p)
	}
	return syncDir(l.cfg.Dir)
}

// Partitions implements [ingest.Journal].
func (l *Log) Partitions() int { return len(l.partitions) }

// Append implements [ingest.Journal].
func (l *Log) Append(ctx context.Context, partition int, entry []byte, done func(error)) error {
	p, err := l.partition(partition)
	if err != nil {
		return err
	}
	return p.append(ctx, entry, done)
}

// Read implements [ingest.Journal].
func (l *Log) Read(partition int, from ingest.Position) (ingest.Cursor, error) {
	p, err := l.partition(partition)
	if err != nil {
		return nil, err
	}
	return p.read(from)
}

// End implements [ingest.Journal].
func (l *Log) End(partition int) ingest.Position {
	p, err := l.partition(partition)
	if err != nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.end()
}

// Trim implements [ingest.Journal]: it removes the files that lie wholly before the position.
func (l *Log) Trim(partition int, before ingest.Position) error {
	p, err := l.partition(partition)
	if err != nil {
		return err
	}
	return p.trim(before)
}

// Behind implements [ingest.Journal].
func (l *Log) Behind(partition int, from ingest.Position) int64 {
	p, err := l.partition(partition)
	if err != nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.behind(from)
}

// Size returns the bytes that the journal holds on disk.
func (l *Log) Size() int64 {
	var n int64
	for _, p := range l.partitions {
		p.mu.Lock()
		n += p.held
		p.mu.Unlock()
	}
	return n
}

// Full reports whether a partition has no room for what is to be appended:
// [Log.Append] waits until something is trimmed.
func (l *Log) Full() bool {
	for _, p := range l.partitions {
		p.mu.Lock()
		full := p.full
		p.mu.Unlock()
		if full {
			return true
		}
	}
	return false
}

// Err returns why the journal cannot write at present, or nil. Entries are kept waiting
// meanwhile, and it tries again by itself.
func (l *Log) Err() error {
	var errs []error
	for _, p := range l.partitions {
		p.mu.Lock()
		errs = append(errs, p.failing)
		p.mu.Unlock()
	}
	return errors.Join(errs...)
}

// Close commits what is waiting and closes the files. What cannot be written any more
// has its done called with an error.
func (l *Log) Close() error {
	l.close.Do(func() {
		var errs []error
		for _, p := range l.partitions {
			errs = append(errs, p.close())
		}
		if l.lock != nil {
			errs = append(errs, l.lock.Release())
		}
		l.closed = errors.Join(errs...)
	})
	return l.closed
}

func (l *Log) partition(i int) (*partition, error) {
	if i < 0 || i >= len(l.partitions) {
		return nil, fmt.Errorf("journal: partition %d of %d", i, len(l.partitions))
	}
	return l.partitions[i], nil
}
