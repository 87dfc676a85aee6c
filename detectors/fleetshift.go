package detectors

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A fleet shift is that many devices of a cohort are off to one side on one metric at the same time: after an update, in a heat wave, by a change of the
// network that all of them report. It is one fault, of the cohort, and what the statistical tier finds on single devices because of it opens no ticket.
//
// It begins when a device is decided to be off and at least leastShift devices, and a share of leastShare of those that were heard in the last hour of event
// time, are off or suspect to the same side; so devices that were decided earlier have tickets of their own. It ends when fewer than endShift are. Each lane
// judges the devices that it sees.

// Sided is implemented by a [Joint] that tells to which side metrics are unlike themselves.
type Sided interface {
	// Side returns 1 for a metric that is suspect and above, -1 for one that is suspect and below, else 0.
	Side(index int) int
}

const (
	leastShift  = 5    // devices
	leastShare  = 0.25 // of the devices of the cohort
	endShift    = 3    // devices; two that stay off have tickets of their own
	shiftWindow = 3600_000
	shiftCheck  = 60_000 // ms of arrival time
	mostShifts  = 1024   // in one lane
)

// FleetDevice begins the name that stands for a cohort in findings and tickets, where that of a device stands else.
const FleetDevice = "cohort:"

// fleetShift is one that holds.
type fleetShift struct {
	tenant, cohort, metric string
	side                   int
	component              string
	onset, checked         int64
	told                   int // devices when it was told last
}

// cohortName names a cohort in findings.
func cohortName(cohort string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(cohort, "\x00"), func(s string) bool { return s == "" }), ":")
}

// side returns to which side a metric of a device is unlike itself.
func (d *device) side(e *Engine, m *metricState) (side int) {
	if d.joint == nil || m.joint < 0 {
		return 0
	}
	defer func() {
		if cause := recover(); cause != nil {
			e.log.Error("detector crashed", "device", d.id, "detector", d.plan.Joint.Name(), "metric", m.name, "err", cause)
			side = 0
		}
	}()
	if s, ok := d.joint.(Sided); ok {
		side = s.Side(int(m.joint))
	}
	return side
}

// count returns how many devices are off to the side of a shift and how many were heard in the hour before the newest of them.
func (s *fleetShift) count(e *Engine) (off, of int) {
	newest := int64(0)
	for _, d := range e.devices {
		if s.covers(d) {
			newest = max(newest, d.sampled)
		}
	}
	for _, d := range e.devices {
		if !s.covers(d) || newest-d.sampled > shiftWindow {
			continue
		}
		if m := d.find(s.metric); m != nil {
			of++
			if d.side(e, m) == s.side {
				off++
			}
		}
	}
	return off, of
}

func (s *fleetShift) covers(d *device) bool {
	return d.plan != nil && d.tenant == s.tenant && d.plan.Cohort == s.cohort
}

// shifted tells that what was found on metrics of a device is explained by fleet shifts, of which new ones may begin by it.
func (e *Engine) shifted(d *device, in *Input, f *fault) bool {
	if f.code != FaultAbnormal || f.shadow || len(f.metrics) == 0 || cohortName(d.plan.Cohort) == "" {
		return false
	}
	for _, name := range f.metrics {
		if !e.metricShifted(d, in, f, name) {
			return false
		}
	}
	return true
}

func (e *Engine) metricShifted(d *device, in *Input, f *fault, name string) bool {
	for i := range e.shifts {
		if s := &e.shifts[i]; s.metric == name && s.covers(d) {
			return true
		}
	}
	m := d.find(name)
	if m == nil || len(e.shifts) >= mostShifts {
		return false
	}
	s := fleetShift{tenant: d.tenant, cohort: d.plan.Cohort, metric: name, side: d.side(e, m), component: m.part, onset: f.onset, checked: in.Arrival}
	if s.side == 0 {
		return false
	}
	off, of := s.count(e)
	if off < leastShift || float64(off) < leastShare*float64(of) {
		return false
	}
	s.told = off
	e.shifts = append(e.shifts, s)
	e.out = append(e.out, s.finding(e, d, in, Raised, off, of))
	return true
}

// checkShifts ends shifts that have passed and tells of those that twice as many devices are in.
func (e *Engine) checkShifts(in *Input) {
	for i := 0; i < len(e.shifts); i++ {
		s := &e.shifts[i]
		if in.Arrival-s.checked < shiftCheck {
			continue
		}
		s.checked = in.Arrival
		at := slices.IndexFunc(e.devices, s.covers)
		if at < 0 { // all have another model now
			e.shifts = slices.Delete(e.shifts, i, i+1)
			i--
			continue
		}
		off, of := s.count(e)
		switch {
		case off < endShift:
			e.out = append(e.out, s.finding(e, e.devices[at], in, Cleared, off, of))
			e.shifts = slices.Delete(e.shifts, i, i+1)
			i--
		case off >= 2*s.told:
			s.told = off
			e.out = append(e.out, s.finding(e, e.devices[at], in, Continued, off, of))
		}
	}
}

// firmware returns the firmware that most of the devices that are off run, the first by name of equal ones, and how many run it; "" when none is known.
func (s *fleetShift) firmware(e *Engine) (name string, runs int) {
	if e.cfg.Firmware == nil {
		return "", 0
	}
	counts := map[string]int{}
	for _, d := range e.devices {
		if !s.covers(d) {
			continue
		}
		if m := d.find(s.metric); m != nil && d.side(e, m) == s.side {
			counts[e.cfg.Firmware(d.tenant, d.id)]++
		}
	}
	delete(counts, "")
	for _, f := range slices.Sorted(maps.Keys(counts)) {
		if counts[f] > runs {
			name, runs = f, counts[f]
		}
	}
	return name, runs
}

// finding tells of a shift, by the plan of a device of the cohort.
func (s *fleetShift) finding(e *Engine, d *device, in *Input, phase Phase, off, of int) Finding {
	h := holder{fault: FaultFleetShift, component: s.component, severity: d.plan.Fault(FaultFleetShift).Severity, detector: "cohort", version: 1, rule: BaseRule, score: 1}
	key := ReasonFleetAbove
	if s.side < 0 {
		key = ReasonFleetBelow
	}
	params := map[string]string{"metric": s.metric, "count": strconv.Itoa(off), "devices": strconv.Itoa(of)}
	if name, runs := s.firmware(e); name != "" {
		params["firmware"], params["same"] = name, strconv.Itoa(runs)
	}
	if phase == Cleared {
		key, params = ReasonCleared, map[string]string{"metric": s.metric, "seconds": strconv.FormatInt(max(0, in.Time-s.onset)/1000, 10)}
	}
	out := d.finding(in, h, phase, Evidence{Onset: s.onset, Reason: Reason{Key: key, Params: params}})
	out.Device = FleetDevice + cohortName(s.cohort)
	out.ID = findingID(out, d.id+"\x00"+s.metric) // lanes that find the same are told apart
	return out
}
