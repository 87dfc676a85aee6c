package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/prometheus/tsdb/wlog"

	"github.com/presage-pdm/presage/ingest"
)

type partitionConfig struct {
	Config
	dir  string
	most int64 // bytes on disk
	id   producer
	log  *slog.Logger
	m    *metrics
}

// partition is one ordered log: a queue of entries that wait, a committer, and the
// list of the files.
type partition struct {
	cfg partitionConfig

	mu       sync.Mutex
	pending  group
	segments []segment     // oldest first; the last one is being written
	held     int64         // bytes in all segments
	inwork   int64         // bytes of the group that is being committed
	room     chan struct{} // closed, and made anew, when somebody who waits may try again
	waiters  int           // who waits for room
	grown    chan struct{} // closed, and made anew, when something became durable
	full     bool          // the last entry that looked for room found none on disk
	closed   bool
	failing  error // of the last attempt to write, nil when it succeeded

	work chan struct{} // one token: there is something to commit, or the end
	stop chan struct{} // closed by close
	done chan struct{} // closed when the committer has ended

	// Of the committer alone.
	wal      *wlog.WL // nil after a failure, until reopen
	broken   bool     // wal failed and could not be closed yet
	sequence uint64
}

// segment is a file and how much of it is durable.
type segment struct {
	index int
	size  int64
	cut   int64 // bytes that were cut off behind size when the folder was opened
}

// group is what is committed together: a blob in the making, and whom to tell.
type group struct {
	blob  []byte
	done  []func(error)
	begun time.Time // of the first entry
}

func (g *group) empty() bool { return len(g.done) == 0 }

func (g *group) reset() {
	g.blob = appendBlobHeader(g.blob[:0])
	clear(g.done)
	g.done = g.done[:0]
}

// openPartition repairs the newest file and starts a new one behind it.
func openPartition(cfg partitionConfig) (*partition, error) {
	// Files no larger than an eighth of the limit, so that trimming frees room before all is full.
	cfg.SegmentBytes = max(pageSize, min(cfg.SegmentBytes, cfg.most/8))
	if err := os.MkdirAll(cfg.dir, 0o750); err != nil {
		return nil, err
	}
	segments, err := listSegments(cfg.dir)
	if err != nil {
		return nil, err
	}
	// Back to the newest record: behind it are at most the files of starts without a reading.
	for i := len(segments) - 1; i >= 0; i-- {
		s := &segments[i]
		size, cut, err := repair(wlog.SegmentName(cfg.dir, s.index))
		if err != nil {
			return nil, err
		}
		if cut > 0 {
			cfg.log.Warn("cut off what a crash left unfinished at the end of the journal; nothing acknowledged was in it, unless the disk has changed it", "segment", s.index, "bytes", cut)
		}
		if s.size, s.cut = size, cut; size > 0 {
			break
		}
	}
	var held int64
	for _, s := range segments {
		held += s.size
	}
	p := &partition{
		cfg:      cfg,
		segments: segments,
		held:     held,
		room:     make(chan struct{}),
		grown:    make(chan struct{}),
		work:     make(chan struct{}, 1), // a token, not a queue
		stop:     make(chan struct{}),
		done:     make(chan struct{}),
	}
	p.pending.reset()
	if err := p.openWAL(); err != nil {
		return nil, err
	}
	go p.commitAll() // ended by close
	return p, nil
}

// listSegments returns the files of a folder, oldest first.
func listSegments(dir string) ([]segment, error) {
	first, last, err := wlog.Segments(dir)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	var segments []segment
	for i := first; i >= 0 && i <= last; i++ {
		info, err := os.Stat(wlog.SegmentName(dir, i))
		if err != nil {
			return nil, err
		}
		segments = append(segments, segment{index: i, size: info.Size()})
	}
	return segments, nil
}

// openWAL begins a new file behind those there are.
func (p *partition) openWAL() error {
	// A file of a start without a reading is used again; never the only one, because wlog takes its
	// next number from the files that it finds, and numbers must not go back.
	if n := len(p.segments); n > 1 && p.segments[n-1].size == 0 {
		if err := os.Remove(wlog.SegmentName(p.cfg.dir, p.segments[n-1].index)); err != nil {
			return err
		}
		p.segments = p.segments[:n-1]
	}
	wal, err := wlog.NewSize(p.cfg.log, nil, p.cfg.dir, walSegment, "none")
	if err != nil {
		return err
	}
	_, index, err := wlog.Segments(p.cfg.dir)
	if err == nil {
		err = syncDir(p.cfg.dir)
	}
	if err != nil {
		return errors.Join(err, wal.Close())
	}
	p.wal = wal
	p.segments = append(p.segments, segment{index: index})
	return nil
}

// append waits for room and puts an entry into the group that gathers.
func (p *partition) append(ctx context.Context, entry []byte, done func(error)) error {
	if most := min(maxEntry, p.cfg.most/2); int64(len(entry)) > most {
		return fmt.Errorf("journal: an entry of %d bytes, at most %d are taken: %w", len(entry), most, ingest.ErrTooLarge)
	}
	p.mu.Lock()
	for waited := false; ; waited = true {
		if p.closed {
			p.mu.Unlock()
			return fmt.Errorf("journal: %w", ingest.ErrClosed)
		}
		p.full = !p.holds(len(entry))
		if p.fits(len(entry)) {
			break
		}
		if !waited {
			p.cfg.m.waits.Inc()
		}
		if err := p.wait(ctx); err != nil {
			p.mu.Unlock()
			return err
		}
	}
	if p.pending.empty() {
		p.pending.begun = time.Now()
	}
	p.pending.blob = appendEntry(p.pending.blob, entry)
	p.pending.done = append(p.pending.done, done)
	p.mu.Unlock()
	select {
	case p.work <- struct{}{}:
	default:
	}
	return nil
}

// wait waits until there may be room. The caller holds mu, which is free meanwhile.
func (p *partition) wait(ctx context.Context) error {
	begun, room := time.Now(), p.room
	p.waiters++
	p.mu.Unlock()
	var err error
	select {
	case <-room:
	case <-ctx.Done():
		err = fmt.Errorf("journal has no room: %w", ctx.Err())
	}
	p.cfg.m.waiting.Observe(time.Since(begun).Seconds())
	p.mu.Lock()
	p.waiters--
	return err
}

// fits reports whether an entry of n bytes may join the group that gathers. An
// entry larger than a group makes one alone.
func (p *partition) fits(n int) bool {
	if !p.pending.empty() && len(p.pending.blob)+n > p.cfg.GroupBytes {
		return false
	}
	return p.holds(n)
}

// holds reports whether the files may grow by an entry of n bytes.
func (p *partition) holds(n int) bool {
	return p.held+p.inwork+int64(len(p.pending.blob)+n) <= p.cfg.most
}

// end is the position behind all that is durable. The caller holds mu.
func (p *partition) end() ingest.Position {
	for i := len(p.segments) - 1; i >= 0; i-- {
		if s := p.segments[i]; s.size > 0 {
			return position(s.index, s.size)
		}
	}
	return position(p.segments[0].index, 0)
}

// position is the number of a file and the byte in it.
func position(index int, off int64) ingest.Position {
	return ingest.Position(uint64(index)<<32 | uint64(off))
}

func split(p ingest.Position) (index int, off int64) {
	return int(p >> 32), int64(p & (1<<32 - 1))
}

// behind is how many durable bytes lie behind a position. The caller holds mu.
func (p *partition) behind(from ingest.Position) int64 {
	index, off := split(from)
	var n int64
	for _, s := range p.segments {
		switch {
		case s.index > index:
			n += s.size
		case s.index == index:
			n += max(0, s.size-off)
		}
	}
	return n
}

func (p *partition) trim(before ingest.Position) error {
	index, _ := split(before)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("journal: %w", ingest.ErrClosed)
	}
	if before > p.end() {
		return fmt.Errorf("trim journal at %d: %w", before, ingest.ErrPositionLost)
	}
	for len(p.segments) > 1 && p.segments[0].index < index {
		if err := os.Remove(wlog.SegmentName(p.cfg.dir, p.segments[0].index)); err != nil {
			return fmt.Errorf("trim journal: %w", err)
		}
		p.held -= p.segments[0].size
		p.segments = p.segments[1:]
		p.full = false
		p.wakeAppenders()
	}
	return nil
}

// wakeAppenders lets everybody who waits for room look again. The caller holds mu.
func (p *partition) wakeAppenders() {
	close(p.room)
	p.room = make(chan struct{})
}

// wakeReaders lets every cursor look again. The caller holds mu.
func (p *partition) wakeReaders() {
	close(p.grown)
	p.grown = make(chan struct{})
}

func (p *partition) close() error {
	p.mu.Lock()
	p.closed = true
	p.wakeAppenders()
	p.mu.Unlock()
	close(p.stop)
	<-p.done
	p.mu.Lock()
	p.wakeReaders()
	p.mu.Unlock()
	if p.wal == nil {
		return nil
	}
	return p.wal.Close()
}
