package promseries

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/presage-pdm/presage/telemetry/series"
)

// Raw implements [series.Store].
func (s *Store) Raw(ctx context.Context, key series.Key, r series.Range, limit int) ([]series.Point, error) {
	if limit <= 0 {
		return nil, nil
	}
	var points []series.Point
	err := s.each(ctx, key, r, func(p series.Point) bool {
		points = append(points, p)
		return len(points) < limit
	})
	if err != nil {
		return nil, err
	}
	return points, nil
}

// Windows implements [series.Store].
func (s *Store) Windows(ctx context.Context, key series.Key, r series.Range, step time.Duration) ([]series.Window, error) {
	ms := step.Milliseconds()
	if ms <= 0 || time.Duration(ms)*time.Millisecond != step {
		return nil, fmt.Errorf("windows of %s: step %v is not a positive number of whole milliseconds", key.Metric, step)
	}
	var windows []series.Window
	err := s.each(ctx, key, r, func(p series.Point) bool {
		start := floor(p.Time, ms)
		n := len(windows)
		if n == 0 || windows[n-1].Start != start {
			windows = append(windows, series.Window{Start: start, Min: p.Value, Max: p.Value})
			n++
		}
		w := &windows[n-1]
		w.Count++
		// Welford's running mean: no sum to overflow.
		w.Mean += (p.Value - w.Mean) / float64(w.Count)
		w.Min = min(w.Min, p.Value)
		w.Max = max(w.Max, p.Value)
		return true
	})
	if err != nil {
		return nil, err
	}
	return windows, nil
}

// floor returns the largest multiple of step that is not after t.
func floor(t, step int64) int64 {
	rest := t % step
	if rest < 0 {
		rest += step
	}
	return t - rest
}

// checkEvery is how many readings pass between looks at the context.
const checkEvery = 4096

// each calls fn for every reading of a series in r, oldest first, until it returns false.
func (s *Store) each(ctx context.Context, key series.Key, r series.Range, fn func(series.Point) bool) error {
	mint, maxt, ok := bounds(r)
	if !ok {
		return ctx.Err()
	}
	matchers := append(deviceMatchers(key.Tenant, key.Device),
		labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, key.Metric))
	return s.scan(ctx, mint, maxt, matchers, func(_ labels.Labels, it chunkenc.Iterator) error {
		for n := 0; it.Next() != chunkenc.ValNone; n++ {
			if n%checkEvery == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			t, v := it.At()
			if !fn(series.Point{Time: t, Value: v}) {
				return nil
			}
		}
		return it.Err()
	})
}

// scan calls fn for every series that matches and has readings in [mint, maxt].
func (s *Store) scan(ctx context.Context, mint, maxt int64, matchers []*labels.Matcher, fn func(labels.Labels, chunkenc.Iterator) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	q, err := s.db.Querier(mint, maxt)
	if err != nil {
		return fmt.Errorf("query series store: %w", err)
	}
	defer func() {
		if e := q.Close(); e != nil && err == nil {
			err = fmt.Errorf("end query of series store: %w", e)
		}
	}()
	set := q.Select(ctx, false, &storage.SelectHints{Start: mint, End: maxt}, matchers...)
	var it chunkenc.Iterator
	for set.Next() {
		found := set.At()
		it = found.Iterator(it)
		if err := fn(found.Labels(), it); err != nil {
			return err
		}
	}
	if err := set.Err(); err != nil {
		return fmt.Errorf("query series store: %w", err)
	}
	return nil
}

// bounds turns a half-open range of instants into a closed one of milliseconds; ok is false when it is empty.
func bounds(r series.Range) (mint, maxt int64, ok bool) {
	mint, maxt = ceilMilli(r.From), ceilMilli(r.To)-1
	return mint, maxt, mint <= maxt
}

// ceilMilli returns the first Unix millisecond that is not before t. Instants
// that int64 nanoseconds cannot hold are fine; milliseconds can.
func ceilMilli(t time.Time) int64 {
	ms := t.UnixMilli()
	if ms < math.MaxInt64 && t.Nanosecond()%int(time.Millisecond) != 0 {
		ms++
	}
	return ms
}
