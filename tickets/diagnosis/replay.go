package diagnosis

import (
	"context"
	"fmt"
	"math"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
)

// The bounds of a replay.
const (
	// mostReplayed bounds the readings of a replay: about 10 ms of work.
	mostReplayed = 50_000
	// warmUp is how much longer than the range the replay begins before it, so
	// that the base tier has seen daily cycles.
	warmUp = longest
)

// Replay tells the expected range of a metric by running the base tier of the
// catalogue over the stored readings again, as the detectors did when they arrived. Readings that were late or are past
// retention make it differ a little from what the detectors saw.
type Replay struct {
	readings Readings
	plans    detectors.Plans
}

// NewReplay returns a replay over stored readings.
func NewReplay(readings Readings, plans detectors.Plans) *Replay {
	return &Replay{readings: readings, plans: plans}
}

// Band returns the expected range of a metric at each of its readings in the range, as far as the base tier was
// warm. Where the base tier says nothing it is what the rules allow, and empty when they are silent too.
func (b *Replay) Band(ctx context.Context, key series.Key, r series.Range) ([]BandPoint, error) {
	plan := b.plans.Plan(key.Tenant, key.Device)
	metric := detectors.MetricPlan{Metric: telemetry.Metric{Name: key.Metric}}
	if plan.Describe != nil {
		metric = plan.Describe(key.Metric)
	}
	if plan.Series != nil && !metric.Unwatched {
		learned, err := b.learned(ctx, plan, key, r)
		if err != nil {
			return nil, fmt.Errorf("band of %s of %s: %w", key.Metric, key.Device, err)
		}
		if len(learned) > 0 {
			return learned, nil
		}
	}
	low, high := allowed(plan, key, metric)
	if low == nil && high == nil {
		return nil, nil
	}
	return []BandPoint{{Time: r.From.UnixMilli(), Low: low, High: high}, {Time: r.To.UnixMilli(), Low: low, High: high}}, nil
}

// allowed is the narrowest fixed range that the rules leave to a metric.
func allowed(plan *detectors.Plan, key series.Key, metric detectors.MetricPlan) (low, high *float64) {
	least, most := math.Inf(-1), math.Inf(1)
	for _, rule := range plan.Rules {
		method, ok := rule.Method.(detectors.Banded)
		if !ok || rule.Rollout.OnTrial(key.Tenant, key.Device, rule.ID) || rule.Matches == nil || !rule.Matches(metric.Name, metric) {
			continue
		}
		l, h := method.Band()
		least, most = max(least, l), min(most, h)
	}
	return bound(&least), bound(&most)
}

// learned runs the base tier over what is stored.
func (b *Replay) learned(ctx context.Context, plan *detectors.Plan, key series.Key, r series.Range) ([]BandPoint, error) {
	inside, err := b.readings.Raw(ctx, key, r, mostReplayed)
	if err != nil {
		return nil, err
	}
	before, err := b.past(ctx, key, r, len(inside))
	if err != nil {
		return nil, err
	}
	run := replayed{tier: plan.Series.New()}
	for _, p := range before {
		run.observe(p)
	}
	var band []BandPoint
	for _, p := range inside {
		season := seasons[run.tier.Expect(p.Time).Profile]
		low, high, warm := run.observe(p)
		if warm && !math.IsNaN(low) && !math.IsNaN(high) {
			band = append(band, BandPoint{Time: p.Time, Low: bound(&low), High: bound(&high), season: season})
		}
	}
	return band, nil
}

// seasons names the cycles of an expectation.
var seasons = map[int]string{1: "day", 2: "week"}

// patience is for how many readings far outside its band a replay refuses to
// learn: so long a fault leaves the band where it was, and longer than that it is the new usual.
const patience = 500

// replayed is the base tier on its way through the stored readings.
type replayed struct {
	tier    detectors.Series
	outside int // readings in a row that were not learned
}

// observe returns the band around a reading, then learns the reading unless it
// is more than half the width of the band outside it.
func (r *replayed) observe(p series.Point) (low, high float64, warm bool) {
	expected := r.tier.Expect(p.Time)
	low, high = r.tier.Band(expected)
	margin := (high - low) / 2
	learn := true
	if expected.Warm && (p.Value < low-margin || p.Value > high+margin) && r.outside < patience {
		learn = false
		r.outside++
	} else {
		r.outside = 0
	}
	r.tier.Observe(p.Time, p.Value, learn)
	return low, high, expected.Warm
}

// past returns the readings before the range, as many as fit into the bound:
// raw readings come oldest first, so the span is halved until they do.
func (b *Replay) past(ctx context.Context, key series.Key, r series.Range, taken int) ([]series.Point, error) {
	room := mostReplayed - taken
	for span := warmUp; room > 0 && span >= shortest; span /= 2 {
		points, err := b.readings.Raw(ctx, key, series.Range{From: r.From.Add(-span), To: r.From}, room+1)
		if err != nil {
			return nil, err
		}
		if len(points) <= room {
			return points, nil
		}
	}
	return nil, nil
}
