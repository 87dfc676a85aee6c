package shift

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/presage-pdm/presage/detectors"
)

// Decide implements [detectors.Joint].
func (j *judge) Decide(time int64) []detectors.Decision {
	j.news = j.due
	if !j.due {
		return nil
	}
	j.due = false
	j.out = j.out[:0]
	busy := j.newOperation()
	for c := range j.comps {
		j.comps[c].judged, j.comps[c].young, j.comps[c].sum = false, false, 0
	}
	for m := range j.judged {
		if m.fresh {
			m.fresh = false
			before := m.held
			c := &j.comps[m.comp]
			m.settle(j.levelOf(c), j.cfg.Off, busy)
			c.judged, c.young = true, c.young || m.n < minBlocks && m.change > 0
			m.joined = m.held && !before
		}
	}
	for c := range j.comps {
		j.decide(c, time)
	}
	for m := range j.judged {
		c := &j.comps[m.comp]
		c.sum = max(c.sum, m.combined())
		m.joined, m.novelty = false, 0
	}
	return j.out
}

// Sums implements [detectors.Leveled].
func (j *judge) Sums(yield func(int, detectors.Sum) bool) {
	if !j.news {
		return
	}
	for i := range j.comps {
		c := &j.comps[i]
		if c.judged && !yield(i, detectors.Sum{Sum: c.sum, Off: c.active, Young: c.young}) {
			return
		}
	}
}

// SetLevel implements [detectors.Leveled].
func (j *judge) SetLevel(component int, level float64) {
	if component < len(j.comps) {
		j.comps[component].level = level
	}
}

// levelOf returns the sum from which a component is off.
func (j *judge) levelOf(c *component) float64 {
	if c.level > 0 {
		return c.level
	}
	return j.cfg.Threshold
}

// newOperation tells that so many metrics are off together that the device does something new.
func (j *judge) newOperation() bool {
	moved, alive := 0, 0
	for _, m := range j.metrics {
		if m.change > 0 {
			alive++
		}
		if m.past != nil && m.moved > 0 {
			moved++
		}
	}
	return moved >= regimeMin && 3*moved > alive
}

// settle applies hysteresis and refractory time to the last block of a metric.
func (m *metric) settle(level, off float64, busy bool) {
	if m.wait > 0 {
		m.wait--
	}
	switch {
	case m.held && m.surprise >= off*level:
		m.quiet = 0
	case m.held:
		if m.quiet++; m.quiet >= quietToEnd {
			m.held, m.quiet, m.wait, m.runLen = false, 0, refractory, 0
		}
	case !busy && m.wait == 0 && m.combined() >= level:
		m.held = true
	}
}

// decide appends a decision when the verdict on a component changed: it is off while any of its metrics is.
func (j *judge) decide(index int, time int64) {
	c := &j.comps[index]
	best, novelty, members := 0.0, 0.0, 0
	var joined *metric // the most improbable of those that are newly off
	for m := range j.judged {
		if int(m.comp) != index || !m.held {
			continue
		}
		members++
		if s := m.combined(); s > best {
			best, novelty = s, float64(m.novelty)
		}
		if m.joined && (joined == nil || m.surprise > joined.surprise) {
			joined = m
		}
	}
	verdict := detectors.Healthy
	switch {
	case members > 0 && !c.active:
		c.active, c.onset, verdict = true, j.onset(index), detectors.Faulty
		c.best, c.members = best, members
	case members > 0 && (best >= 2*c.best || members > c.members):
		// Each doubling and each new metric is worth telling; there are few. A new metric is told with its own onset: it
		// may be another trouble than the one before.
		if members <= c.members {
			joined = nil
		}
		c.best, c.members, verdict = max(c.best, best), max(c.members, members), detectors.Worse
	case members == 0 && c.active:
		c.active = false
	default:
		return
	}
	if members > 0 {
		d := j.describe(index, verdict, best, time)
		d.Novelty = novelty
		if verdict == detectors.Worse && joined != nil {
			d.Onset = joined.starts[0]
			d.Reason = reason(joined.name, d.Signals, time-d.Onset)
		}
		j.out = append(j.out, d)
		return
	}
	j.out = append(j.out, detectors.Decision{Component: c.name, P: 1, Evidence: detectors.Evidence{Onset: c.onset}})
}

// onset returns when the first of the metrics of a component that are off began to be.
func (j *judge) onset(index int) int64 {
	onset := int64(math.MaxInt64)
	for m := range j.judged {
		if int(m.comp) == index && m.held && m.runLen > 0 {
			onset = min(onset, m.starts[0])
		}
	}
	return onset
}

// describe makes the decision that a component is off.
func (j *judge) describe(index int, verdict detectors.Verdict, best float64, time int64) detectors.Decision {
	c := &j.comps[index]
	d := detectors.Decision{Component: c.name, Verdict: verdict, Score: best / (best + j.cfg.Threshold), P: math.Pow(10, -best), Part: index, Sum: best}
	d.Onset, d.Signals = c.onset, j.signals(index)
	d.Reason = reason(d.Signals[0].Metric, d.Signals, time-c.onset)
	return d
}

// Still implements [detectors.Joint]: the last block of one of the metrics that are off must have begun at the time or later, and must not be quiet.
func (j *judge) Still(component string, since int64) (detectors.Decision, bool) {
	best, last, ok := 0.0, int64(0), false
	for m := range j.judged {
		if j.comps[m.comp].name != component || !m.held || m.quiet > 0 || m.runLen == 0 {
			continue
		}
		best, last = max(best, slices.Min(m.run[:m.runLen])), max(last, m.last)
		ok = ok || m.starts[m.runLen-1] >= since
	}
	if !ok {
		return detectors.Decision{}, false
	}
	return j.describe(int(j.component(component)), detectors.Worse, best, last), true
}

// signals lists the metrics of a component that are off, most improbable first.
func (j *judge) signals(index int) []detectors.Signal {
	var off []*metric
	sum := 0.0
	for m := range j.judged {
		if int(m.comp) == index && (m.held || m.surprise >= j.cfg.Off*j.cfg.Threshold) {
			off = append(off, m)
			sum += m.surprise
		}
	}
	slices.SortStableFunc(off, func(a, b *metric) int { return cmp.Compare(b.surprise, a.surprise) })
	signals := make([]detectors.Signal, 0, len(off))
	for _, m := range off {
		low, high := m.band()
		low, high = low+m.blockShare, high+m.blockShare
		signals = append(signals, detectors.Signal{
			Metric: m.name, Actual: m.block + m.blockShare, Expected: m.mean + m.blockShare, Low: &low, High: &high,
			Share: share(m.surprise, sum, len(off)), Rank: 1 - math.Pow(10, -m.surprise), Detector: "shift",
		})
	}
	return signals
}

func share(part, sum float64, n int) float64 {
	if sum > 0 {
		return part / sum
	}
	return 1 / float64(n)
}

// band returns where block means are expected: three standard deviations of earlier ones around their mean.
func (m *metric) band() (low, high float64) {
	return m.mean - 3*m.sd, m.mean + 3*m.sd
}

// reason words a decision by one of its signals.
func reason(metric string, signals []detectors.Signal, lasting int64) detectors.Reason {
	first := signals[slices.IndexFunc(signals, func(s detectors.Signal) bool { return s.Metric == metric })]
	key := detectors.ReasonAbnormalAbove
	if first.Actual < first.Expected {
		key = detectors.ReasonAbnormalBelow
	}
	return detectors.Reason{Key: key, Params: map[string]string{
		"metric": first.Metric, "value": detectors.FormatNumber(first.Actual), "expected": detectors.FormatNumber(first.Expected),
		"seconds": strconv.FormatInt(lasting/1000, 10), "metrics": strconv.Itoa(len(signals)),
	}}
}
