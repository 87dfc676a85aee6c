package catalog

import (
	"sync"

	"github.com/presage-pdm/presage/detectors"
)

// Scope is the devices of one model of a tenant; those without a model when Model is empty.
type Scope struct{ Tenant, Model string }

// Rollouts are the stages and levels that differ from the catalogue's, by rule. The rule [detectors.BaseRule] stands for the statistical tier.
type Rollouts map[Scope]map[string]Change

// Change is what differs for one rule.
type Change struct {
	// Rollout replaces that of the catalogue unless its Stage is empty.
	detectors.Rollout
	// Level is [detectors.Plan.Level]; only the statistical tier has one. 0 stands for 1.
	Level float64
}

// view is a catalogue and what differs from its stages. It is immutable but for the plans that it remembers.
type view struct {
	catalogue *Catalogue
	rollouts  Rollouts

	mu    sync.Mutex
	plans map[scopedKind]*detectors.Plan // of the scopes with rollouts only: operators change few models
}

type scopedKind struct {
	Scope
	kind string
}

func newView(c *Catalogue, r Rollouts) *view {
	return &view{catalogue: c, rollouts: r, plans: map[scopedKind]*detectors.Plan{}}
}

// plan returns the same pointer for the same devices as long as the view lives; where nothing differs, as long as the catalogue does.
func (v *view) plan(tenant, model, kind string) *detectors.Plan {
	plan := v.catalogue.Plan(model, kind)
	scope := Scope{tenant, model}
	rollouts := v.rollouts[scope]
	if len(rollouts) == 0 {
		return plan
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	key := scopedKind{scope, kind}
	if p, ok := v.plans[key]; ok {
		return p
	}
	p := changed(plan, rollouts)
	v.plans[key] = p
	return p
}

// changed returns a plan with other stages and levels.
func changed(plan *detectors.Plan, rollouts map[string]Change) *detectors.Plan {
	p := *plan
	p.Rules = make([]*detectors.Rule, len(plan.Rules))
	for i, r := range plan.Rules {
		if o := rollouts[r.ID]; o.Stage != "" {
			rule := *r
			rule.Rollout = o.Rollout
			r = &rule
		}
		p.Rules[i] = r
	}
	base := rollouts[detectors.BaseRule]
	if p.Level = base.Level; base.Stage != "" {
		p.BaseRollout = base.Rollout
	}
	return &p
}
