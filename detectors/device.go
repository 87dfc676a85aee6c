package detectors

import "time"

// device is the state of one device.
type device struct {
	tenant, id string
	plan       *Plan
	rules      []*instance // of the whole device, in the order of the plan
	metrics    []*metricState
	index      map[string]*metricState // by name; nil below indexFrom metrics
	next       int                     // the metric that is expected: messages repeat their metrics in order
	joint      Joint                   // nil when the plan has none, or after too many crashes
	jointBad   int                     // crashes of joint
	jointHeld  []string
	jointWaits []string // components whose decision may be on a sensor that lies
	parts      []part   // by index of the component in joint
	seen       eventRing
	order      order
	room       *room  // nil while the device is judged at once
	newest     int64  // newest event time judged
	sampled    int64  // of a reading
	moments    uint32 // times of readings judged, modulo 2^32
	told       int64  // oldest event time of the batch that is being heard, 0 when none is
	faults     []fault
	echoes     []echo // of faults that ended, oldest first
	clock      clock
	tooMany    bool // the notice was given
	stale      bool // faults may have lost their holders
}

// metricState is the state of one metric of a device.
type metricState struct {
	name  string
	part  string // component, "device" when none is known
	last  int64  // 0 before the first reading: no time that is believed is that old
	value float64
	base  Series
	novel novel
	rules []*instance
	at    int   // place among the metrics of the device
	joint int32 // index in the joint judge, -1 for none
	bad   int32 // crashes of base

	regular regular
}

func (m *metricState) seen() bool { return m.last != 0 }

func (d *device) latest(metric string) (float64, int64, bool) {
	m := d.find(metric)
	if m == nil || !m.seen() {
		return 0, 0, false
	}
	return m.value, m.last, true
}

// indexFrom is how many metrics a device has when an index of them pays: up to
// then looking through them is as fast, and a map costs 50 bytes a metric.
const indexFrom = 17

// find returns the state of a metric, nil when the device has none of that name.
func (d *device) find(name string) *metricState {
	if d.index != nil {
		return d.index[name]
	}
	for _, m := range d.metrics {
		if m.name == name {
			return m
		}
	}
	return nil
}

// refresh follows a change of plan.
func (d *device) refresh(e *Engine) {
	if p := e.plans.Plan(d.tenant, d.id); p != d.plan {
		for _, m := range d.metrics {
			e.budget.leave(m)
		}
		d.bind(p)
		e.join(d)
		for _, m := range d.metrics {
			e.budget.enter(m)
		}
	}
	if d.stale {
		d.stale = false
		d.dropEmptyFaults(e)
	}
}

// bind makes the detectors of a plan and keeps those whose rule is the same.
func (d *device) bind(p *Plan) {
	old := d.plan
	d.plan = p
	d.stale = old != nil
	d.rules = bindRules(d.rules, p, func(r *Rule) bool { return r.Matches == nil }, "", MetricPlan{})
	if methodOf(old) != methodOf(p) {
		d.joint, d.jointBad, d.jointHeld, d.jointWaits, d.parts = nil, 0, nil, nil, nil
	}
	if d.joint == nil {
		d.joint = p.joint()
	}
	for _, m := range d.metrics {
		if seriesOf(old) != seriesOf(p) {
			m.bad = 0
		}
		if noveltyOf(old) != noveltyOf(p) {
			m.novel = novel{}
		}
		d.bindMetric(m, seriesOf(old) != seriesOf(p))
	}
}

// bindMetric makes the detectors of one metric.
func (d *device) bindMetric(m *metricState, newBase bool) {
	plan := d.plan.describe(m.name)
	m.part = component(plan.Component)
	m.rules = bindRules(m.rules, d.plan, func(r *Rule) bool { return r.Matches != nil && r.Matches(m.name, plan) }, m.name, plan)
	m.joint = -1
	if newBase || plan.Unwatched || d.plan.Series == nil {
		m.base = nil
	}
	if m.novel.wanted = d.plan.Novelty != nil && !plan.Unwatched && m.novel.bad < novelOff; !m.novel.wanted {
		m.novel.forget()
	}
	if plan.Unwatched || d.plan.Series == nil {
		return
	}
	if m.base == nil && m.bad == 0 {
		m.base = d.plan.Series.New()
	}
	if d.joint != nil {
		m.joint = int32(d.joint.Metric(m.name, m.part))
	}
}

// component names a part, "device" when none is known.
func component(name string) string {
	if name == "" {
		return "device"
	}
	return name
}

// methodKey identifies a method for keeping state.
type methodKey struct {
	name    string
	version int
}

func methodOf(p *Plan) methodKey {
	if p == nil || p.Joint == nil {
		return methodKey{}
	}
	return methodKey{p.Joint.Name(), p.Joint.Version()}
}

func seriesOf(p *Plan) methodKey {
	if p == nil || p.Series == nil {
		return methodKey{}
	}
	return methodKey{p.Series.Name(), p.Series.Version()}
}

func noveltyOf(p *Plan) methodKey {
	if p == nil || p.Novelty == nil {
		return methodKey{}
	}
	return methodKey{p.Novelty.Name(), p.Novelty.Version()}
}

// metric returns the state of a metric, nil when the device has too many.
func (d *device) metric(e *Engine, name string, in *Input) *metricState {
	if d.next < len(d.metrics) {
		if m := d.metrics[d.next]; m.name == name {
			d.next++
			return m
		}
	}
	if m := d.find(name); m != nil {
		d.next = m.at + 1
		return m
	}
	if len(d.metrics) >= e.cfg.MaxMetrics {
		if !d.tooMany {
			d.tooMany = true
			d.noticeTooMany(e, name, in)
		}
		return nil
	}
	m := &metricState{name: name}
	d.add(m)
	d.bindMetric(m, false)
	e.budget.enter(m)
	e.budget.plan()
	d.fit(e, d.metrics[m.at:])
	return m
}

// add takes in a metric that is new.
func (d *device) add(m *metricState) {
	m.at = len(d.metrics)
	d.metrics = append(d.metrics, m)
	switch {
	case d.index != nil:
		d.index[m.name] = m
	case len(d.metrics) == indexFrom:
		d.index = make(map[string]*metricState, indexFrom)
		for _, m := range d.metrics {
			d.index[m.name] = m
		}
	}
}

// observeBase runs the statistical tier on a reading.
func (d *device) observeBase(e *Engine, m *metricState, in *Input) {
	suspect := m.joint >= 0 && d.joint != nil && d.joint.Suspect(int(m.joint))
	expectation, ok := d.observeSeries(e, m, in, !suspect)
	if ok && m.joint >= 0 && d.joint != nil {
		expectation.Novelty = float64(m.novel.level)
		d.observeJoint(e, m, in, expectation)
	}
}

func (d *device) observeSeries(e *Engine, m *metricState, in *Input, learn bool) (expectation Expectation, ok bool) {
	defer func() {
		if cause := recover(); cause != nil {
			m.bad++
			m.base = nil // off, unless it may try again
			if int(m.bad) < e.cfg.Crashes {
				m.base = d.plan.Series.New()
			}
			e.crashed(d, d.plan.Series.Name(), "base:"+m.name, int(m.bad), in, cause)
		}
	}()
	if e.timing {
		return timed(e, d.plan.Series.Name(), func() Expectation { return m.base.Observe(in.Time, in.Value, learn) }), true
	}
	return m.base.Observe(in.Time, in.Value, learn), true
}

func (d *device) observeJoint(e *Engine, m *metricState, in *Input, expectation Expectation) {
	defer d.containJoint(e, in)
	if e.timing {
		defer e.cfg.Meter.observation(d.plan.Joint.Name(), time.Now())
	}
	d.joint.Observe(int(m.joint), in.Time, in.Value, expectation)
}

// decide asks the joint judge for changed verdicts and reports them.
func (d *device) decide(e *Engine, in *Input) {
	if d.joint == nil {
		return
	}
	for _, dec := range d.decisions(e, in) {
		d.report(e, in, d.weighed(e, in, dec))
	}
	d.weigh(e, in)
	if len(d.jointHeld) > 0 {
		d.reportHeld(e, in)
	}
	if len(d.jointWaits) > 0 && d.joint != nil {
		d.decideWaiting(e, in)
	}
}

func (d *device) decisions(e *Engine, in *Input) []Decision {
	defer d.containJoint(e, in)
	if e.timing {
		return timed(e, d.plan.Joint.Name(), func() []Decision { return d.joint.Decide(in.Time) })
	}
	return d.joint.Decide(in.Time)
}

func (d *device) stillDecided(e *Engine, in *Input, component string, since int64) (dec Decision, ok bool) {
	defer d.containJoint(e, in)
	dec, ok = d.joint.Still(component, since)
	return d.weighed(e, in, dec), ok
}

// containJoint keeps a crash of the joint judge to this device.
func (d *device) containJoint(e *Engine, in *Input) {
	cause := recover()
	if cause == nil {
		return
	}
	d.jointBad++
	d.joint = nil
	for _, c := range d.jointHeld {
		d.release(e, in, holder{fault: FaultAbnormal, component: c, detector: d.plan.Joint.Name(), version: d.plan.Joint.Version(), rule: BaseRule, shadow: d.baseOnTrial()})
	}
	d.jointHeld, d.jointWaits, d.parts = nil, nil, nil
	if d.jointBad < e.cfg.Crashes {
		d.joint = d.plan.joint()
		for _, m := range d.metrics {
			if m.joint >= 0 {
				m.joint = int32(d.joint.Metric(m.name, m.part))
			}
		}
		e.join(d)
	}
	e.crashed(d, d.plan.Joint.Name(), BaseRule, d.jointBad, in, cause)
}
