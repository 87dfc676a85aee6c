package promseries

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/prometheus/prometheus/tsdb/wlog"
)

// maxLateSegments is how many segments, of 128 MiB, the log of late readings may
// have before they are made into blocks. The engine does so only after
// blocks of timely readings, which an import of old data alone never makes.
const maxLateSegments = 4

// Sync implements [series.Store].
//
// The engine's commit hands its records to the operating system and does not
// wait for the disk, and it keeps its logs to itself. Sync therefore opens the
// segment files of both logs, that of timely readings (wal) and that of late ones (wbl), and
// calls fsync on them: fsync is a promise about the file, whoever wrote it (POSIX.1-2017,
// fsync; Linux and macOS keep it for any descriptor). Then it does the
// same for the two folders, so that the names of new segments survive too.
// Segments that the engine deletes meanwhile are in blocks or checkpoints that
// it has synced itself.
func (s *Store) Sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	late, err := s.logs.sync()
	if err != nil {
		return fmt.Errorf("sync series store %s: %w", s.cfg.Dir, err)
	}
	if late > maxLateSegments {
		s.startCompactingLate()
	}
	return nil
}

// logSyncer syncs the segments of the two logs. It remembers the newest segment it has synced
// of each: older ones are never written again.
type logSyncer struct {
	mu   *sync.Mutex
	dirs [2]string
	from [2]int // first segment that may hold records that are not synced
}

func newLogSyncer(dir string) logSyncer {
	return logSyncer{mu: new(sync.Mutex), dirs: [2]string{filepath.Join(dir, "wal"), filepath.Join(dir, wlog.WblDirName)}}
}

// sync syncs both logs and returns how many segments the log of late readings has.
func (l *logSyncer) sync() (late int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, dir := range l.dirs {
		if late, err = l.syncDir(dir, &l.from[i]); err != nil {
			return 0, err
		}
	}
	return late, nil
}

func (l *logSyncer) syncDir(dir string, from *int) (segments int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	last := *from
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil {
			continue // a checkpoint
		}
		segments++
		if n < *from {
			continue
		}
		if err := fsync(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
		last = max(last, n)
	}
	if last > *from || *from == 0 {
		if err := fsync(dir); err != nil {
			return 0, err
		}
	}
	*from = last
	return segments, nil
}

// syncChunks makes the files of chunks durable that a process before this one left. The engine goes on with a new file, and does not
// open when an older one was lost in a power cut: it forgives that of the last one only.
func syncChunks(dir string) error {
	dir = filepath.Join(dir, "chunks_head")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := fsync(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return fsync(dir)
}

func fsync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = f.Sync()
	return errors.Join(err, f.Close())
}
