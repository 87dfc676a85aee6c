package detectors

import (
	"github.com/presage-pdm/presage/telemetry"
)

// Plans tells an engine which detectors watch a device. It is implemented by
// detectors/catalog and answers from memory.
type Plans interface {
	// Plan returns how a device is watched. Plans that are equal have the same
	// pointer, so that an engine notices a change of catalogue by comparing
	// pointers. It never returns nil.
	Plan(tenant, device string) *Plan
}

// Plan is how one device is watched. It is immutable once an engine has seen it.
type Plan struct {
	// Rules are the readable rules, in the order of the catalogue. Their IDs are unique.
	Rules []*Rule
	// Series makes the base tier of one metric; nil turns it off for the device.
	Series SeriesMethod
	// Novelty makes the judges of the novelty of metrics, as far as the memory lasts; nil turns it off.
	Novelty NoveltyMethod
	// Joint makes the judge of all metrics of a component together; nil turns it off.
	Joint JointMethod
	// Level multiplies the level from which the statistical tier takes a component for faulty; 0 means 1.
	Level float64
	// BaseRollout says on which devices the statistical tier, Series and Joint, opens tickets.
	BaseRollout Rollout
	// Cohort names the devices of a tenant that are alike, so that they learn from each other: those with the same name.
	Cohort string
	// Describe tells what is known of a metric by name. It must be pure. Nil means that nothing is known.
	Describe func(metric string) MetricPlan
	// Faults are the fault codes by code.
	Faults map[string]FaultCode
}

// MetricPlan is what the catalogue knows of one metric.
type MetricPlan struct {
	telemetry.Metric
	// Unwatched keeps the statistical tier off this metric; rules still see it.
	Unwatched bool
}

// Rule is one entry of the catalogue, compiled.
type Rule struct {
	// ID names the entry; findings carry it.
	ID string
	// Fault is the code of what the rule finds; Component and Severity are those of the
	// finding. An empty Component means that of the metric, else "device".
	Fault     string
	Component string
	Severity  telemetry.Severity
	// Rollout says on which devices the rule opens tickets.
	Rollout Rollout
	// Matches selects the metrics that each get a detector of their own. Nil means that
	// the device has one detector, which sees events, ticks and moments, and reads what it needs of them by [Input].Latest.
	Matches func(metric string, plan MetricPlan) bool
	// About is the metric that a rule of the whole device is about; its component is that of the rule where no other is set.
	About string
	// Method makes the detectors.
	Method Method
	// Fingerprint is a hash of everything that shapes the state of the detectors: a detector keeps
	// its state over a change of plan when ID and Fingerprint are the same.
	Fingerprint uint64
}

// Fault returns the description of a fault code, a bare one when the plan has none.
func (p *Plan) Fault(code string) FaultCode {
	if f, ok := p.Faults[code]; ok {
		return f
	}
	return FaultCode{Code: code, Severity: telemetry.Warning, Title: map[string]string{"en": code}}
}

// joint makes the judge of all metrics of a device; nil when the plan has none.
func (p *Plan) joint() Joint {
	if p.Joint == nil {
		return nil
	}
	return p.Joint.New()
}

func (p *Plan) describe(metric string) MetricPlan {
	if p.Describe == nil {
		return MetricPlan{Metric: telemetry.Metric{Name: metric}}
	}
	return p.Describe(metric)
}

// level returns what multiplies the level of the statistical tier.
func (p *Plan) level() float64 {
	if p.Level <= 0 {
		return 1
	}
	return p.Level
}
