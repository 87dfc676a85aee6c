package detectors

import "errors"

// Sharing is implemented by methods whose detectors learn from all devices of a cohort together: those of one tenant that
// the plans give the same [Plan].Cohort, as far as one lane sees them.
type Sharing interface {
	Method
	// NewShared returns what nobody has taught yet.
	NewShared() Shared
}

// Shared is what the devices of a cohort have taught about one rule. It is a function of what was taught, in its order, alone.
type Shared interface {
	AppendState(dst []byte) []byte
	// RestoreState replaces the state by one that AppendState of the same method and version wrote, and fails on anything else without crashing.
	RestoreState(src []byte) error
}

// Member is implemented by the detectors of [Sharing] methods.
type Member interface {
	Detector
	// Join gives the detector what its cohort shares, before its first input, and again whenever the cohort is another. Until then it judges nothing.
	Join(s Shared)
}

// SharingJoint is implemented by joint methods whose judges learn from all devices of a cohort together.
type SharingJoint interface {
	JointMethod
	NewShared() Shared
}

// JointMember is implemented by the judges of [SharingJoint] methods.
type JointMember interface {
	Joint
	// Join gives the judge what its cohort shares, and again whenever the cohort is another; sound tells that the device has no fault just now, so that
	// others may learn from it. s is nil when the device belongs to no cohort any more.
	Join(s Shared, sound func() bool)
}

// cohortKey identifies what a cohort shares about a rule.
type cohortKey struct {
	tenant, cohort, rule string
	fingerprint          uint64
	version              int
}

// mostCohorts bounds what is shared in one lane; detectors of what comes later judge nothing.
const mostCohorts = 10_000

// cohorts is what the devices of a lane share. The zero value is empty.
type cohorts struct {
	live   map[cohortKey]Shared
	stored map[cohortKey][]byte // of a checkpoint, for which no device has asked yet
}

// of returns what the cohort of a device shares about a rule; nil when there are too many cohorts. It fails when what a checkpoint
// holds cannot be read: the cohort begins afresh.
func (c *cohorts) of(key cohortKey, m interface{ NewShared() Shared }) (s Shared, err error) {
	if s, ok := c.live[key]; ok {
		return s, nil
	}
	state, ok := c.stored[key]
	if !ok && len(c.live)+len(c.stored) >= mostCohorts {
		return nil, nil
	}
	s = m.NewShared()
	if ok {
		delete(c.stored, key)
		if err = s.RestoreState(state); err != nil {
			s = m.NewShared()
		}
	}
	if c.live == nil {
		c.live = map[cohortKey]Shared{}
	}
	c.live[key] = s
	return s, err
}

// join gives the detectors of a device what its cohort shares. A cohort that cannot be read begins afresh.
func (e *Engine) join(d *device) {
	if err := d.join(&e.cohorts); err != nil {
		e.log.Error("state of a cohort was lost", "device", d.id, "err", err)
	}
}

func (d *device) join(c *cohorts) (err error) {
	for _, i := range d.rules {
		err = errors.Join(err, d.joinRule(c, i))
	}
	return errors.Join(err, d.joinJoint(c))
}

// joinJoint gives the joint judge what its cohort shares. A device of which neither model nor kind is known is like no other.
func (d *device) joinJoint(c *cohorts) error {
	member, ok := d.joint.(JointMember)
	if !ok {
		return nil
	}
	if cohortName(d.plan.Cohort) == "" {
		member.Join(nil, nil)
		return nil
	}
	m := d.plan.Joint
	s, err := c.of(cohortKey{tenant: d.tenant, cohort: d.plan.Cohort, rule: BaseRule, version: m.Version()}, m.(SharingJoint))
	member.Join(s, d.sound)
	return err
}

func (d *device) joinRule(c *cohorts, i *instance) error {
	member, ok := i.det.(Member)
	if !ok {
		return nil
	}
	m := i.rule.Method
	s, err := c.of(cohortKey{d.tenant, d.plan.Cohort, i.rule.ID, i.rule.Fingerprint, m.Version()}, m.(Sharing))
	if s != nil {
		member.Join(s)
	}
	return err
}

// sound tells that a device has no fault just now, so that others may learn from it. Faults of rules on trial count: nobody has found them wrong.
func (d *device) sound() bool { return len(d.faults) == 0 }
