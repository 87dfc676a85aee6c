package journal

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/prometheus/prometheus/tsdb/wlog"

	"github.com/presage-pdm/presage/ingest"
)

// cursor reads a partition, one file after the other, up to what is durable.
type cursor struct {
	p      *partition
	index  int
	file   *os.File
	reader *segmentReader
	blobs  blobReader
	lost   int64 // of the reader, as far as reported
}

func (p *partition) read(from ingest.Position) (*cursor, error) {
	p.mu.Lock()
	first := p.segments[0]
	end := p.end()
	var size int64 = -1
	index, off := split(from)
	if from == 0 {
		index = first.index
	}
	for _, s := range p.segments {
		if s.index == index {
			size = s.size
			if off > size && off <= size+s.cut {
				off = size // it stood behind what was cut off, and goes on with the next file
			}
		}
	}
	p.mu.Unlock()
	if position(index, off) > end || size < 0 || off > size {
		return nil, fmt.Errorf("read journal %s at %d: %w", p.cfg.dir, from, ingest.ErrPositionLost)
	}
	c := &cursor{p: p}
	if err := c.open(index, off); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *cursor) open(index int, off int64) error {
	f, err := os.Open(wlog.SegmentName(c.p.cfg.dir, index))
	if err != nil {
		return fmt.Errorf("read journal: %w", err)
	}
	if c.file != nil {
		err = c.file.Close()
	}
	c.file, c.index, c.lost = f, index, 0
	if c.reader == nil {
		c.reader = newSegmentReader(f, off)
	} else {
		c.reader.restart(f, off)
	}
	return err
}

// Next implements [ingest.Cursor].
func (c *cursor) Next(ctx context.Context) (ingest.Blob, error) {
	for {
		size, next, grown, closed := c.look()
		if size < 0 {
			return ingest.Blob{}, fmt.Errorf("read journal %s: trimmed while it was read: %w", wlog.SegmentName(c.p.cfg.dir, c.index), ingest.ErrPositionLost)
		}
		record, err := c.reader.next(size)
		if err != nil {
			return ingest.Blob{}, fmt.Errorf("read journal %s: %w", wlog.SegmentName(c.p.cfg.dir, c.index), err)
		}
		if record != nil && len(record) == 0 {
			c.reader.lost += fragmentHeader // no blob is empty: see wholeRecords
			continue
		}
		c.report()
		if record != nil {
			blob, err := c.blobs.read(record)
			if err != nil {
				return ingest.Blob{}, fmt.Errorf("read journal %s at byte %d: %w", wlog.SegmentName(c.p.cfg.dir, c.index), c.reader.off, err)
			}
			blob.Next = position(c.index, c.reader.off)
			return blob, nil
		}
		if next >= 0 {
			if err := c.open(next, 0); err != nil {
				return ingest.Blob{}, err
			}
			continue
		}
		if closed {
			return ingest.Blob{}, fmt.Errorf("journal: %w", ingest.ErrClosed)
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ingest.Blob{}, ctx.Err()
		}
	}
}

// look returns how far the cursor's file may be read (-1 when it is gone), the file behind it (-1
// when it is the last), and what is closed when there is more.
func (c *cursor) look() (size int64, next int, grown <-chan struct{}, closed bool) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	size, next = -1, -1
	for _, s := range c.p.segments {
		if s.index == c.index {
			size = s.size
		} else if s.index > c.index {
			next = s.index
			break
		}
	}
	return size, next, c.p.grown, c.p.closed
}

// report makes damage visible that the reader has passed over since the last time.
func (c *cursor) report() {
	n := c.reader.lost - c.lost
	if n <= 0 {
		return
	}
	c.lost = c.reader.lost
	c.p.cfg.m.damaged.Add(float64(n))
	c.p.cfg.log.Error("passed over damaged bytes of the journal: readings in them are lost; check the disk",
		"segment", wlog.SegmentName(c.p.cfg.dir, c.index), "bytes", n, "before", c.reader.off)
}

// Close implements [ingest.Cursor].
func (c *cursor) Close() error {
	if c.file == nil {
		return errors.New("cursor closed twice")
	}
	f := c.file
	c.file = nil
	return f.Close()
}
