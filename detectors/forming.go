package detectors

import "slices"

// Forming is implemented by detectors of faults of sensors that take their time to be sure.
type Forming interface {
	// Forming tells that the condition will hold if what is going on goes on for a while, which has an end.
	Forming() bool
}

// rests tells that a decision may turn out to be one on a sensor that lies: on each of its metrics a fault of the sensor is forming, or holds already on others of them.
func (d *device) rests(dec *Decision) bool {
	forming := false
	for i := range dec.Signals {
		m := d.find(dec.Signals[i].Metric)
		if m == nil {
			return false
		}
		at := slices.IndexFunc(m.rules, func(i *instance) bool {
			if i.off || !d.plan.Fault(i.rule.Fault).OfSensor() || i.rule.Rollout.OnTrial(d.tenant, d.id, i.rule.ID) {
				return false
			}
			f, ok := i.det.(Forming)
			return i.active || ok && f.Forming()
		})
		if at < 0 {
			return false
		}
		forming = forming || !m.rules[at].active
	}
	return forming
}

// decideWaiting takes the decisions that waited for a fault of a sensor and no longer do.
func (d *device) decideWaiting(e *Engine, in *Input) {
	for _, c := range slices.Clone(d.jointWaits) {
		dec, ok := d.stillDecided(e, in, c, 0)
		if d.joint == nil {
			return // it crashed
		}
		if !ok || d.rests(&dec) {
			continue
		}
		dec.Verdict = Faulty
		d.jointWaits = slices.DeleteFunc(d.jointWaits, func(w string) bool { return w == c })
		d.jointHeld = append(d.jointHeld, c)
		d.hold(e, in, d.jointHolder(dec), dec.Evidence)
	}
}
