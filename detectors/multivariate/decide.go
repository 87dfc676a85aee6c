package multivariate

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/presage-pdm/presage/detectors"
)

// Decide implements [detectors.Joint]. There is one decision for the device at a time: it is told of the component whose metrics contribute most when it begins.
func (c *Chart) Decide(time int64) []detectors.Decision {
	if !c.fresh {
		return nil
	}
	c.fresh = false
	c.last = time
	defer c.turn()
	if len(c.regimes) == 0 {
		c.learn(time, c.warmUp.rows >= min(settleRows, c.cfg.WarmUp/3))
		return nil
	}
	if c.settling() {
		c.explore(time)
		return nil
	}
	b, level := c.place(time)
	if b == nil {
		c.explore(time)
		return nil
	}
	c.strange, b.met = 0, time
	if b.threshold == 0 { // nothing moved
		return nil
	}
	c.base, c.statistic = b, level
	c.out = c.out[:0]
	c.settle(time)
	share := follow
	if c.on {
		share *= followOff
	}
	b.follow(share)
	return c.out
}

// turn ends a row.
func (c *Chart) turn() {
	for _, m := range c.metrics {
		m.changed = false
	}
}

// settle applies hysteresis to the statistic.
func (c *Chart) settle(time int64) {
	quiet := c.statistic < c.cfg.Off
	if quiet {
		if c.on {
			c.out = append(c.out, detectors.Decision{Component: c.component, P: 1, Evidence: detectors.Evidence{Onset: c.since}})
		}
		c.on, c.since, c.best = false, 0, 0
		return
	}
	if c.since == 0 {
		c.since = time
	}
	switch {
	case !c.on && c.statistic >= 1:
		c.on, c.best, c.component = true, c.statistic, c.culprit()
		c.out = append(c.out, c.describe(detectors.Faulty, time))
	case c.on && c.statistic >= 2*c.best:
		c.best = c.statistic
		c.out = append(c.out, c.describe(detectors.Worse, time))
	}
}

// contribution returns the part of T² that a place of the baseline adds.
func (b *baseline) contribution(place int) float64 { return max(0, b.d[place]*b.y[place]) }

// culprit returns the component whose metrics contribute most; the first of them when they are equal.
func (c *Chart) culprit() string {
	var names []string
	var sums []float64
	for k, i := range c.base.metrics {
		name := c.metrics[i].component
		at := slices.Index(names, name)
		if at < 0 {
			at, names, sums = len(names), append(names, name), append(sums, 0)
		}
		sums[at] += c.base.contribution(k)
	}
	best := 0
	for i, s := range sums {
		if s > sums[best] {
			best = i
		}
	}
	return names[best]
}

// Still implements [detectors.Joint].
func (c *Chart) Still(component string, since int64) (detectors.Decision, bool) {
	if !c.on || c.component != component || c.last < since || c.strange > 0 {
		return detectors.Decision{}, false
	}
	return c.describe(detectors.Worse, c.last), true
}

// describe makes the decision that the device is off.
func (c *Chart) describe(verdict detectors.Verdict, time int64) detectors.Decision {
	d := detectors.Decision{
		Component: c.component, Verdict: verdict,
		Score: c.statistic / (1 + c.statistic), P: 1 / float64(c.base.calibrated+1), // conformal: more than all rows of a warm-up
	}
	d.Onset, d.Signals = c.since, c.signals()
	first := d.Signals[0]
	d.Reason = detectors.Reason{Key: reasonKey(d.Signals), Params: map[string]string{
		"metric": first.Metric, "value": detectors.FormatNumber(first.Actual), "expected": detectors.FormatNumber(first.Expected),
		"seconds": strconv.FormatInt((time-c.since)/1000, 10), "metrics": strconv.Itoa(len(d.Signals)),
	}}
	return d
}

// reasonKey tells how signals, most telling first, are off: one of them by itself when the others add less than half of what it does and
// it is outside its own range, else together.
func reasonKey(signals []detectors.Signal) string {
	first := signals[0]
	alone := first.Share > 2.0/3 && (first.Actual < *first.Low || first.Actual > *first.High)
	switch {
	case len(signals) > 1 && !alone:
		return detectors.ReasonOffTogether
	case first.Actual < first.Expected:
		return detectors.ReasonAbnormalBelow
	}
	return detectors.ReasonAbnormalAbove
}

// leastShare is the share below which a metric is not told as a part of a decision.
const leastShare = 0.05

// signals lists the metrics that contribute, most first. Those of other components than the one that is blamed are told as well: that is how they hang together.
func (c *Chart) signals() []detectors.Signal {
	b, sum := c.base, 0.0
	most := 0
	for k := range b.metrics {
		sum += b.contribution(k)
		if b.contribution(k) > b.contribution(most) {
			most = k
		}
	}
	var told []detectors.Signal
	whole := 0.0
	for k, i := range b.metrics {
		part := b.contribution(k)
		if part < leastShare*sum && k != most {
			continue
		}
		whole += part
		m := c.metrics[i]
		low, high := b.mean[k]-3*b.sd[k], b.mean[k]+3*b.sd[k]
		told = append(told, detectors.Signal{
			Metric: m.name, Actual: m.z, Expected: b.mean[k], Low: &low, High: &high, Share: part, Detector: "multivariate",
		})
	}
	for i := range told {
		if whole > 0 {
			told[i].Share /= whole
		} else {
			told[i].Share = 1 / float64(len(told))
		}
	}
	slices.SortStableFunc(told, func(a, b detectors.Signal) int { return cmp.Compare(b.Share, a.Share) })
	return told
}
