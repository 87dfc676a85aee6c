package promseries

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/presage-pdm/presage/telemetry/series"
)

// Last implements [series.Store]. The first call for a device searches the
// store, newest data first; later ones answer from memory.
func (s *Store) Last(ctx context.Context, tenant, id string) (map[string]series.Point, error) {
	d := s.refs.device(tenant, id)
	d.mu.Lock()
	searched := d.searched
	d.mu.Unlock()
	if !searched {
		if err := s.searchLast(ctx, tenant, id, d); err != nil {
			return nil, err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	last := make(map[string]series.Point, len(d.metrics))
	for _, m := range d.metrics {
		if m.some {
			last[m.name] = m.last
		}
	}
	return last, nil
}

// searchLast fills in the newest reading of every metric of a device. It looks at a
// span that ends at the newest reading of the store and grows tenfold until no
// metric is without one.
func (s *Store) searchLast(ctx context.Context, tenant, id string, d *device) error {
	matchers := deviceMatchers(tenant, id)
	oldest, newest := s.span()
	if oldest > newest {
		return nil
	}
	names, err := s.metricNames(ctx, oldest, newest, matchers)
	if err != nil {
		return err
	}
	found := make(map[string]series.Point, len(names))
	to := newest
	for span := int64(3 * time.Hour / time.Millisecond); len(found) < len(names) && to >= oldest; span *= 10 {
		from := max(oldest, to-span)
		err := s.scan(ctx, from, to, matchers, func(l labels.Labels, it chunkenc.Iterator) error {
			name := l.Get(model.MetricNameLabel)
			if _, newer := found[name]; newer {
				return nil
			}
			var p series.Point
			some := false
			for it.Next() != chunkenc.ValNone {
				p.Time, p.Value = it.At()
				some = true
			}
			if some {
				found[name] = p
			}
			return it.Err()
		})
		if err != nil {
			return err
		}
		to = from - 1
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, p := range found {
		d.metric(name).saw(p)
	}
	d.searched = true
	return nil
}

// span returns the times of the oldest and the newest reading of the store.
func (s *Store) span() (oldest, newest int64) {
	head := s.db.Head()
	oldest, newest = int64(math.MaxInt64), int64(math.MinInt64)
	if head.NumSeries() > 0 {
		oldest, newest = min(head.MinTime(), head.MinOOOTime()), max(head.MaxTime(), head.MaxOOOTime())
	}
	for _, b := range s.db.Blocks() {
		oldest, newest = min(oldest, b.MinTime()), max(newest, b.MaxTime())
	}
	return oldest, newest
}

func (s *Store) metricNames(ctx context.Context, mint, maxt int64, matchers []*labels.Matcher) ([]string, error) {
	q, err := s.db.Querier(mint, maxt)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	names, _, err := q.LabelValues(ctx, model.MetricNameLabel, nil, matchers...)
	// The count alone is used: the strings do not outlive the querier.
	return names, err
}
