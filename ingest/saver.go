package ingest

import (
	"log/slog"
	"time"
)

// saver decides when a cursor is saved, and does it.
type saver struct {
	files   *checkpoints
	every   time.Duration
	bytes   int64
	metrics *laneMetrics
	role    string
	log     *slog.Logger

	next    time.Time  // not before
	writing chan error // of a write in the background; nil when there is none
	buffer  []byte     // of the write, used again
}

func newSaver(l *lane, role string) *saver {
	return &saver{
		files:   newCheckpoints(l.cfg.Dir, l.partition, role, l.log),
		every:   l.cfg.CheckpointEvery,
		bytes:   l.cfg.CheckpointBytes,
		metrics: l.metrics,
		role:    role,
		log:     l.log,
		next:    time.Now().Add(l.cfg.CheckpointEvery),
	}
}

// due reports whether it is time to save a tail. A tail that has not moved since its
// older checkpoint has nothing to save; one that stands still behind it is saved once more, so that
// both checkpoints are there and the journal can be trimmed although nothing comes.
func (s *saver) due(now time.Time, t *tail) bool {
	if s.writing != nil {
		select {
		case <-s.writing:
			s.writing = nil
		default:
			return false
		}
	}
	if t.at() == t.saved.oldest() {
		return false
	}
	return !now.Before(s.next) || t.read >= s.bytes
}

// start saves a checkpoint; the file is written in the background. done is called when it is durable.
// The checkpoint is not used after start has returned.
func (s *saver) start(begun time.Time, t *tail, c *checkpoint, appendState func([]byte) []byte, done func()) {
	position := c.Position
	s.buffer = c.append(s.buffer[:0], appendState)
	t.read = 0
	s.writing = make(chan error, 1)
	// What was spent up to here held up the lane: spend a twentieth of the time on it at most.
	s.next = time.Now().Add(max(s.every, 20*time.Since(begun)))
	go func() { // waited for by due and by finish
		err := s.files.save(s.buffer)
		s.metrics.saves.WithLabelValues(s.role).Observe(time.Since(begun).Seconds())
		if err != nil {
			s.metrics.saveFailures.Inc()
			s.log.Error("checkpoint not saved; the journal keeps what it would have covered", "role", s.role, "err", err)
		} else {
			t.saved.wrote(position, time.Now(), len(s.buffer))
			done()
		}
		s.writing <- err
	}()
}

// finish waits for the write in the background and returns its error. It does not end early: the write
// ends with the disk, and nobody may leave it behind.
func (s *saver) finish() error {
	if s.writing == nil {
		return nil
	}
	err := <-s.writing
	s.writing = nil
	return err
}
