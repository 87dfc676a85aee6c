package promseries

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// compactEvery is how often the store looks whether blocks are due. The engine's own loop, which does it as often, is
// off: it would not keep the gate.
const compactEvery = time.Minute

// gate keeps readings from being appended while the head is made into blocks.
//
// To make blocks of late readings the engine (v0.313.5) takes them out of memory into files that it does not
// flush, and notes in its log, with the next late reading of a series, that those before need not be replayed. A process that ends in
// between, by a kill or a power cut, has lost them: they are neither in the log nor in a block. With nothing
// appended, nothing is noted until the blocks are durable and the log is cut.
type gate struct {
	mu   sync.RWMutex
	shut atomic.Bool // by the one who compacts
}

func (g *gate) close() {
	g.mu.Lock()
	g.shut.Store(true)
}

// open lets readings in again. Opening twice is fine.
func (g *gate) open() {
	if g.shut.Swap(false) {
		g.mu.Unlock()
	}
}

// keepCompacting makes blocks when they are due, until the store is closed.
func (s *Store) keepCompacting() {
	timer := time.NewTimer(settle)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-s.stopped.Done():
			return
		}
		select {
		case s.compacting <- struct{}{}:
		case <-s.stopped.Done():
			return
		}
		if err := s.compactAll(s.stopped); err != nil && s.stopped.Err() == nil {
			s.log.Error("readings were not made into blocks, they stay in the log", "err", err)
		}
		<-s.compacting
		timer.Reset(compactEvery)
	}
}

// compactAll makes blocks of the head if it is full, and merges blocks. The caller holds the token.
func (s *Store) compactAll(ctx context.Context) error {
	if h := s.db.Head(); h.MaxTime()-h.MinTime() > blockDuration.Milliseconds()*3/2 { // the engine makes a block
		if err := s.room.roomFor(s.compactBytes(), h.NumSeries()); err != nil {
			return fmt.Errorf("compact: %w", err)
		}
	}
	s.gate.close()
	defer s.gate.open() // long before, by the compactor, once only blocks are left to merge
	if err := s.db.Compact(ctx); err != nil {
		return fmt.Errorf("compact: %w", err)
	}
	return nil
}

// compactLate makes blocks of all late readings. The caller holds the token.
func (s *Store) compactLate(ctx context.Context) error {
	if err := s.room.roomFor(s.compactBytes(), s.db.Head().NumSeries()); err != nil {
		return fmt.Errorf("compact late readings: %w", err)
	}
	s.gate.close()
	defer s.gate.open()
	if err := s.db.CompactOOOHead(ctx); err != nil {
		return fmt.Errorf("compact late readings: %w", err)
	}
	return nil
}

// startCompactingLate makes blocks of late readings in the background, unless something is being compacted.
func (s *Store) startCompactingLate() {
	select {
	case s.compacting <- struct{}{}:
	default:
		return
	}
	s.compact.Go(func() { // Close waits for it
		defer func() { <-s.compacting }()
		if err := s.compactLate(s.stopped); err != nil && s.stopped.Err() == nil {
			s.log.Error("late readings were not made into blocks, they stay in the log", "err", err)
		}
	})
}
