package promseries

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/index"
)

// compactor mends two habits of the engine's own compactor with late readings.
//
// It skips empty blocks of late readings before they are written.
// The engine tries every two hours between the oldest and the newest late
// reading, each with files and syncs of its own: 26,000 tries when one
// reading of 2020 arrives in 2026.
//
// And it keeps late readings from being taken for timely ones. When the engine opens, it skips the
// readings of its log that are older than the newest block of timely readings: they are
// in blocks already. Merging blocks loses the mark of late ones, so that a merged block of late readings
// that reaches into the present would hide timely readings of the log, for good. So a block that is
// merged from late ones alone keeps the mark, and late and timely blocks
// are merged only up to where timely blocks reach.
//
// The engine calls it from one goroutine at a time.
type compactor struct {
	*tsdb.LeveledCompactor
	block int64 // span of a block, in milliseconds
	gate  *gate
	room  *room

	// walk tells one compaction from the next: the engine makes one base for all
	// blocks of a compaction, and holding it here keeps its address from being used again.
	walk  *tsdb.BlockMeta
	holds map[int64]struct{} // blocks that hold readings, by time / block
}

// compactorBehind makes compactors that open the gate once the head is dealt with.
func compactorBehind(g *gate, room *room) tsdb.NewCompactorFunc {
	return func(ctx context.Context, r prometheus.Registerer, l *slog.Logger, ranges []int64, pool chunkenc.Pool, opts *tsdb.Options) (tsdb.Compactor, error) {
		c, err := tsdb.NewLeveledCompactorWithOptions(ctx, r, l, ranges, pool, tsdb.LeveledCompactorOptions{
			MaxBlockChunkSegmentSize:    opts.MaxBlockChunkSegmentSize,
			EnableOverlappingCompaction: opts.EnableOverlappingCompaction,
			PD:                          opts.PostingsDecoderFactory,
		})
		if err != nil {
			return nil, err
		}
		return &compactor{LeveledCompactor: c, block: ranges[0], gate: g, room: room}, nil
	}
}

// Write implements [tsdb.Compactor].
func (c *compactor) Write(dest string, b tsdb.BlockReader, mint, maxt int64, base *tsdb.BlockMeta) ([]ulid.ULID, error) {
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

// Plan implements [tsdb.Compactor]. The engine plans which blocks to merge when it is done with the head.
func (c *compactor) Plan(dir string) ([]string, error) {
	c.gate.open()
	plan, err := c.LeveledCompactor.Plan(dir)
	if err != nil || len(plan) == 0 {
		return plan, err
	}
	reach, err := timelyReach(dir)
	if err != nil {
		return nil, err
	}
	late, maxt := true, int64(math.MinInt64)
	for _, block := range plan {
		m, err := readMeta(block)
		if err != nil {
			return nil, err
		}
		late = late && m.Compaction.FromOutOfOrder()
		maxt = max(maxt, m.MaxTime)
	}
	if !late && maxt > reach {
		return nil, nil // later, when timely blocks have caught up
	}
	size, err := blockBytes(plan)
	if err != nil {
		return nil, err
	}
	if c.room.roomFor(size, 0) != nil {
		return nil, nil // later, when there is room for the blocks and what they are merged into
	}
	return plan, nil
}

// Compact implements [tsdb.Compactor].
func (c *compactor) Compact(dest string, dirs []string, open []*tsdb.Block) ([]ulid.ULID, error) {
	return c.CompactWithBlockPopulator(dest, dirs, open, markLate{})
}

// markLate marks a block as one of late readings when all blocks that it is made from are.
type markLate struct{ tsdb.DefaultBlockPopulator }

func (p markLate) PopulateBlock(ctx context.Context, metrics *tsdb.CompactorMetrics, logger *slog.Logger, pool chunkenc.Pool, merge storage.VerticalChunkSeriesMergeFunc,
	blocks []tsdb.BlockReader, meta *tsdb.BlockMeta, iw tsdb.IndexWriter, cw tsdb.ChunkWriter, postings tsdb.IndexReaderPostingsFunc) error {
	if err := p.DefaultBlockPopulator.PopulateBlock(ctx, metrics, logger, pool, merge, blocks, meta, iw, cw, postings); err != nil {
		return err
	}
	for _, b := range blocks {
		if m := b.Meta(); !m.Compaction.FromOutOfOrder() {
			return nil
		}
	}
	meta.Compaction.SetOutOfOrder()
	return nil
}

// timelyReach returns where the blocks of timely readings in a store end.
func timelyReach(dir string) (int64, error) {
	reach := int64(math.MinInt64)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if _, err := ulid.ParseStrict(e.Name()); err != nil {
			continue // not a block
		}
		m, err := readMeta(filepath.Join(dir, e.Name()))
		if err != nil {
			return 0, err
		}
		if !m.Compaction.FromOutOfOrder() {
			reach = max(reach, m.MaxTime)
		}
	}
	return reach, nil
}

func readMeta(block string) (*tsdb.BlockMeta, error) {
	data, err := os.ReadFile(filepath.Join(block, "meta.json"))
	if err != nil {
		return nil, err
	}
	m := new(tsdb.BlockMeta)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("block %s: %w", block, err)
	}
	return m, nil
}

// occupied returns the blocks that the chunks of late readings reach into. A chunk with a
// gap inside counts for the gap too, which costs an empty try.
func (c *compactor) occupied(b tsdb.BlockReader) (map[int64]struct{}, error) {
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
