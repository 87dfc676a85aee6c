package detectors

import "slices"

// echo is a fault that ended and still explains what began while it held: its traces take time to fade.
type echo struct {
	code       string
	metric     string // of the sensor that lied, empty for other faults
	end, until int64  // event times
}

// mostEchoes bounds the faults that are remembered after their end, per device; the newest count.
const mostEchoes = 16

// settle remembers a fault that ends, when it explains others; of a sensor's fault, that it ends on a metric.
func (d *device) settle(e *Engine, in *Input, f *fault, metric string) {
	fault := d.plan.Fault(f.code)
	if !fault.OfSensor() {
		metric = ""
	}
	end, lasted := in.Time, in.Time-f.onset
	if d.told != 0 { // it was silent: what it kept meanwhile leaves no gap to explain anything by
		end, lasted = d.told, min(lasted, d.told-d.newest)
	}
	lasted = min(lasted, e.cfg.Settle.Milliseconds())
	if f.shadow || lasted <= 0 || len(fault.Inhibits) == 0 {
		return
	}
	d.echoes = slices.DeleteFunc(d.echoes, func(o echo) bool { return o.code == f.code && o.metric == metric || o.until <= end })
	if len(d.echoes) == mostEchoes {
		d.echoes = slices.Delete(d.echoes, 0, 1)
	}
	d.echoes = append(d.echoes, echo{code: f.code, metric: metric, end: end, until: end + lasted})
}

// withheld tells why a new fault opens no ticket.
func (d *device) withheld(e *Engine, in *Input, f *fault) string {
	switch {
	case f.shadow:
		return WithheldShadow
	case d.inhibited(f, in.Time):
		return WithheldInhibited
	case e.shifted(d, in, f):
		return WithheldFleet
	case d.toldBy(f) != nil:
		return WithheldComponent
	}
	return ""
}

// inhibited tells whether other faults of the device explain one: one that holds, or one that ended a short while ago, after its
// onset. Sensors that lie explain it when it was found on their metrics alone.
func (d *device) inhibited(f *fault, now int64) bool {
	unexplained := len(f.metrics)
	var lying []string
	explains := func(by string, metrics ...string) bool {
		if !d.inhibits(by, f.code) {
			return false
		}
		if !d.plan.Fault(by).OfSensor() || len(f.metrics) == 0 || len(metrics) == 0 {
			return true
		}
		for _, m := range metrics {
			if slices.Contains(f.metrics, m) && !slices.Contains(lying, m) {
				lying = append(lying, m)
				unexplained--
			}
		}
		return unexplained == 0
	}
	for i := range d.faults {
		if by := &d.faults[i]; !by.shadow && explains(by.code, d.lying(by)...) {
			return true
		}
	}
	for _, o := range d.echoes {
		if f.onset <= o.end && now < o.until && explains(o.code, o.sensor()...) {
			return true
		}
	}
	return false
}

// lying returns the metrics on which rules hold a fault of a sensor just now.
func (d *device) lying(f *fault) (metrics []string) {
	if !d.plan.Fault(f.code).OfSensor() {
		return nil
	}
	add := func(i *instance) {
		if !i.active {
			return
		}
		if h := i.holder(d); h.of(f) {
			metrics = append(metrics, h.metric)
		}
	}
	for _, i := range d.rules {
		if i.rule.About != "" {
			add(i)
		}
	}
	for _, m := range d.metrics {
		if m.regular.missing && f.code == FaultMissing && f.component == m.part {
			metrics = append(metrics, m.name)
		}
		for _, i := range m.rules {
			add(i)
		}
	}
	return metrics
}

// sensor returns the metric of a sensor that lied, none for other faults.
func (o *echo) sensor() []string {
	if o.metric == "" {
		return nil
	}
	return []string{o.metric}
}

// inhibits tells whether faults of one code explain those of another.
func (d *device) inhibits(by, code string) bool {
	if by == code {
		return false
	}
	list := d.plan.Fault(by).Inhibits
	return slices.Contains(list, code) || slices.Contains(list, "*")
}
