package diagnosis

import (
	"context"
	"math"
	"time"

	"github.com/presage-pdm/presage/telemetry/series"
)

// History places the actual value of a signal among the signal's own stored readings before the onset of the ticket. It counts readings
// one by one, so that what is said of it is exact; it knows nothing of readings past retention.
type History struct {
	// Readings is how many were counted, the newest before the onset, and Since the time of the first of them in Unix milliseconds.
	Readings int   `json:"readings"`
	Since    int64 `json:"since"`
	// Below and Above are how many were lower and higher than the actual value; the others were equal.
	Below int `json:"below"`
	Above int `json:"above"`
	// Least and Greatest bound the readings that were counted.
	Least    float64 `json:"least"`
	Greatest float64 `json:"greatest"`
}

// The bounds of a history.
const (
	leastHistory   = 30 // readings; fewer tell nothing
	mostHistory    = 50_000
	longestHistory = 400 * 24 * time.Hour // a whole year, with some to spare
)

// history counts the readings before the onset. interval is the usual time between readings, from which the span that holds as many as
// are counted is guessed. A store gives the oldest first, so a span that holds more is halved until it does not; one that holds far
// fewer is widened, because a device may have reported less often before.
func (p *picture) history(ctx context.Context, c *Chart, interval time.Duration) error {
	span := longestHistory
	if interval < longestHistory/mostHistory {
		span = max(mostHistory*interval, shortest)
	}
	var counted []series.Point
	for span >= shortest {
		r := series.Range{From: p.ticket.OnsetAt.Add(-span), To: p.ticket.OnsetAt}
		points, err := p.d.cfg.Readings.Raw(ctx, p.key(c.Metric), r, mostHistory+1)
		if err != nil {
			return err
		}
		if len(points) > mostHistory {
			if counted != nil {
				break
			}
			span /= 2
			continue
		}
		narrowed := counted == nil && span < mostHistory*interval
		counted = points
		if narrowed || len(points) > mostHistory/2 || span == longestHistory {
			break
		}
		span = min(8*span, longestHistory)
	}
	c.History = rank(counted, c.Actual)
	return nil
}

// rank counts readings, which come in rising time, around a value. It is nil when there are too few.
func rank(points []series.Point, value float64) *History {
	h := History{Least: math.Inf(1), Greatest: math.Inf(-1)}
	for _, pt := range points {
		if math.IsNaN(pt.Value) || math.IsInf(pt.Value, 0) {
			continue
		}
		if h.Readings == 0 {
			h.Since = pt.Time
		}
		h.Readings++
		h.Least, h.Greatest = min(h.Least, pt.Value), max(h.Greatest, pt.Value)
		switch {
		case pt.Value < value:
			h.Below++
		case pt.Value > value:
			h.Above++
		}
	}
	if h.Readings < leastHistory {
		return nil
	}
	return &h
}
