package detectors

import (
	"math"

	"github.com/presage-pdm/presage/telemetry/series"
)

// Banded is implemented by methods that leave a fixed range to a metric; infinite where open.
type Banded interface{ Band() (low, high float64) }

// BandPoint is what was expected of a metric at a time. Low and High are nil where open or not known yet.
type BandPoint struct {
	Time      int64 // Unix milliseconds
	Low, High *float64
}

// Band returns the range that was expected of a metric at each of its readings, which come in rising time. For a rule of the plan that sets a
// limit (rule is its id, as in [Finding].Rule) that is the limit; for everything else it is the range around the forecast of the
// base tier, by the same causal replay that the engine does: the range at a reading knows only the readings before it. Give
// it some readings from before the window to be drawn, so that it is warm there. It is deterministic, and returns nil where the plan watches the metric
// with nothing that has a range.
func Band(plan *Plan, rule, metric string, points []series.Point) []BandPoint {
	for _, r := range plan.Rules {
		if banded, ok := r.Method.(Banded); ok && r.ID == rule {
			low, high := banded.Band()
			return constantBand(low, high, points)
		}
	}
	if plan.Series == nil || plan.describe(metric).Unwatched {
		return nil
	}
	base := plan.Series.New()
	joint := plan.joint()
	if joint != nil {
		joint.Metric(metric, "device")
	}
	band := make([]BandPoint, 0, len(points))
	for i, p := range points {
		if i > 0 && p.Time <= points[i-1].Time {
			continue
		}
		e := base.Expect(p.Time)
		b := BandPoint{Time: p.Time}
		if e.Warm {
			low, high := base.Band(e)
			b.Low, b.High = &low, &high
		}
		band = append(band, b)
		learn := joint == nil || !joint.Suspect(0)
		e = base.Observe(p.Time, p.Value, learn)
		if joint != nil {
			joint.Observe(0, p.Time, p.Value, e)
			joint.Decide(p.Time)
		}
	}
	return band
}

func constantBand(low, high float64, points []series.Point) []BandPoint {
	open := func(v float64) *float64 {
		if math.IsInf(v, 0) {
			return nil
		}
		return &v
	}
	band := make([]BandPoint, len(points))
	for i, p := range points {
		band[i] = BandPoint{Time: p.Time, Low: open(low), High: open(high)}
	}
	return band
}
