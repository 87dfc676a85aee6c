package ingest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// tail is a cursor of a lane on its way over the journal: where it is, which blobs it has seen, and how far behind.
type tail struct {
	journal   Journal
	partition int
	stuck     time.Duration
	cursor    Cursor
	marks     marks
	read      int64 // bytes of entries since the last checkpoint

	position atomic.Uint64
	arrival  atomic.Int64 // of the newest entry dealt with, Unix milliseconds
	// Milliseconds since begun, on the clock that cannot be set; 0 for never.
	begun    time.Time
	caughtUp atomic.Int64 // when the cursor last stood at the end
	moved    atomic.Int64 // when the cursor last moved or stood at the end
	saved    saved
}

func newTail(l *lane) tail {
	return tail{journal: l.parts.Journal, partition: l.partition, stuck: l.cfg.StuckAfter, begun: time.Now()}
}

// elapsed is the present moment for caughtUp and moved.
func (t *tail) elapsed(now time.Time) int64 { return max(1, now.Sub(t.begun).Milliseconds()) }

// open puts the cursor where a checkpoint left it.
func (t *tail) open(c *checkpoint) error {
	cursor, err := t.journal.Read(t.partition, c.Position)
	if err != nil {
		return fmt.Errorf("%w: the folders of journal and lanes do not belong together: restore both, or remove the checkpoints to begin with an empty memory", err)
	}
	t.cursor = cursor
	t.marks = c.Marks
	t.position.Store(uint64(c.Position))
	t.arrival.Store(c.Arrival)
	t.moved.Store(t.elapsed(time.Now()))
	return nil
}

func (t *tail) at() Position { return Position(t.position.Load()) }

// atEnd reports whether everything durable was dealt with, and notes the time if so.
func (t *tail) atEnd() bool {
	if t.at() < t.journal.End(t.partition) {
		return false
	}
	now := t.elapsed(time.Now())
	t.caughtUp.Store(now)
	t.moved.Store(now)
	return true
}

// next returns the next blob that was not seen before. It fails with ctx's error when there is none in time.
func (t *tail) next(ctx context.Context) (Blob, error) {
	for {
		blob, err := t.cursor.Next(ctx)
		if err != nil || !t.marks.seen(blob.Producer, blob.Sequence) {
			return blob, err
		}
		t.pass(blob)
	}
}

// pass notes that a blob was dealt with.
func (t *tail) pass(blob Blob) {
	t.marks.note(blob.Producer, blob.Sequence)
	t.position.Store(uint64(blob.Next))
	t.moved.Store(t.elapsed(time.Now()))
	if blob.Arrival > t.arrival.Load() {
		t.arrival.Store(blob.Arrival)
	}
}

func (t *tail) status(now time.Time, end Position) CursorStatus {
	s := CursorStatus{Position: t.at(), Saved: t.saved.newest()}
	s.SavedAt, s.SavedBytes = t.saved.written()
	s.BytesBehind = t.journal.Behind(t.partition, s.Position)
	if s.Position < end {
		s.LagSeconds, s.Stuck = t.lag(now)
	}
	return s
}

// lag is the age in seconds of the oldest reading that was not dealt with, of which there is one.
func (t *tail) lag(now time.Time) (seconds float64, stuck bool) {
	elapsed, moved := t.elapsed(now), t.moved.Load()
	// What is not dealt with arrived after what is, and after the cursor last stood at the end. An arrival in
	// the future says nothing: the clock was set back since.
	lag := elapsed - moved
	if caughtUp := t.caughtUp.Load(); caughtUp > 0 {
		lag = elapsed - caughtUp
	}
	if age := now.UnixMilli() - t.arrival.Load(); t.arrival.Load() > 0 && age >= 0 && (age < lag || t.caughtUp.Load() == 0) {
		lag = age
	}
	if moved == 0 {
		return 0, false
	}
	return float64(max(0, lag)) / 1000, elapsed-moved > t.stuck.Milliseconds()
}

// marks are the highest numbers seen of the blobs of each producer, least recently seen first.
type marks []mark

type mark struct {
	producer string
	sequence uint64
}

// maxMarks is how many producers are remembered. An embedded journal has a new
// one with each start, and repeats only blobs of the present one.
const maxMarks = 16

func (m marks) seen(producer string, sequence uint64) bool {
	if producer == "" {
		return false
	}
	for i := len(m) - 1; i >= 0; i-- {
		if m[i].producer == producer {
			return sequence <= m[i].sequence
		}
	}
	return false
}

func (m *marks) note(producer string, sequence uint64) {
	if producer == "" {
		return
	}
	for i := len(*m) - 1; i >= 0; i-- {
		if k := (*m)[i]; k.producer == producer {
			k.sequence = max(k.sequence, sequence)
			copy((*m)[i:], (*m)[i+1:])
			(*m)[len(*m)-1] = k
			return
		}
	}
	if len(*m) == maxMarks {
		*m = append((*m)[:0], (*m)[1:]...)
	}
	*m = append(*m, mark{producer, sequence})
}

// saved are the positions of the two newest checkpoints.
type saved struct {
	mu    sync.Mutex
	both  [2]Position // older, newer
	at    time.Time   // when this process wrote the newest; zero when it has not yet
	bytes int         // of it
}

// wrote notes a checkpoint of this process.
func (s *saved) wrote(p Position, at time.Time, bytes int) {
	s.add(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.bytes = at, bytes
}

// written is when this process wrote the newest checkpoint, and its size in bytes.
func (s *saved) written() (at time.Time, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at, s.bytes
}

func (s *saved) add(p Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.both = [2]Position{s.both[1], p}
}

func (s *saved) oldest() Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.both[0]
}

func (s *saved) newest() Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.both[1]
}
