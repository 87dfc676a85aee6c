package journal

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/prometheus/tsdb/wlog"

	"github.com/presage-pdm/presage/ingest"
)

// Pauses between attempts at a disk that fails.
const (
	retryFirst = 50 * time.Millisecond
	retryMost  = 5 * time.Second
)

// commitAll commits one group after the other until the partition is closed and
// nothing is waiting.
func (p *partition) commitAll() {
	defer close(p.done)
	var g group
	g.reset()
	for {
		stopping := false
		select {
		case <-p.work:
		case <-p.stop:
			stopping = true
		}
		p.mu.Lock()
		g, p.pending = p.pending, g
		if !g.empty() {
			p.inwork = int64(len(g.blob))
			p.wakeAppenders()
		}
		p.mu.Unlock()
		if !g.empty() {
			err := p.commit(g.blob)
			if err == nil {
				p.cfg.m.durable.Observe(time.Since(g.begun).Seconds())
				p.cfg.m.groupEntries.Observe(float64(len(g.done)))
				p.cfg.m.entries.Add(float64(len(g.done)))
			}
			for _, done := range g.done {
				done(err)
			}
			g.reset()
			if cap(g.blob) > 4*p.cfg.GroupBytes { // of an entry that was a group alone
				g.blob = nil
				g.reset()
			}
		}
		if stopping {
			return
		}
	}
}

// commit makes a blob durable, however long the disk refuses. It fails only when the partition is closed.
func (p *partition) commit(blob []byte) error {
	p.sequence++
	fillBlobHeader(blob, p.cfg.id, p.sequence, time.Now().UnixMilli())
	for pause := retryFirst; ; pause = min(2*pause, retryMost) {
		err := p.write(blob)
		p.mu.Lock()
		p.failing = err
		p.mu.Unlock()
		if err == nil {
			return nil
		}
		p.cfg.m.failures.Inc()
		p.cfg.log.Error("journal cannot write; nothing is acknowledged until it can", "dir", p.cfg.dir, "err", err)
		select {
		case <-time.After(pause):
		case <-p.stop:
			return fmt.Errorf("journal: %w while it could not write: %w", ingest.ErrClosed, err)
		}
	}
}

// write logs a blob, syncs it, shows it to readers, and changes the file when it is full.
func (p *partition) write(blob []byte) error {
	if p.broken {
		if err := p.abandon(); err != nil {
			return err
		}
	}
	if p.wal == nil {
		if err := p.reopen(); err != nil {
			return err
		}
	}
	start := time.Now()
	err := p.wal.Log(blob)
	if err == nil {
		err = p.wal.Sync()
	}
	if err != nil {
		// What a failed write or sync left behind is unknown: a second sync of the same
		// file may succeed without the data. Cut it off and go on in a new file.
		return errors.Join(err, p.abandon())
	}
	p.cfg.m.commit.Observe(time.Since(start).Seconds())
	p.cfg.m.bytes.Add(float64(len(blob)))

	p.mu.Lock()
	active := &p.segments[len(p.segments)-1]
	size := advance(active.size, len(blob))
	p.held += size - active.size
	p.inwork = 0
	active.size = size
	full := active.size >= p.cfg.SegmentBytes
	p.wakeReaders()
	p.mu.Unlock()
	if full {
		if err := p.rotate(); err != nil {
			// The blob is durable. The next one finds the file abandoned, or still the old one.
			p.cfg.log.Error("journal cannot begin a new file", "dir", p.cfg.dir, "err", err)
		}
	}
	return nil
}

// rotate begins a new file. The old one is synced already, so that the sync of
// wlog, whose error it does not return, has only padding to lose.
func (p *partition) rotate() error {
	index, err := p.wal.NextSegmentSync()
	if err == nil {
		err = syncDir(p.cfg.dir)
	}
	if err != nil {
		return errors.Join(err, p.abandon())
	}
	p.mu.Lock()
	p.segments = append(p.segments, segment{index: index})
	p.mu.Unlock()
	return nil
}

// abandon closes the log after a failure. wlog can only be closed when its page
// can be written; until then abandon fails, and nothing else is tried.
func (p *partition) abandon() error {
	p.broken = true
	if err := p.wal.Close(); err != nil {
		return fmt.Errorf("close after a failure: %w", err)
	}
	p.wal, p.broken = nil, false
	return nil
}

// reopen cuts the newest file back to what is durable, and begins a new one.
func (p *partition) reopen() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := p.segments[len(p.segments)-1]
	if err := cutBack(wlog.SegmentName(p.cfg.dir, last.index), last.size); err != nil {
		return err
	}
	// A file that a failed rotation made holds nothing durable.
	if next := wlog.SegmentName(p.cfg.dir, last.index+1); exists(next) {
		if err := os.Remove(next); err != nil {
			return err
		}
	}
	return p.openWAL()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func cutBack(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Sync(), f.Close())
}
