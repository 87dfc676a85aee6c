// Package sequence finds N events in a row without a healthy one between them, such as three crashes of a TV with no good session.
//
// Events are judged in the order of their own times, whatever order they arrive in: a short sorted history is kept, and an event that
// arrives late is put where it belongs and everything after it is judged again. It holds from the N-th event until a healthy event follows, or, where
// there is no healthy event, until a day has passed without the event. Every further N events are told as worse. It fails
// when more than 64 events arrive ahead of a late one. Costs up to 0.7 us an event and at most 4 KB a device, nothing for devices
// without such events.
package sequence

import (
	"slices"
	"strconv"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/stat"
	"github.com/presage-pdm/presage/telemetry"
)

// Version of the method and its state.
const Version = 1

const (
	kept    = 64                  // events remembered
	calmFor = 24 * 60 * 60 * 1000 // ms without the event that end a sequence with no healthy event
	mostStr = 4096                // bytes of an id or a code in a state
)

// Config sets a sequence.
type Config struct {
	Event   string // code
	Healthy string // code, empty for none
	Count   int    // 1 to 64
}

// Method makes detectors of one sequence.
type Method struct{ cfg Config }

// New returns the method with a setting.
func New(cfg Config) *Method { return &Method{cfg} }

// Name implements [detectors.Method].
func (*Method) Name() string { return "sequence" }

// Version implements [detectors.Method].
func (*Method) Version() int { return Version }

// New implements [detectors.Method].
func (m *Method) New(string, detectors.MetricPlan) detectors.Detector {
	return &detector{cfg: &m.cfg}
}

// happened is one event that matters.
type happened struct {
	time     int64
	id, code string
	severity telemetry.Severity
}

type detector struct {
	cfg    *Config
	events []happened // in rising time
	faulty bool
	told   int   // length of the run when it was last told
	done   int64 // time of the last event of the newest run that was told
	first  int   // index of the run that is told, for Explain
	end    int
}

// Observe implements [detectors.Detector].
func (d *detector) Observe(in *detectors.Input) detectors.Verdict {
	switch in.Kind {
	case detectors.EventInput:
		if in.Event.Code == d.cfg.Event || d.cfg.Healthy != "" && in.Event.Code == d.cfg.Healthy {
			if d.insert(in.Event) {
				return d.judge(in.Time, true)
			}
		}
	case detectors.ProgressInput:
		if len(d.events) > 0 {
			return d.judge(in.Time, false)
		}
	}
	return d.verdict()
}

func (d *detector) verdict() detectors.Verdict {
	if d.faulty {
		return detectors.Faulty
	}
	return detectors.Healthy
}

// insert puts an event behind those of its time or earlier. It tells false for one that is there already: who remembers
// more events than the engine sees redeliveries that it has forgotten.
func (d *detector) insert(e *telemetry.Event) bool {
	at := len(d.events)
	for at > 0 && d.events[at-1].time > e.Time {
		at--
	}
	for i := at - 1; i >= 0 && d.events[i].time == e.Time; i-- {
		if d.events[i].id == e.ID && d.events[i].code == e.Code {
			return false
		}
	}
	d.events = slices.Insert(d.events, at, happened{e.Time, e.ID, e.Code, e.Severity})
	if len(d.events) > kept {
		d.events = slices.Delete(d.events, 0, 1)
	}
	return true
}

// judge looks at the runs of the history. added tells that an event came; else only time passed, and a run that
// was found complete but over is ended.
func (d *detector) judge(now int64, added bool) detectors.Verdict {
	first, end := d.lastRun()
	open := end == len(d.events) && !d.calm(now)
	length := end - first
	if length < d.cfg.Count {
		d.faulty = false
		return detectors.Healthy
	}
	last := d.events[end-1].time
	switch {
	case !d.faulty && (open || added) && last > d.done:
		// A run that is new, be it that a healthy event already ended it: tell it once.
		d.faulty, d.told, d.done, d.first, d.end = true, length, last, first, end
	case d.faulty && open && added && length >= d.told+d.cfg.Count:
		d.told, d.done, d.first, d.end = length, last, first, end
		return detectors.Worse
	case d.faulty && !open && !added, d.faulty && !open && now > last:
		d.faulty = false
		d.done = max(d.done, last)
	case d.faulty && open:
		d.done, d.first, d.end = max(d.done, last), first, end
	}
	return d.verdict()
}

// calm tells that a sequence without a healthy event is over.
func (d *detector) calm(now int64) bool {
	return d.cfg.Healthy == "" && len(d.events) > 0 && now-d.events[len(d.events)-1].time > calmFor
}

// lastRun returns the newest run of at least Count events, else the newest run, as indices [first, end).
func (d *detector) lastRun() (first, end int) {
	newestFirst, newestEnd := len(d.events), len(d.events)
	found := false
	for hi := len(d.events); ; {
		lo := hi
		for lo > 0 && d.events[lo-1].code == d.cfg.Event {
			lo--
		}
		if !found {
			newestFirst, newestEnd, found = lo, hi, true
		}
		if hi-lo >= d.cfg.Count {
			return lo, hi
		}
		if lo == 0 {
			return newestFirst, newestEnd
		}
		hi = lo - 1
	}
}

// Explain implements [detectors.Detector].
func (d *detector) Explain() detectors.Evidence {
	run := d.events[min(d.first, len(d.events)):min(d.end, len(d.events))]
	e := detectors.Evidence{Reason: detectors.Reason{Key: detectors.ReasonSequence, Params: map[string]string{
		"event": d.cfg.Event, "healthy": d.cfg.Healthy, "count": strconv.Itoa(len(run)),
	}}}
	for _, h := range run {
		e.Events = append(e.Events, telemetry.Event{Time: h.time, ID: h.id, Code: h.code, Severity: h.severity})
	}
	if len(run) > 0 {
		e.Onset = run[0].time
	}
	return e
}

// AppendState implements [detectors.Detector].
func (d *detector) AppendState(dst []byte) []byte {
	dst = stat.AppendBool(dst, d.faulty)
	for _, v := range []int64{int64(d.told), d.done, int64(d.first), int64(d.end)} {
		dst = stat.AppendInt(dst, v)
	}
	dst = stat.AppendUint(dst, uint64(len(d.events)))
	for _, h := range d.events {
		dst = stat.AppendInt(dst, h.time)
		dst = stat.AppendString(stat.AppendString(dst, h.id), h.code)
		dst = stat.AppendUint(dst, uint64(h.severity))
	}
	return dst
}

// RestoreState implements [detectors.Detector].
func (d *detector) RestoreState(src []byte) error {
	r := stat.NewReader(src)
	d.faulty = r.Bool()
	d.told, d.done, d.first, d.end = int(r.Int()), r.Int(), int(r.Int()), int(r.Int())
	d.events = nil
	for range r.Count(kept) {
		h := happened{time: r.Int(), id: r.String(mostStr), code: r.String(mostStr), severity: telemetry.Severity(r.Count(255))}
		if r.Err() != nil {
			return r.Err()
		}
		d.events = append(d.events, h)
	}
	if d.first < 0 || d.end < d.first || d.end > kept {
		r.Fail()
	}
	return r.Done()
}
