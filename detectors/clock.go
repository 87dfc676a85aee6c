package detectors

import (
	"strconv"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// clockUnset is the first of January 2000: a time stamp before it comes from a clock that was never set.
const clockUnset = 946684800000 // Unix milliseconds

// When a clock counts as behind: readings keep the same age, more than the tolerance of backfill
// and no more than a mistaken time zone and a day explain, for ten minutes of arrivals. What is replayed or buffered
// catches up or falls back instead.
const (
	behindMost  = 26 * 3600 * 1000 // ms
	behindSpan  = 10 * 60 * 1000   // ms of arrivals
	behindDrift = 60 * 1000        // ms the age may change
	behindCount = 10               // batches
)

// clock judges the clock of a device. Readings whose time stamps cannot be true reach no detector.
type clock struct {
	reason string // key of the condition that holds, empty for none
	onset  int64  // arrival
	// Of the steady age: the age, the arrival it was first seen at and the batches since.
	age, since int64
	count      int64
}

func (d *device) clockHolder() holder {
	return holder{fault: FaultClock, component: component(d.plan.Fault(FaultClock).Component), severity: d.plan.Fault(FaultClock).Severity, detector: "clock", rule: "clock", version: 1, score: 1}
}

// judge looks at the time stamps of a batch; newest is that of the newest believable reading, or 0. Times
// of its findings are arrival times, since those of the device mean nothing.
func (c *clock) judge(e *Engine, d *device, b *telemetry.Batch, newest int64) {
	key, params := c.verdict(e.cfg, b, newest)
	if key == "" && newest == 0 {
		return // nothing was said about time
	}
	in := Input{Kind: BatchInput, Time: b.Arrival, Arrival: b.Arrival}
	if key == c.reason {
		return
	}
	if c.reason != "" {
		c.reason = ""
		d.release(e, &in, d.clockHolder())
	}
	if key != "" {
		c.reason, c.onset = key, b.Arrival
		d.hold(e, &in, d.clockHolder(), Evidence{Onset: b.Arrival, Reason: Reason{Key: key, Params: params}})
	}
}

// verdict returns the key of what is wrong with the clock, or "".
func (c *clock) verdict(cfg Config, b *telemetry.Batch, newest int64) (key string, params map[string]string) {
	latest := b.Arrival + cfg.ClockAhead.Milliseconds()
	check := func(t int64) {
		switch {
		case t > latest:
			key, params = ReasonClockAhead, map[string]string{"seconds": strconv.FormatInt((t-b.Arrival)/1000, 10)}
		case t < clockUnset:
			key, params = ReasonClockUnset, map[string]string{"year": strconv.Itoa(time.UnixMilli(t).UTC().Year())}
		}
	}
	for i := range b.Samples {
		check(b.Samples[i].Time)
	}
	for i := range b.Events {
		check(b.Events[i].Time)
	}
	if key != "" || newest == 0 {
		return key, params
	}
	age := b.Arrival - newest
	if age <= cfg.BackfillAfter.Milliseconds() || age > behindMost || age > c.age+behindDrift || age < c.age-behindDrift {
		c.age, c.since, c.count = age, b.Arrival, 0
		return "", nil
	}
	if c.count++; c.count >= behindCount && b.Arrival-c.since >= behindSpan {
		return ReasonClockBehind, map[string]string{"seconds": strconv.FormatInt(age/1000, 10)}
	}
	return "", nil
}
