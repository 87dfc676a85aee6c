package promseries

import (
	"context"
	"fmt"
	"log/slog"
	"math"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/index"
)

// sparseCompactor skips empty blocks of late readings before they are written.
// The engine tries every two hours between the oldest and the newest late
// reading, each with files and syncs of its own: 26,000 tries when one
// reading of 2020 arrives in 2026. The engine calls it from one goroutine at a time.
type sparseCompactor struct {
	*tsdb.LeveledCompactor
	block int64 // span of a block, in milliseconds

	// walk tells one compaction from the next: the engine makes one base for all
	// blocks of a compaction, and holding it here keeps its address from being used again.
	walk  *tsdb.BlockMeta
	holds map[int64]struct{} // blocks that hold readings, by time / block
}

func newSparseCompactor(ctx context.Context, r prometheus.Registerer, l *slog.Logger, ranges []int64, pool chunkenc.Pool, opts *tsdb.Options) (tsdb.Compactor, error) {
	c, err := tsdb.NewLeveledCompactorWithOptions(ctx, r, l, ranges, pool, tsdb.LeveledCompactorOptions{
		MaxBlockChunkSegmentSize:    opts.MaxBlockChunkSegmentSize,
		EnableOverlappingCompaction: opts.EnableOverlappingCompaction,
		PD:                          opts.PostingsDecoderFactory,
	})
	if err != nil {
		return nil, err
	}
	return &sparseCompactor{LeveledCompactor: c, block: ranges[0]}, nil
}

// Write implements [tsdb.Compactor].
func (c *sparseCompactor) Write(dest string, b tsdb.BlockReader, mint, maxt int64, base *tsdb.BlockMeta) ([]ulid.ULID, error) {
	late, ok := b.(*tsdb.OOOCompactionHead)
	if !ok || base == nil || maxt-mint != c.block {
		return c.LeveledCompactor.Write(dest, b, mint, maxt, base)
	}
	if base != c.walk {
		// A new walk: see once which blocks hold readings at all.
		holds, err := c.occupied(late.CloneForTimeRange(math.MinInt64, math.MaxInt64))
		if err != nil {
			return nil, fmt.Errorf("survey late readings: %w", err)
		}
		c.walk, c.holds = base, holds
	}
	if _, ok := c.holds[floor(mint, c.block)/c.block]; !ok {
		return nil, nil
	}
	return c.LeveledCompactor.Write(dest, b, mint, maxt, base)
}

// occupied returns the blocks that the chunks of late readings reach into. A chunk with a
// gap inside counts for the gap too, which costs an empty try.
func (c *sparseCompactor) occupied(b tsdb.BlockReader) (map[int64]struct{}, error) {
	ir, err := b.Index()
	if err != nil {
		return nil, err
	}
	defer ir.Close()
	name, value := index.AllPostingsKey()
	all, err := ir.Postings(context.Background(), name, value)
	if err != nil {
		return nil, err
	}
	holds := map[int64]struct{}{}
	var builder labels.ScratchBuilder
	var metas []chunks.Meta
	for all.Next() {
		if err := ir.Series(all.At(), &builder, &metas); err != nil {
			return nil, err
		}
		for _, m := range metas {
			for slot := floor(m.MinTime, c.block); slot <= m.MaxTime; slot += c.block {
				holds[slot/c.block] = struct{}{}
			}
		}
	}
	return holds, all.Err()
}
