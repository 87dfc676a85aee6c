package backtest

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
)

// How much of a stream is held at once.
const (
	page      = 8192   // readings of one metric, at 16 bytes
	eventPage = 10_000 // events of one device
)

// stream yields what a device sent, as batches in rising time: what has the same time is one batch.
type stream struct {
	cfg    *Config
	device string
	r      series.Range
	open   cursors // by time of their next reading
	events events
	state  *telemetry.State // nil when there is none in the span, or it was told
	batch  telemetry.Batch
}

// cursor is the reading that comes next of one metric. points[at] is there while the cursor is open.
type cursor struct {
	key    series.Key
	points []series.Point
	at     int
}

func (c *cursor) time() int64 { return c.points[c.at].Time }

// cursors is a heap.
type cursors []*cursor

func (c cursors) Len() int { return len(c) }
func (c cursors) Less(i, j int) bool {
	if a, b := c[i].time(), c[j].time(); a != b {
		return a < b
	}
	return c[i].key.Metric < c[j].key.Metric
}
func (c cursors) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c *cursors) Push(x any)   { *c = append(*c, x.(*cursor)) }
func (c *cursors) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}

func openStream(ctx context.Context, cfg *Config, device string) (*stream, error) {
	s := &stream{cfg: cfg, device: device, r: series.Range{From: cfg.From.Add(-cfg.WarmUp), To: cfg.To}}
	last, err := cfg.Readings.Last(ctx, cfg.Tenant, device)
	if err != nil {
		return nil, fmt.Errorf("which metrics %s has: %w", device, err)
	}
	for _, metric := range slices.Sorted(maps.Keys(last)) {
		if last[metric].Time < s.r.From.UnixMilli() {
			continue
		}
		c := &cursor{key: series.Key{Tenant: cfg.Tenant, Device: device, Metric: metric}}
		if err := c.fill(ctx, cfg.Readings, s.r); err != nil {
			return nil, err
		}
		if len(c.points) > 0 {
			s.open = append(s.open, c)
		}
	}
	heap.Init(&s.open)
	if err := s.events.fill(ctx, cfg, device, s.r); err != nil {
		return nil, err
	}
	switch state, err := cfg.Records.State(ctx, cfg.Tenant, device); {
	case errors.Is(err, tickets.ErrNotFound):
	case err != nil:
		return nil, fmt.Errorf("state of %s: %w", device, err)
	case state.Time >= s.r.From.UnixMilli() && state.Time < s.r.To.UnixMilli():
		s.state = &state
	}
	return s, nil
}

// fill reads the next page.
func (c *cursor) fill(ctx context.Context, from Readings, r series.Range) (err error) {
	if len(c.points) > 0 {
		r.From = time.UnixMilli(c.points[len(c.points)-1].Time + 1)
	}
	c.at = 0
	if c.points, err = from.Raw(ctx, c.key, r, page); err != nil {
		return fmt.Errorf("readings of %s of %s: %w", c.key.Metric, c.key.Device, err)
	}
	return nil
}

// next returns the next batch, valid until the call after it; nil at the end.
func (s *stream) next(ctx context.Context) (*telemetry.Batch, error) {
	at := s.events.time()
	if len(s.open) > 0 {
		at = min(at, s.open[0].time())
	}
	if s.state != nil {
		at = min(at, s.state.Time)
	}
	if at == math.MaxInt64 {
		return nil, nil
	}
	b := &s.batch
	*b = telemetry.Batch{Tenant: s.cfg.Tenant, Device: s.device, Arrival: at, Samples: b.Samples[:0], Events: b.Events[:0], States: b.States[:0]}
	for len(s.open) > 0 && s.open[0].time() == at {
		c := s.open[0]
		b.Samples = append(b.Samples, telemetry.Sample{Metric: c.key.Metric, Time: at, Value: c.points[c.at].Value})
		if c.at++; c.at == len(c.points) {
			if len(c.points) < page {
				heap.Pop(&s.open)
				continue
			}
			if err := c.fill(ctx, s.cfg.Readings, s.r); err != nil {
				return nil, err
			}
			if len(c.points) == 0 {
				heap.Pop(&s.open)
				continue
			}
		}
		heap.Fix(&s.open, 0)
	}
	for s.events.time() == at {
		e, err := s.events.pop(ctx, s.cfg, s.device, s.r)
		if err != nil {
			return nil, err
		}
		b.Events = append(b.Events, e)
	}
	if s.state != nil && s.state.Time == at {
		b.States = append(b.States, *s.state)
		s.state = nil
	}
	return b, nil
}

// events are those of a device that come next.
type events struct {
	list []telemetry.Event
	at   int
	more time.Time // where the next page begins; zero when there is none
}

func (v *events) fill(ctx context.Context, cfg *Config, device string, r series.Range) error {
	if !v.more.IsZero() {
		r.From = v.more
	}
	list, err := cfg.Records.Events(ctx, cfg.Tenant, device, r.From, r.To, eventPage)
	if err != nil {
		return fmt.Errorf("events of %s: %w", device, err)
	}
	v.list, v.at, v.more = list, 0, time.Time{}
	if len(list) < eventPage {
		return nil
	}
	// Those of the last moment may go on beyond the page: they are read with the next one.
	last := list[len(list)-1].Time
	whole := slices.IndexFunc(list, func(e telemetry.Event) bool { return e.Time == last })
	if whole == 0 {
		return fmt.Errorf("events of %s: more than %d at %s: that is no history that can be replayed", device, eventPage, time.UnixMilli(last).UTC().Format(time.RFC3339))
	}
	v.list, v.more = list[:whole], time.UnixMilli(last)
	return nil
}

// time is that of the next event, or the end of time.
func (v *events) time() int64 {
	if v.at < len(v.list) {
		return v.list[v.at].Time
	}
	return math.MaxInt64
}

func (v *events) pop(ctx context.Context, cfg *Config, device string, r series.Range) (telemetry.Event, error) {
	e := v.list[v.at]
	if v.at++; v.at == len(v.list) && !v.more.IsZero() {
		return e, v.fill(ctx, cfg, device, r)
	}
	return e, nil
}
