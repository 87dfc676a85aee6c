package promseries

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/tsdb"

	"github.com/presage-pdm/presage/internal/disk"
	"github.com/presage-pdm/presage/telemetry/series"
)

// room keeps the store away from the end of its disk.
//
// The engine (v0.313.5) ends the process when it cannot write a chunk that is complete to its file of chunks: for timely
// readings in a loop of its own, for late ones while they are appended. All other failures to write come back as errors. So
// nothing is appended while the disk has less left than the chunks in memory may come to take, and these are written by the store, which looks
// at the disk first; the engine's own loop is off. What is not appended stays in the journal.
type room struct {
	dir string
	// unwritten is how many readings were appended since complete chunks were last written.
	unwritten atomic.Int64
}

const (
	// chunkBuffer is how many bytes of chunks the engine holds before it writes them, its default.
	chunkBuffer = 4 << 20
	// leastRoom is what is kept free for log segments, names of files and the chunks of late readings that one call of Append
	// completes; on a disk of less than 6.4 GB a hundredth of it.
	leastRoom = 64 << 20
	// chunkBytes is what the chunk that is being filled takes at most, with its header: the engine cuts it at 1 KiB.
	chunkBytes = 1100
	// readingBytes is what a reading takes at most in a chunk: 68 bits of time and 77 of value (Pelkonen et al. 2015, with the
	// longer time of Prometheus).
	readingBytes = 19
)

// need is how many bytes must be free for what series so many hold in memory.
func (r *room) need(size int64, series uint64) int64 {
	return chunkBuffer + min(size/100, leastRoom) + int64(series)*chunkBytes + r.unwritten.Load()*readingBytes
}

// look returns what the disk has left, and what must be for a block of so many bytes beside what is kept free. A disk that does not tell has room.
func (r *room) look(block int64, series uint64) (free, need int64, enough bool) {
	free, size := disk.Space(r.dir)
	need = r.need(size, series) + block
	return free, need, size == 0 || free >= need
}

// roomFor refuses to write a block of at most so many bytes when it does not fit beside what is kept free, with an error that wraps
// [series.ErrUnavailable].
func (r *room) roomFor(block int64, count uint64) error {
	free, need, enough := r.look(block, count)
	if enough {
		return nil
	}
	return fmt.Errorf("%w: the disk of %s has %s left and %s must stay free: free some, or give it a larger one",
		series.ErrUnavailable, r.dir, disk.Bytes(free), disk.Bytes(need))
}

// Room returns what the disk of the store has left and what the store keeps free, in bytes; while there is less, Append is refused.
func (s *Store) Room() (free, kept int64, enough bool) {
	return s.room.look(0, s.db.Head().NumSeries())
}

// hasRoom refuses to append on a disk that is nearly full.
func (s *Store) hasRoom() error { return s.room.roomFor(0, s.db.Head().NumSeries()) }

// writeEvery is how often complete chunks are written; the engine would do so every minute. They hold less memory in a file.
const writeEvery = 5 * time.Second

// keepWriting writes chunks until the store is closed.
func (s *Store) keepWriting() {
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.writeChunks()
		case <-s.stopped.Done():
			return
		}
	}
}

// writeChunks writes the complete chunks of timely readings, if there is room; otherwise they stay in memory and in the log.
func (s *Store) writeChunks() {
	n := s.room.unwritten.Load()
	if n == 0 || s.hasRoom() != nil {
		return
	}
	s.db.ForceHeadMMap()
	s.room.unwritten.Add(-n)
}

// compactBytes bounds what blocks made of the head take: chunks, which take less than half of what the log of the same readings does, and their index.
func (s *Store) compactBytes() int64 { return s.db.Head().Size() / 2 }

// blockBytes is the size of blocks, which bounds that of the block they are merged into.
func blockBytes(dirs []string) (size int64, err error) {
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			size += info.Size()
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return size, nil
}

// closeEngine closes the engine. On a full disk it cannot write the chunks that are complete and would end the process; they are in the log too.
func closeEngine(db *tsdb.DB) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("not all chunks were written, the log still has them: %v", cause)
		}
	}()
	return db.Close()
}
