package promseries

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
)

// Append implements [series.Store]. All batches of a call become visible
// together. It waits while the head is made into blocks, and is refused while the disk is nearly full. What it counts as dropped is listed at the top of the package.
func (s *Store) Append(ctx context.Context, batches []telemetry.Batch) (dropped int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.gate.mu.RLock()
	defer s.gate.mu.RUnlock()
	if err := s.hasRoom(); err != nil {
		return 0, fmt.Errorf("store readings: %w", err)
	}
	now := time.Now().UnixMilli()
	app := s.db.Appender(ctx)
	for i := range batches {
		s.room.unwritten.Add(int64(len(batches[i].Samples)))
		n, err := s.appendBatch(app, &batches[i], s.newest(&batches[i], now))
		if err != nil {
			_ = app.Rollback() // the error that matters is err
			return 0, fmt.Errorf("store readings of device %s: %w", batches[i].Device, err)
		}
		dropped += n
	}
	if err := app.Commit(); err != nil {
		// Nothing but the disk can fail here: full, or broken.
		return 0, fmt.Errorf("commit readings to %s: %w: %w", s.cfg.Dir, series.ErrUnavailable, err)
	}
	for i := range batches {
		s.noteLast(&batches[i], s.newest(&batches[i], now))
	}
	return dropped, nil
}

// newest is the latest time that a reading of a batch may be dated, in Unix milliseconds. It counts from the later of
// now and the arrival: a clock that was set back since must not make acknowledged readings count as dated ahead.
func (s *Store) newest(b *telemetry.Batch, now int64) int64 {
	return max(now, b.Arrival) + s.cfg.MaxAhead.Milliseconds()
}

func (s *Store) appendBatch(app storage.Appender, b *telemetry.Batch, newest int64) (dropped int, err error) {
	if len(b.Samples) == 0 {
		return 0, nil
	}
	d := s.refs.device(b.Tenant, b.Device)
	d.mu.Lock()
	defer d.mu.Unlock()
	next := 0
	for i := range b.Samples {
		sample := &b.Samples[i]
		if !inBounds(sample.Time, newest) {
			dropped++
			continue
		}
		m := d.find(sample.Metric, &next)
		var known storage.SeriesRef
		if m != nil {
			known = m.ref
		}
		ref, err := s.appendSample(app, b, known, sample)
		switch {
		case err == nil && ref != known:
			d.metric(sample.Metric).ref = ref
		case err == nil:
		case errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
			// Another value of a reading that is already stored: the first stays.
		case errors.Is(err, storage.ErrTooOldSample), errors.Is(err, storage.ErrOutOfBounds),
			errors.Is(err, storage.ErrOutOfOrderSample), errors.Is(err, errTooManySeries):
			dropped++
		default:
			return 0, err
		}
	}
	return dropped, nil
}

// inBounds tells whether the engine can keep a reading of this time: its blocks
// of late readings lose what is dated before 1970.
func inBounds(t, newest int64) bool { return t >= 0 && t <= newest }

var errTooManySeries = errors.New("too many series")

// appendSample appends under a remembered reference, or under the labels when
// there is none or the engine has forgotten it.
func (s *Store) appendSample(app storage.Appender, b *telemetry.Batch, ref storage.SeriesRef, sample *telemetry.Sample) (storage.SeriesRef, error) {
	if ref != 0 {
		got, err := app.Append(ref, labels.EmptyLabels(), sample.Time, sample.Value)
		if !errors.Is(err, tsdb.ErrInvalidSample) {
			return got, err
		}
	}
	lset := seriesLabels(b.Tenant, b.Device, sample.Metric)
	if s.db.Head().NumSeries() >= uint64(s.cfg.MaxSeries) {
		known, _ := app.(storage.GetRef).GetRef(lset, lset.Hash())
		if known == 0 {
			s.fullOnce.Do(func() {
				s.log.Warn("series limit reached, readings of further series are dropped; raise max series", "limit", s.cfg.MaxSeries)
			})
			return 0, errTooManySeries
		}
	}
	return app.Append(0, lset, sample.Time, sample.Value)
}

// noteLast notes the committed readings that may be the newest of their series.
func (s *Store) noteLast(b *telemetry.Batch, newest int64) {
	if len(b.Samples) == 0 {
		return
	}
	d := s.refs.device(b.Tenant, b.Device)
	d.mu.Lock()
	defer d.mu.Unlock()
	next := 0
	for i := range b.Samples {
		sample := &b.Samples[i]
		if !inBounds(sample.Time, newest) {
			continue
		}
		// A series without a reference was refused.
		if m := d.find(sample.Metric, &next); m != nil && m.ref != 0 {
			m.saw(series.Point{Time: sample.Time, Value: sample.Value})
		}
	}
}
