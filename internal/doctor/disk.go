package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"
)

// Disk is how fast the data folder makes bytes durable.
type Disk struct{ Path string }

// Check writes some hundred small pieces as the journal does, each followed by a sync, and measures that.
func (d Disk) Check() Check { return Check{Name: "disk speed", Look: d.look} }

const (
	diskAppends = 200             // enough for a 99th percentile that is not the worst one alone
	diskBytes   = 4096            // what a small commit writes
	diskTime    = 5 * time.Second // a slow disk is known to be slow by then
	// slowTypical and slowWorst are when to warn. An acknowledgement waits for two commits at most, the one under way and its
	// own. Beyond 10 ms a device that waits for each of them sends fewer than fifty readings a second: that is a rotating disk. Beyond 100 ms one
	// acknowledgement in a hundred takes longer than the 200 ms in which a fault is to have its ticket.
	slowTypical, slowWorst = 10 * time.Millisecond, 100 * time.Millisecond
	// tooFast is what no disk does: the fastest flash needs some 20 us to answer.
	tooFast = 10 * time.Microsecond
)

func (d Disk) look(ctx context.Context) []Result {
	if _, err := os.Stat(d.Path); err != nil {
		return one(Good("%s does not exist yet: its disk is measured once it does.", d.Path))
	}
	took, err := syncs(ctx, d.Path)
	if err != nil {
		return one(Bad(fmt.Sprintf("Writing to %s failed: %v.", d.Path, err), "The journal would fail as well, and nothing would be acknowledged: look at the disk (dmesg, smartctl -a)."))
	}
	slices.Sort(took)
	p50, p99 := took[len(took)/2], took[len(took)*99/100]
	found := fmt.Sprintf("A sync takes %s, one in a hundred %s. A device that waits for each acknowledgement sends up to %.0f messages a second; many devices share syncs.",
		p50.Round(10*time.Microsecond), p99.Round(10*time.Microsecond), 1/p50.Seconds())
	switch {
	case p50 > slowTypical || p99 > slowWorst:
		return one(Weak(found, "Acknowledgements wait for the disk. Use one with a write cache that survives a power cut, or find what else writes to it."))
	case p50 < tooFast:
		return one(Good("%s That is faster than a disk: it lies in memory or behind a cache. If the cache does not survive a power cut, acknowledged readings do not either.", found))
	}
	return one(Good("%s", found))
}

// syncs appends to a file of its own and returns how long each sync took.
func syncs(ctx context.Context, folder string) (took []time.Duration, err error) {
	file, err := os.CreateTemp(folder, probePattern)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	piece := make([]byte, diskBytes)
	for i := range piece {
		piece[i] = byte(i * 31) // no hole that a file system leaves out
	}
	for begun := time.Now(); len(took) < diskAppends && time.Since(begun) < diskTime && ctx.Err() == nil; {
		if _, err := file.Write(piece); err != nil {
			return nil, err
		}
		at := time.Now()
		if err := syscall.Fdatasync(int(file.Fd())); err != nil {
			return nil, err
		}
		took = append(took, time.Since(at))
	}
	if len(took) == 0 {
		return nil, ctx.Err()
	}
	return took, nil
}
