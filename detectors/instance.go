package detectors

// instance is one detector of one rule on a device or one of its metrics.
type instance struct {
	rule   *Rule
	metric string // empty for the whole device
	det    Detector
	bad    int32 // crashes
	ticks  bool
	active bool // its condition holds and was reported
	off    bool // crashed too often
}

// Ticking is implemented by methods whose detectors live in the time of the journal: they get [TickInput] and [BatchInput].
type Ticking interface{ Ticks() }

// Described is implemented by detectors that use the description of their metric, which may change while they keep their state.
type Described interface{ Describe(plan MetricPlan) }

func newInstance(r *Rule, metric string, plan MetricPlan) *instance {
	_, ticks := r.Method.(Ticking)
	return &instance{rule: r, metric: metric, det: r.Method.New(metric, plan), ticks: ticks}
}

// bindRules returns the instances of the rules of a plan that want says, taking those of old that are unchanged.
func bindRules(old []*instance, p *Plan, want func(*Rule) bool, metric string, plan MetricPlan) []*instance {
	var bound []*instance
	for _, r := range p.Rules {
		if !want(r) {
			continue
		}
		var found *instance
		for _, i := range old {
			if i.rule.ID == r.ID && i.rule.Fingerprint == r.Fingerprint && i.rule.Method.Version() == r.Method.Version() {
				found, i.rule = i, r
				if det, ok := i.det.(Described); ok {
					det.Describe(plan)
				}
			}
		}
		if found == nil {
			found = newInstance(r, metric, plan)
		}
		bound = append(bound, found)
	}
	return bound
}

func (d *device) applyRules(e *Engine, rules []*instance, in *Input) {
	for _, i := range rules {
		d.applyRule(e, i, in)
	}
}

// applyRule feeds one detector and reports what changed.
func (d *device) applyRule(e *Engine, i *instance, in *Input) {
	if i.off {
		return
	}
	verdict, ok := d.observe(e, i, in)
	if !ok {
		return
	}
	switch {
	case verdict != Healthy && !i.active:
		if evidence, ok := d.explain(e, i, in); ok {
			i.active = true
			d.hold(e, in, i.holder(d), evidence)
		}
	case verdict == Healthy && i.active:
		i.active = false
		d.release(e, in, i.holder(d))
	case i.active:
		d.still(e, in, i, verdict)
	}
}

func (d *device) observe(e *Engine, i *instance, in *Input) (v Verdict, ok bool) {
	defer d.contain(e, i, in)
	if e.timing {
		return timed(e, i.rule.Method.Name(), func() Verdict { return i.det.Observe(in) }), true
	}
	return i.det.Observe(in), true
}

func (d *device) explain(e *Engine, i *instance, in *Input) (evidence Evidence, ok bool) {
	defer d.contain(e, i, in)
	return i.det.Explain(), true
}

func (d *device) late(e *Engine, i *instance, in *Input) (evidence Evidence, faulty bool) {
	defer d.contain(e, i, in)
	if l, can := i.det.(Late); can && !i.off {
		return l.JudgeLate(in)
	}
	return Evidence{}, false
}

// contain, deferred around a detector, keeps its crash to this device: the detector starts
// afresh, and after too many crashes it is off.
func (d *device) contain(e *Engine, i *instance, in *Input) {
	cause := recover()
	if cause == nil {
		return
	}
	i.bad++
	if i.active {
		i.active = false
		d.release(e, in, i.holder(d))
	}
	i.off = int(i.bad) >= e.cfg.Crashes
	i.det = i.rule.Method.New(i.metric, d.plan.describe(i.metric))
	e.join(d)
	e.crashed(d, i.rule.Method.Name(), i.rule.ID, int(i.bad), in, cause)
}

// judgeLate shows a late reading to the detectors that can judge it by itself.
func (d *device) judgeLate(e *Engine, m *metricState, in *Input) {
	for _, i := range m.rules {
		if evidence, faulty := d.late(e, i, in); faulty {
			f := d.finding(in, i.holder(d), Raised, evidence)
			f.Withheld = WithheldLate
			e.out = append(e.out, f)
		}
	}
}

// holder tells what an instance stands for.
func (i *instance) holder(d *device) holder {
	r := i.rule
	c := r.Component
	metric := i.metric
	if metric == "" {
		metric = r.About
	}
	if c == "" && metric != "" {
		if m := d.find(metric); m != nil {
			c = m.part
		}
	}
	return holder{
		fault: r.Fault, component: component(c), severity: r.Severity, detector: r.Method.Name(), version: r.Method.Version(),
		rule: r.ID, metric: metric, shadow: r.Rollout.OnTrial(d.tenant, d.id, r.ID), score: 1,
	}
}
