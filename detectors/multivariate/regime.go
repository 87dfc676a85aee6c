package multivariate

import (
	"slices"
	"strings"
	"unicode"
)

// driving are the words in the name of a metric that tells what is asked of a machine, not how it fares.
var driving = []string{"rpm", "speed", "load", "throttle", "pedal", "setpoint"}

// DrivesByName reports whether rpm, speed, load, throttle, pedal or setpoint is a word of the name of a metric, in letters of any case. Words end at what is no
// letter and at the last small letter before a capital.
func DrivesByName(metric string) bool {
	small := false
	var spaced strings.Builder
	for _, r := range metric {
		if small && unicode.IsUpper(r) {
			spaced.WriteByte(' ')
		}
		small = unicode.IsLower(r)
		spaced.WriteRune(unicode.ToLower(r))
	}
	words := strings.FieldsFunc(spaced.String(), func(r rune) bool { return !unicode.IsLetter(r) })
	return slices.ContainsFunc(words, func(word string) bool { return slices.Contains(driving, word) })
}

// demand is a metric that drives the machine, and the range of its readings in the warm-up of a regime.
type demand struct {
	metric    int
	low, high float64
}

// elsewhere reports whether a metric that drives the machine is not where it was in the regime. The regime has judged the row.
func (b *baseline) elsewhere(metrics []*metric, time int64) bool {
	for _, d := range b.demands {
		m := metrics[d.metric]
		if !m.present(time) {
			continue
		}
		if k := b.watched[d.metric]; k >= 0 {
			if max(b.d[k], -b.d[k]) > demandReach {
				return true
			}
		} else if m.value < d.low || m.value > d.high {
			return true
		}
	}
	return false
}

// place judges a row by all regimes and returns the one it is least unlike; nil when it is one of a regime that is not known.
func (c *Chart) place(time int64) (at *baseline, level float64) {
	for _, b := range c.regimes {
		l := b.judge(func(i int) float64 { return c.metrics[i].smoothed(time) })
		if b.threshold > 0 {
			l /= b.threshold
		} else if b.elsewhere(c.metrics, time) {
			continue // nothing moved in it, so it cannot be like it
		}
		if at == nil || l < level {
			at, level = b, l
		}
	}
	if at == nil || level >= c.cfg.Off && at.elsewhere(c.metrics, time) {
		return nil, 0
	}
	return at, level
}

// Unseen reports whether the last row was one of a regime that is not known yet: a warm-up, also after the first rows.
func (c *Chart) Unseen() bool { return c.strange > 0 }

// Regimes returns how many regimes are known.
func (c *Chart) Regimes() int { return len(c.regimes) }

// settling reports whether averages have started over a short while ago.
func (c *Chart) settling() bool { return c.strange >= settleRows && c.strange < 2*settleRows }

// explore takes a row of a regime that is not known. It is learned when it lasts: the way there is none, and averages start over so that none of it is
// left in them. Nothing is learned while the device is off.
func (c *Chart) explore(time int64) {
	c.statistic = 0
	if !c.on {
		c.since = 0
	}
	if c.strange == 2*settleRows {
		if !c.on {
			c.learn(time, true)
		}
		return
	}
	if c.strange++; c.strange == settleRows {
		for _, m := range c.metrics {
			if m.present(time) {
				m.z, m.n = m.value, 1
			}
		}
	}
}

// learn takes a row of the warm-up of a regime, and ends it when it is the last. The regime that has not been met for longest makes room.
// settled is whether the smoothed values are smooth.
func (c *Chart) learn(time int64, settled bool) {
	c.warmUp.add(c.metrics, time, settled)
	if c.warmUp.rows < c.cfg.WarmUp {
		return
	}
	b := newBaseline(&c.warmUp, c.cfg.WarmUp, -c.cfg.logRate(), func(i int) bool { return c.cfg.Drives(c.metrics[i].name) })
	b.met = time
	c.warmUp = warmUp{}
	if len(c.regimes) < mostRegimes {
		c.regimes = append(c.regimes, b)
	} else {
		oldest := 0
		for i, r := range c.regimes {
			if r.met < c.regimes[oldest].met {
				oldest = i
			}
		}
		c.regimes[oldest] = b
	}
	c.base, c.strange = b, 0
}
