package detectors

import "slices"

// echo is a fault that ended and still explains what began while it held: its traces take time to fade.
type echo struct {
	code       string
	end, until int64 // event times
}

// mostEchoes bounds the faults that are remembered after their end, per device; the newest count.
const mostEchoes = 16

// settle remembers a fault that ends, when it explains others.
func (d *device) settle(e *Engine, in *Input, f *fault) {
	end, lasted := in.Time, in.Time-f.onset
	if d.told != 0 { // it was silent: what it kept meanwhile leaves no gap to explain anything by
		end, lasted = d.told, min(lasted, d.told-d.newest)
	}
	lasted = min(lasted, e.cfg.Settle.Milliseconds())
	if f.shadow || lasted <= 0 || len(d.plan.Fault(f.code).Inhibits) == 0 {
		return
	}
	d.echoes = slices.DeleteFunc(d.echoes, func(o echo) bool { return o.code == f.code || o.until <= end })
	if len(d.echoes) == mostEchoes {
		d.echoes = slices.Delete(d.echoes, 0, 1)
	}
	d.echoes = append(d.echoes, echo{code: f.code, end: end, until: end + lasted})
}

// withheld tells why a new fault opens no ticket.
func (d *device) withheld(h holder, onset, now int64) string {
	switch {
	case h.shadow:
		return WithheldShadow
	case d.inhibited(h.fault, onset, now):
		return WithheldInhibited
	}
	return ""
}

// inhibited tells whether another fault of the device explains one with this code and onset: one that holds, or one that ended
// a short while ago, after the onset.
func (d *device) inhibited(code string, onset, now int64) bool {
	for i := range d.faults {
		if f := &d.faults[i]; !f.shadow && d.inhibits(f.code, code) {
			return true
		}
	}
	for _, o := range d.echoes {
		if onset <= o.end && now < o.until && d.inhibits(o.code, code) {
			return true
		}
	}
	return false
}

// inhibits tells whether faults of one code explain those of another.
func (d *device) inhibits(by, code string) bool {
	if by == code {
		return false
	}
	list := d.plan.Fault(by).Inhibits
	return slices.Contains(list, code) || slices.Contains(list, "*")
}
