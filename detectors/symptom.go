package detectors

import (
	"slices"

	"github.com/presage-pdm/presage/telemetry"
)

// Symptomatic is implemented by methods that find a part unlike itself, or unlike others, and do not know what is broken. What several of them, and
// the statistical tier, find on one component of a device is one trouble: the first opens the ticket, the others are evidence in it.
type Symptomatic interface{ Symptomatic() }

// symptoms tells whether symptoms stand behind a fault, and whether nothing else does: no rule that knows what is broken.
func (d *device) symptoms(f *fault) (some, only bool) {
	if d.plan.Fault(f.code).OfSensor() {
		return false, false
	}
	only = true
	some = f.code == FaultAbnormal && f.shadow == d.baseOnTrial() && slices.Contains(d.jointHeld, f.component)
	for i := range d.active {
		if !i.holder(d).of(f) {
			continue
		}
		_, symptom := i.rule.Method.(Symptomatic)
		some, only = some || symptom, only && symptom
	}
	return some, some && only
}

// active yields the rules whose condition holds.
func (d *device) active(yield func(*instance) bool) {
	for _, i := range d.rules {
		if i.active && !yield(i) {
			return
		}
	}
	for _, m := range d.metrics {
		for _, i := range m.rules {
			if i.active && !yield(i) {
				return
			}
		}
	}
}

// toldBy returns the fault that tells already of the trouble that another is a symptom of; nil when there is none. It goes on telling when a rule joins
// it that knows what is broken.
func (d *device) toldBy(f *fault) *fault {
	if f.shadow || len(d.faults) < 2 {
		return nil
	}
	if _, only := d.symptoms(f); !only {
		return nil
	}
	for i := range d.faults {
		by := &d.faults[i]
		if by.code == f.code || by.component != f.component || by.withheld != "" {
			continue
		}
		if some, _ := d.symptoms(by); some {
			return by
		}
	}
	return nil
}

// emitWithin adds what is new about a symptom to the fault that tells of its trouble.
func (d *device) emitWithin(e *Engine, in *Input, f *fault, h holder, evidence Evidence) {
	by := d.toldBy(f)
	if by == nil {
		return
	}
	if h.severity == telemetry.Info {
		h.severity = d.plan.Fault(h.fault).Severity
	}
	h.fault = by.code
	by.found(evidence)
	d.emit(e, in, by, h, Continued, evidence)
}
