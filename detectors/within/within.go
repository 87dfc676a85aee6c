// Package within finds too many events in a window of time, such as five lost connections in ten minutes.
//
// The window lies in the time of the events, whatever order they arrive in. It is found with the newest event in it, and holds until the newest time
// that the device has told leaves fewer events in the window before it; one that is over by the time its last event comes is told and ended. It fails when a device
// says nothing at all: the window then stands still. Costs 0.1 us
// an event and at most 2 KB a device, nothing for devices without such events.
package within

import (
	"slices"
	"strconv"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/stat"
	"github.com/presage-pdm/presage/telemetry"
)

// Version of the method and its state.
const Version = 1

const (
	kept    = 64   // events remembered
	mostStr = 4096 // bytes of an id or a code in a state
)

// Config sets how many events are too many.
type Config struct {
	Event  string // code
	Count  int    // 1 to 64
	Window time.Duration
}

// Method makes detectors of one window.
type Method struct{ cfg Config }

// New returns the method with a setting.
func New(cfg Config) *Method { return &Method{cfg} }

// Name implements [detectors.Method].
func (*Method) Name() string { return "within" }

// Version implements [detectors.Method].
func (*Method) Version() int { return Version }

// New implements [detectors.Method].
func (m *Method) New(string, detectors.MetricPlan) detectors.Detector { return &detector{cfg: &m.cfg} }

type detector struct {
	cfg    *Config
	events []telemetry.Event // in rising time, those of a window before the newest; without attributes
	newest int64             // newest time told
	faulty bool
	told   int   // events in the window when last told
	done   int64 // time of the newest event when last told
}

// Observe implements [detectors.Detector].
func (d *detector) Observe(in *detectors.Input) detectors.Verdict {
	switch {
	case in.Kind == detectors.EventInput && in.Event.Code == d.cfg.Event:
		if d.insert(in.Event) {
			return d.judge()
		}
	case in.Kind == detectors.ProgressInput && len(d.events) > 0:
		d.newest = max(d.newest, in.Time)
		if d.faulty {
			d.faulty = d.open() >= d.cfg.Count
		}
	}
	return d.verdict()
}

// insert puts an event behind those of its time or earlier, and forgets what is older than the window of the newest event. It tells false for one
// that is there already: a redelivery that the engine has forgotten.
func (d *detector) insert(e *telemetry.Event) bool {
	at := len(d.events)
	for at > 0 && d.events[at-1].Time > e.Time {
		at--
	}
	for i := at - 1; i >= 0 && d.events[i].Time == e.Time; i-- {
		if d.events[i].ID == e.ID {
			return false
		}
	}
	d.events = slices.Insert(d.events, at, telemetry.Event{Time: e.Time, ID: e.ID, Code: e.Code, Severity: e.Severity})
	last := d.events[len(d.events)-1].Time
	for len(d.events) > kept || last-d.events[0].Time > d.cfg.Window.Milliseconds() {
		d.events = slices.Delete(d.events, 0, 1)
	}
	return true
}

// judge judges the window that ends at the newest event.
func (d *detector) judge() detectors.Verdict {
	n, last := len(d.events), d.events[len(d.events)-1].Time
	switch {
	case n < d.cfg.Count:
		d.faulty = false
	case !d.faulty && last > d.done:
		d.faulty, d.told, d.done = true, n, last
	case d.faulty && n >= d.told+d.cfg.Count:
		d.told, d.done = n, last
		return detectors.Worse
	case d.faulty:
		d.done = last
	}
	return d.verdict()
}

// open returns how many events lie in the window that ends at the newest time told.
func (d *detector) open() (n int) {
	for _, e := range d.events {
		if d.newest-e.Time <= d.cfg.Window.Milliseconds() {
			n++
		}
	}
	return n
}

func (d *detector) verdict() detectors.Verdict {
	if d.faulty {
		return detectors.Faulty
	}
	return detectors.Healthy
}

// Explain implements [detectors.Detector].
func (d *detector) Explain() detectors.Evidence {
	e := detectors.Evidence{Events: slices.Clone(d.events), Reason: detectors.Reason{Key: detectors.ReasonWithin, Params: map[string]string{
		"event": d.cfg.Event, "count": strconv.Itoa(len(d.events)), "limit": strconv.Itoa(d.cfg.Count),
		"seconds": strconv.FormatInt(int64(d.cfg.Window.Seconds()), 10),
	}}}
	if len(d.events) > 0 {
		e.Onset = d.events[0].Time
	}
	return e
}

// AppendState implements [detectors.Detector].
func (d *detector) AppendState(dst []byte) []byte {
	dst = stat.AppendInt(stat.AppendBool(dst, d.faulty), int64(d.told))
	dst = stat.AppendInt(dst, d.newest)
	dst = stat.AppendUint(dst, uint64(len(d.events)))
	for _, e := range d.events {
		dst = stat.AppendInt(dst, e.Time)
		dst = stat.AppendString(stat.AppendString(dst, e.ID), e.Code)
		dst = stat.AppendUint(dst, uint64(e.Severity))
	}
	return stat.AppendInt(dst, d.done)
}

// RestoreState implements [detectors.Detector].
func (d *detector) RestoreState(src []byte) error {
	r := stat.NewReader(src)
	d.faulty, d.told, d.newest, d.events = r.Bool(), int(r.Int()), r.Int(), nil
	for range r.Count(kept) {
		e := telemetry.Event{Time: r.Int(), ID: r.String(mostStr), Code: r.String(mostStr), Severity: telemetry.Severity(r.Count(255))}
		if r.Err() != nil {
			return r.Err()
		}
		d.events = append(d.events, e)
	}
	d.done = 0
	if len(r.Rest()) > 0 { // states of the first releases end here
		d.done = r.Int()
	}
	return r.Done()
}
