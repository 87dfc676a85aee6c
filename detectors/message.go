package detectors

import (
	"github.com/presage-pdm/presage/telemetry"
)

// hear tells the detectors that watch for silence what the arrival of a batch means, whatever becomes of its readings.
// oldest and newest are those of the believable event times, or 0.
func (d *device) hear(e *Engine, in *Input, b *telemetry.Batch, oldest, newest int64) {
	said := len(b.States) == 0 // that there is nothing but states that were said before
	offline := false
	for i := range b.States {
		s := &b.States[i]
		if d.seen.add(stateKey(s)) {
			continue
		}
		said, offline = true, !s.Online
		in.Kind, in.Time, in.Online = StateInput, s.Time, s.Online
		d.applyRules(e, d.rules, in)
	}
	if !said && newest == 0 {
		return
	}
	d.told = oldest
	in.Kind, in.Time, in.Spoke = BatchInput, in.Arrival, newest != 0 && !offline
	for _, r := range d.rules {
		if r.ticks {
			d.applyRule(e, r, in)
		}
	}
	in.Spoke, d.told = false, 0
}

// judge judges a message, or what of it need not wait.
func (d *device) judge(e *Engine, in *Input, samples []telemetry.Sample, events []telemetry.Event) {
	late := d.applySamples(e, in, samples)
	old := 0
	for i := range events {
		ev := &events[i]
		if ev.Time < d.order.event {
			old++
		}
		d.order.event = max(d.order.event, ev.Time)
		d.newest = max(d.newest, ev.Time)
		d.applyEvent(e, in, ev)
	}
	d.progress(e, in)
	if late+old == 0 {
		return
	}
	e.counts.Late.Add(uint64(late + old))
	d.disordered(e, e.cfg.Reorder.Milliseconds(), late > 0)
}

// applySamples feeds samples in rising time and returns how many were late.
func (d *device) applySamples(e *Engine, in *Input, samples []telemetry.Sample) (late int) {
	d.next = 0
	taken := false
	for i := range samples {
		s := &samples[i]
		switch d.applySample(e, in, s) {
		case sampleTaken:
			taken = true
		case sampleLate:
			late++
		}
		if taken && (i+1 == len(samples) || samples[i+1].Time != s.Time) {
			d.moment(e, in, s.Time)
			taken = false
		}
	}
	return late
}

// moment tells that all readings of one time were taken.
func (d *device) moment(e *Engine, in *Input, time int64) {
	d.newest, d.sampled = max(d.newest, time), max(d.sampled, time)
	in.Kind, in.Time = MomentInput, time
	d.miss(e, in)
	d.applyRules(e, d.rules, in)
	d.decide(e, in)
}

// progress tells how far event time has come: not beyond what waits.
func (d *device) progress(e *Engine, in *Input) {
	in.Kind, in.Time = ProgressInput, d.newest
	if d.room != nil && len(d.room.held) > 0 {
		in.Time = min(in.Time, d.room.held[0].time())
	}
	for _, r := range d.rules {
		if !r.ticks {
			d.applyRule(e, r, in)
		}
	}
}

func (d *device) applyEvent(e *Engine, in *Input, ev *telemetry.Event) {
	in.Kind, in.Time, in.Event = EventInput, ev.Time, ev
	d.applyRules(e, d.rules, in)
	in.Event = nil
}

// fate is what became of a sample.
type fate uint8

const (
	sampleTaken fate = iota
	sampleTwice      // its metric has a reading of that time, or the device has too many metrics
	sampleLate       // its metric has a newer reading
)

func (d *device) applySample(e *Engine, in *Input, s *telemetry.Sample) fate {
	in.Kind, in.Time, in.Metric, in.Value = SampleInput, s.Time, s.Metric, s.Value
	m := d.metric(e, s.Metric, in)
	switch {
	case m == nil, m.seen() && s.Time == m.last:
		return sampleTwice
	case m.seen() && s.Time < m.last:
		d.judgeLate(e, m, in)
		return sampleLate
	}
	m.regular.taken(d.moments, s.Time-m.last)
	m.last, m.value = s.Time, s.Value
	if m.regular.missing {
		d.returned(e, in, m)
	}
	d.applyRules(e, m.rules, in)
	if m.base != nil {
		d.observeBase(e, m, in)
	}
	if m.novel.due(in.Time) {
		d.observeNovelty(e, m, in)
	}
	return sampleTaken
}
