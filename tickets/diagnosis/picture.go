package diagnosis

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
)

// picture draws the charts of a diagnosis.
type picture struct {
	d      *Diagnoser
	tenant string
	ticket *tickets.Ticket
	out    *Diagnosis
}

// draw fills in window, charts, events and cohort. What could be drawn before an error stays.
func (p *picture) draw(ctx context.Context) error {
	p.out.Signals = p.charts()
	interval, err := p.interval(ctx)
	p.window(interval)
	if err != nil {
		return err
	}
	if err := p.company(ctx); err != nil {
		return err
	}
	for i := range p.out.Signals {
		c := &p.out.Signals[i]
		if err := p.plot(ctx, c, interval); err != nil {
			return err
		}
		if c.Share == 0 {
			p.judge(c)
			continue
		}
		if err := p.history(ctx, c, interval); err != nil {
			return err
		}
	}
	if err := p.events(ctx); err != nil {
		return err
	}
	return p.cohort(ctx)
}

// charts returns the signals that the decision is owed to, the culprit first, without their points.
func (p *picture) charts() []Chart {
	owed := make(map[string]float64)
	newest := make(map[string]*detectors.Signal)
	onsets := make(map[string]int64)
	total := 0.0
	for i := range p.out.Evidence {
		f := &p.out.Evidence[i].Finding
		if f.Phase == detectors.Cleared {
			continue
		}
		for j := range f.Signals {
			s := &f.Signals[j]
			weight := max(s.Share, 0) * max(f.Score, 0)
			owed[s.Metric] += weight
			total += weight
			if newest[s.Metric] == nil {
				newest[s.Metric] = s
			}
			if since := onsets[s.Metric]; since == 0 || f.Onset < since {
				onsets[s.Metric] = f.Onset
			}
		}
	}
	names := slices.SortedFunc(maps.Keys(owed), func(a, b string) int {
		return cmp.Or(-cmp.Compare(owed[a], owed[b]), strings.Compare(a, b))
	})
	charts := make([]Chart, 0, maxCharts)
	for _, name := range names[:min(len(names), maxCharts)] {
		s := newest[name]
		c := Chart{Metric: name, Unit: cmp.Or(s.Unit, p.unit(name)), Rank: s.Rank, Actual: s.Actual,
			Expected: s.Expected, Onset: onsets[name], Low: bound(s.Low), High: bound(s.High), Points: [][2]float64{}}
		if total > 0 {
			c.Share = owed[name] / total
		}
		charts = append(charts, c)
	}
	return charts
}

func (p *picture) plan(metric string) detectors.MetricPlan {
	plan := p.d.cfg.Plans.Plan(p.tenant, p.ticket.Device)
	if plan.Describe == nil {
		return detectors.MetricPlan{}
	}
	return plan.Describe(metric)
}

func (p *picture) unit(metric string) string { return p.plan(metric).Unit }

// company adds other signals of the same component while there is room, so
// that a fault seen in one signal or in events alone is still shown in its surroundings.
func (p *picture) company(ctx context.Context) error {
	if len(p.out.Signals) >= maxCharts {
		return nil
	}
	last, err := p.d.cfg.Readings.Last(ctx, p.tenant, p.ticket.Device)
	if err != nil {
		return err
	}
	for _, name := range sortedKeys(last) {
		drawn := slices.ContainsFunc(p.out.Signals, func(c Chart) bool { return c.Metric == name })
		if drawn || len(p.out.Signals) >= maxCharts || p.plan(name).Component != p.ticket.Component {
			continue
		}
		p.out.Signals = append(p.out.Signals, Chart{Metric: name, Unit: p.unit(name), Points: [][2]float64{}})
	}
	return nil
}

func (p *picture) key(metric string) series.Key {
	return series.Key{Tenant: p.tenant, Device: p.ticket.Device, Metric: metric}
}

// The bounds of a chart.
const (
	shortest   = 10 * time.Minute    // before the onset
	longest    = 14 * 24 * time.Hour // before the onset
	lead       = 300                 // readings before the onset that show what is usual
	manyPoints = 2000                // more are drawn as means
	fewPoints  = 600                 // means
	probe      = 500                 // readings that tell the interval
)

// usualInterval stands for signals that have no readings to measure it by.
const usualInterval = time.Minute

// interval is the median time between readings of the culprit before the onset.
func (p *picture) interval(ctx context.Context) (time.Duration, error) {
	if len(p.out.Signals) == 0 {
		return usualInterval, nil
	}
	key := p.key(p.out.Signals[0].Metric)
	onset := p.ticket.OnsetAt
	for _, back := range []time.Duration{time.Hour, 24 * time.Hour, longest} {
		points, err := p.d.cfg.Readings.Raw(ctx, key, series.Range{From: onset.Add(-back), To: onset.Add(time.Minute)}, probe)
		if err != nil {
			return usualInterval, err
		}
		if len(points) < 3 {
			continue
		}
		gaps := make([]int64, 0, len(points)-1)
		for i := 1; i < len(points); i++ {
			gaps = append(gaps, points[i].Time-points[i-1].Time)
		}
		slices.Sort(gaps)
		return max(time.Duration(gaps[len(gaps)/2])*time.Millisecond, time.Millisecond), nil
	}
	return usualInterval, nil
}

// window chooses what the charts span: enough before the onset to see what is
// usual, and after it until the fault was decided, cleared or last seen, but not so long that the onset shrinks to a dot.
func (p *picture) window(interval time.Duration) {
	onset := p.ticket.OnsetAt
	decided := p.decided()
	before := min(max(lead*interval, 3*decided.Sub(onset), shortest), longest)
	end := decided
	for _, at := range []time.Time{p.ticket.LastSeenAt, p.ticket.ClearedAt} {
		if at.After(end) {
			end = at
		}
	}
	if most := onset.Add(2 * before); end.After(most) {
		end = most
	}
	p.out.From = onset.Add(-before).Truncate(time.Millisecond)
	p.out.Until = end.Add(before / 2).Truncate(time.Millisecond)
	p.out.To = p.out.Until
	if p.out.BuiltAt.Before(p.out.To) {
		p.out.To = p.out.BuiltAt
	}
	// The clock of the device may be ahead of ours.
	if p.out.To.Before(decided) {
		p.out.To = decided.Add(time.Millisecond)
	}
}

// plot draws one signal and its band.
func (p *picture) plot(ctx context.Context, c *Chart, interval time.Duration) error {
	span := p.out.To.Sub(p.out.From)
	r := series.Range{From: p.out.From, To: p.out.To}
	if span/max(interval, time.Millisecond) <= manyPoints {
		points, err := p.d.cfg.Readings.Raw(ctx, p.key(c.Metric), r, manyPoints+1)
		if err != nil {
			return err
		}
		if len(points) <= manyPoints {
			for _, pt := range points {
				c.Points = append(c.Points, [2]float64{float64(pt.Time), pt.Value})
			}
			return p.band(ctx, c, r)
		}
	}
	step := (span / fewPoints).Truncate(time.Second) + time.Second
	windows, err := p.d.cfg.Readings.Windows(ctx, p.key(c.Metric), r, step)
	if err != nil {
		return err
	}
	for _, w := range windows {
		c.Points = append(c.Points, [2]float64{float64(w.Start + step.Milliseconds()/2), w.Mean})
	}
	return p.band(ctx, c, r)
}

// judge fills in what a signal that no finding speaks of showed at the
// decision, and what was expected of it: the middle of its band, else just that.
func (p *picture) judge(c *Chart) {
	decided := float64(p.decided().UnixMilli())
	for _, pt := range c.Points {
		if pt[0] > decided {
			break
		}
		c.Actual = pt[1]
	}
	c.Expected = c.Actual
	for _, b := range c.Band {
		if float64(b.Time) > decided {
			break
		}
		if b.Low != nil && b.High != nil {
			c.Expected = (*b.Low + *b.High) / 2
		}
	}
}

// decided is when the first finding was made, in event time. When there are
// more findings than a diagnosis carries it is when the ticket was opened.
func (p *picture) decided() time.Time {
	at := p.ticket.OnsetAt
	if n := len(p.out.Evidence); n > 0 {
		at = fromMillis(p.out.Evidence[n-1].Time)
	}
	if opened := p.ticket.OpenedAt; len(p.out.Evidence) >= maxEvidence && opened.Before(at) && opened.After(p.ticket.OnsetAt) {
		at = opened
	}
	return at
}

// band draws what was expected: the bound of the rule that was broken, else
// what the detectors learned, else what the findings tell.
func (p *picture) band(ctx context.Context, c *Chart, r series.Range) error {
	told := p.told(c.Metric)
	c.Band = p.bounds(c.Metric, told)
	if len(c.Band) > 0 && told[0].PValue == 0 {
		return nil
	}
	learned, err := p.d.cfg.Bands.Band(ctx, p.key(c.Metric), r)
	if len(learned) > 0 {
		c.Band = thin(learned, fewPoints)
		c.Season = seasonAt(learned, p.decided().UnixMilli())
	}
	return err
}

// seasonAt is the cycle that a band took into account at a time.
func seasonAt(band []BandPoint, at int64) (season string) {
	for _, b := range band {
		if b.Time > at {
			break
		}
		season = b.season
	}
	return season
}

// bounds is the band that the findings of the first rule with bounds tell.
// Each tells it at its time only: it holds until the next, the first also before.
func (p *picture) bounds(metric string, told []*detectors.Finding) []BandPoint {
	var band []BandPoint
	var rule *detectors.Finding
	at := p.out.From.UnixMilli()
	for _, f := range told {
		s := &f.Signals[slices.IndexFunc(f.Signals, func(s detectors.Signal) bool { return s.Metric == metric })]
		low, high := bound(s.Low), bound(s.High)
		if low == nil && high == nil || rule != nil && (f.Detector != rule.Detector || f.Rule != rule.Rule) {
			continue
		}
		rule = f
		if len(band) > 0 {
			at = max(f.Time, p.out.From.UnixMilli())
		}
		if at < p.out.To.UnixMilli() {
			band = append(band, BandPoint{Time: at, Low: low, High: high})
		}
	}
	if n := len(band); n > 0 {
		band = append(band, BandPoint{Time: p.out.To.UnixMilli(), Low: band[n-1].Low, High: band[n-1].High})
	}
	return band
}

// told returns the findings that speak of a metric, oldest first.
func (p *picture) told(metric string) []*detectors.Finding {
	var told []*detectors.Finding
	for i := range slices.Backward(p.out.Evidence) {
		f := &p.out.Evidence[i].Finding
		if f.Phase != detectors.Cleared && slices.ContainsFunc(f.Signals, func(s detectors.Signal) bool { return s.Metric == metric }) {
			told = append(told, f)
		}
	}
	return told
}

// thin keeps about most points, evenly, and always the last.
func thin(band []BandPoint, most int) []BandPoint {
	if len(band) <= most {
		return band
	}
	step := (len(band) + most - 1) / most
	kept := make([]BandPoint, 0, most+1)
	for i := 0; i < len(band); i += step {
		kept = append(kept, band[i])
	}
	if last := band[len(band)-1]; kept[len(kept)-1].Time != last.Time {
		kept = append(kept, last)
	}
	return kept
}

// events gathers the events in the window, from the store and from the findings.
func (p *picture) events(ctx context.Context) error {
	type same struct {
		time     int64
		id, code string
	}
	seen := make(map[same]bool)
	add := func(e telemetry.Event) {
		if s := (same{e.Time, e.ID, e.Code}); !seen[s] {
			seen[s] = true
			p.out.Events = append(p.out.Events, e)
		}
	}
	for i := range p.out.Evidence {
		for _, e := range p.out.Evidence[i].Events {
			add(e)
		}
	}
	stored, err := p.d.cfg.Events.Events(ctx, p.tenant, p.ticket.Device, p.out.From, p.out.To, maxEvents)
	for _, e := range stored {
		add(e)
	}
	slices.SortStableFunc(p.out.Events, func(a, b telemetry.Event) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), strings.Compare(a.Code, b.Code))
	})
	if n := len(p.out.Events); n > maxEvents {
		p.out.Events = p.out.Events[n-maxEvents:]
	}
	return err
}

// bound is an open bound as nil.
func bound(v *float64) *float64 {
	if v == nil || math.IsNaN(*v) || math.IsInf(*v, 0) {
		return nil
	}
	return v
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
