// Package within finds too many events in a window of time, such as five lost connections in ten minutes.
//
// The window lies in the time of the events, whatever order they arrive in, and ends at the newest time the device has told. It holds
// until fewer events are left in it. It fails when a device says nothing at all: the window then stands still. Costs 0.1 us
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
	events []telemetry.Event // in rising time; without attributes
	newest int64
	faulty bool
	told   int // events in the window when last told
}

// Observe implements [detectors.Detector].
func (d *detector) Observe(in *detectors.Input) detectors.Verdict {
	added := in.Kind == detectors.EventInput && in.Event.Code == d.cfg.Event
	if !added && (in.Kind != detectors.BatchInput || len(d.events) == 0) {
		return d.verdict()
	}
	d.newest = max(d.newest, in.Time)
	if added {
		at := len(d.events)
		for at > 0 && d.events[at-1].Time > in.Time {
			at--
		}
		d.events = slices.Insert(d.events, at, telemetry.Event{Time: in.Time, ID: in.Event.ID, Code: in.Event.Code, Severity: in.Event.Severity})
	}
	for len(d.events) > kept || len(d.events) > 0 && d.newest-d.events[0].Time > d.cfg.Window.Milliseconds() {
		d.events = slices.Delete(d.events, 0, 1)
	}
	n := len(d.events)
	switch {
	case n < d.cfg.Count:
		d.faulty = false
	case !d.faulty:
		d.faulty, d.told = true, n
	case added && n >= d.told+d.cfg.Count:
		d.told = n
		return detectors.Worse
	}
	return d.verdict()
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
	return dst
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
	return r.Done()
}
