package promseries

import (
	"context"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// tenantView is the storage with one tenant's series in it: every request
// gets a matcher on the tenant, whatever else it asks for.
type tenantView struct {
	under   storage.SampleAndChunkQueryable
	matcher *labels.Matcher
}

func (v tenantView) Querier(mint, maxt int64) (storage.Querier, error) {
	q, err := v.under.Querier(mint, maxt)
	if err != nil {
		return nil, err
	}
	return tenantQuerier{q, v.matcher}, nil
}

func (v tenantView) ChunkQuerier(mint, maxt int64) (storage.ChunkQuerier, error) {
	q, err := v.under.ChunkQuerier(mint, maxt)
	if err != nil {
		return nil, err
	}
	return tenantChunkQuerier{q, v.matcher}, nil
}

type tenantQuerier struct {
	storage.Querier
	matcher *labels.Matcher
}

func (q tenantQuerier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	return q.Querier.Select(ctx, sorted, hints, and(ms, q.matcher)...)
}

func (q tenantQuerier) LabelValues(ctx context.Context, name string, hints *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return q.Querier.LabelValues(ctx, name, hints, and(ms, q.matcher)...)
}

func (q tenantQuerier) LabelNames(ctx context.Context, hints *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return q.Querier.LabelNames(ctx, hints, and(ms, q.matcher)...)
}

type tenantChunkQuerier struct {
	storage.ChunkQuerier
	matcher *labels.Matcher
}

func (q tenantChunkQuerier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, ms ...*labels.Matcher) storage.ChunkSeriesSet {
	return q.ChunkQuerier.Select(ctx, sorted, hints, and(ms, q.matcher)...)
}

func (q tenantChunkQuerier) LabelValues(ctx context.Context, name string, hints *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return q.ChunkQuerier.LabelValues(ctx, name, hints, and(ms, q.matcher)...)
}

func (q tenantChunkQuerier) LabelNames(ctx context.Context, hints *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return q.ChunkQuerier.LabelNames(ctx, hints, and(ms, q.matcher)...)
}

// and returns ms and m in a slice of its own: callers reuse theirs.
func and(ms []*labels.Matcher, m *labels.Matcher) []*labels.Matcher {
	return append(append(make([]*labels.Matcher, 0, len(ms)+1), ms...), m)
}
