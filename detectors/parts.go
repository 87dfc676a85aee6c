package detectors

import (
	"strconv"

	"github.com/presage-pdm/presage/detectors/decision"
	"github.com/presage-pdm/presage/detectors/stat"
)

// Leveled is implemented by a [Joint] that decides by sums of surprises and is told from which sum on.
type Leveled interface {
	// Sums yields the components on which the last [Joint.Decide] judged something new, by index, counted from 0 in the order in which they were announced.
	Sums(yield func(component int, sum Sum) bool)
	// SetLevel tells from which sum on a component is off. It is no part of the state of the judge.
	SetLevel(component int, level float64)
}

// Sum is the outcome of one judgement of a component.
type Sum struct {
	Sum float64 // largest of its metrics
	Off bool    // it is decided to be off
	// Young tells that one of its metrics was not compared with its past, which is too short: what was known of its sums means little from now on.
	Young bool
}

// part is what is known of the sums of surprises of one component of a device. Its place is the index of the component in the joint judge.
type part struct {
	tail  decision.Tail
	level float64 // 0 before the first judgement
	last  int64   // event time of the last judgement
	every float64 // usual time between two, ms
	peak  float64 // largest sum of the decision that holds
}

// partMemory is how many judgements the usual time between two follows, longestPause how many times that one pause counts at most, and mostExcess how far above
// its level a decision counts when it has ended. From settled judgements on the lane learns from a component: before, cycles that are not known yet make sums
// that say nothing about others.
const (
	settled      = 500
	partMemory   = 50
	longestPause = 10
	mostExcess   = 1
)

// weigh learns the sums of the components that were just judged and sets the levels that follow. It does so after the decisions: a sum counts for those to come.
func (d *device) weigh(e *Engine, in *Input) {
	defer d.containJoint(e, in)
	joint, ok := d.joint.(Leveled)
	if !ok {
		return
	}
	for c, sum := range joint.Sums {
		for len(d.parts) <= c {
			d.parts = append(d.parts, part{})
		}
		p := &d.parts[c]
		p.judged(in.Time)
		p.learn(&e.tail, sum)
		p.level = e.cfg.FalseTickets.Level(p.tail, e.tail, p.monthly(), len(d.parts)) * d.plan.level()
		joint.SetLevel(c, p.level)
	}
}

// judged notes the time of a judgement.
func (p *part) judged(time int64) {
	if dt := float64(time - p.last); p.last != 0 && dt > 0 {
		if p.every == 0 {
			p.every = dt
		} else {
			p.every += (min(dt, longestPause*p.every) - p.every) / partMemory
		}
	}
	p.last = time
}

// monthly returns how many judgements a month has at the usual pace, 0 while that is unknown.
func (p *part) monthly() float64 {
	if p.every == 0 {
		return 0
	}
	return decision.Month / p.every
}

// learn takes a sum. While a decision holds nothing is learned, and its largest sum once when it has ended. The lane learns from what is healthy alone.
func (p *part) learn(lane *decision.Tail, s Sum) {
	switch {
	case s.Young:
		p.tail = decision.Tail{}
		return
	case s.Off:
		p.peak = max(p.peak, s.Sum)
		return
	case p.peak > 0:
		p.tail.Learn(min(p.peak, p.level+mostExcess))
		p.peak = 0
	}
	p.tail.Learn(s.Sum)
	if p.tail.N >= settled {
		lane.Learn(s.Sum)
	}
}

// weighed completes a decision by what is known of its component: the probability behind it, the score, what it rests on, and whether it is grave.
func (d *device) weighed(e *Engine, in *Input, dec Decision) Decision {
	dec = d.measured(e, dec)
	if why := graver(&dec, in.Time); why != "" && dec.Reason.Params != nil {
		dec.Reason.Params["graver"] = why
	}
	return dec
}

func (d *device) measured(e *Engine, dec Decision) Decision {
	if dec.Part < 0 || dec.Part >= len(d.parts) || dec.Verdict == Healthy || dec.Sum == 0 {
		return dec
	}
	p := &d.parts[dec.Part]
	if p.level == 0 {
		return dec
	}
	dec.P, dec.Score = p.tail.P(e.tail, dec.Sum), dec.Sum/(dec.Sum+p.level)
	for key, v := range map[string]float64{"surprise": dec.Sum, "level": p.level, "novelty": dec.Novelty} {
		dec.Reason.Params[key] = strconv.FormatFloat(v, 'f', 1, 64)
	}
	return dec
}

// setLevels tells a joint judge that was restored the levels.
func (d *device) setLevels() {
	if joint, ok := d.joint.(Leveled); ok {
		for c := range d.parts {
			joint.SetLevel(c, d.parts[c].level)
		}
	}
}

func (d *device) appendParts(dst []byte) []byte {
	dst = stat.AppendUint(dst, uint64(len(d.parts)))
	for i := range d.parts {
		p := &d.parts[i]
		dst = stat.AppendFloats(appendTail(dst, p.tail), p.level, p.every, p.peak)
		dst = stat.AppendInt(dst, p.last)
	}
	return dst
}

func readParts(r *stat.Reader) (parts []part) {
	for range r.Count(mostMetrics) {
		p := part{tail: readTail(r), level: r.Finite(), every: r.Finite(), peak: r.Finite(), last: r.Int()}
		if p.level < 0 || p.every < 0 || p.peak < 0 {
			r.Fail()
		}
		if r.Err() != nil {
			return nil
		}
		parts = append(parts, p)
	}
	return parts
}

func appendTail(dst []byte, t decision.Tail) []byte {
	return stat.AppendFloats(dst, t.N, t.K, t.Excess)
}

func readTail(r *stat.Reader) decision.Tail {
	t := decision.Tail{N: r.Finite(), K: r.Finite(), Excess: r.Finite()}
	if !t.Valid() {
		r.Fail()
	}
	return t
}
