package ingest

import (
	"context"
	"errors"
	"iter"
)

// Journal is the durable log between the [Intake] and the [Lanes], and the only
// transport of readings. It is cut into partitions, each of which keeps the
// order in which it took its entries. It is safe for concurrent use. The
// embedded one is journal.Log; journaltest holds every one to what is said here.
type Journal interface {
	// Partitions is the number of partitions, which never changes while there are entries.
	Partitions() int
	// Append takes an entry and calls done once, from any goroutine: with nil when the entry survives a
	// power cut, else with the reason why that cannot be said. The bytes of entry are not kept
	// after Append has returned. Append waits while the journal is full or behind; when
	// ctx ends first, or the journal is closed ([ErrClosed]), or the entry can never be taken
	// ([ErrTooLarge]), it returns an error and does not call done.
	// Entries of one partition that one goroutine appends stay in order. done must not block.
	Append(ctx context.Context, partition int, entry []byte, done func(error)) error
	// Read returns a cursor at a position that a [Blob] gave, or at the oldest entry for the zero Position.
	// It fails with [ErrPositionLost] when entries behind the position are not there any more.
	Read(partition int, from Position) (Cursor, error)
	// End is the position behind the newest entry that is durable.
	End(partition int) Position
	// Behind is how many durable bytes a reader at a position has before it.
	Behind(partition int, from Position) int64
	// Trim allows the journal to forget the entries before a position.
	Trim(partition int, before Position) error
}

// Position is a place between two blobs of one partition. Positions of a partition
// are ordered; otherwise only its journal can say what one means. The zero
// Position is before everything.
type Position uint64

// ErrPositionLost means that a journal does not hold what a position points at:
// it was trimmed, or the folder was replaced.
var ErrPositionLost = errors.New("position is not in the journal")

// ErrTooLarge means that an entry is larger than the journal can take.
var ErrTooLarge = errors.New("entry is too large for the journal")

// ErrClosed means that the part is shutting down and takes nothing more.
var ErrClosed = errors.New("closed")

// Cursor reads one partition in order. It is used by one goroutine at a time.
type Cursor interface {
	// Next returns the blob at the cursor and moves behind it. It waits for one that is durable, until ctx ends.
	// The blob is valid until the next call.
	Next(ctx context.Context) (Blob, error)
	Close() error
}

// Blob is a group of entries that were committed together.
type Blob struct {
	// Producer and Sequence name the blob: a producer numbers its blobs from 1, and a
	// blob that it had to write again carries the number it had. Both are empty when the journal cannot repeat blobs.
	Producer string
	Sequence uint64
	// Arrival is when the group was committed, in Unix milliseconds of the producer.
	Arrival int64
	// Next is the position behind the blob.
	Next Position
	// Entries yields the entries in order. Their bytes are valid as long as the blob.
	Entries iter.Seq[[]byte]
}
