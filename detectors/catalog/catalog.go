package catalog

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/novelty"
	"github.com/presage-pdm/presage/detectors/seasonal"
	"github.com/presage-pdm/presage/detectors/shift"
	"github.com/presage-pdm/presage/telemetry"
)

//go:embed default.yaml
var defaultYAML []byte

// Catalogue is the layers, compiled. It is immutable and safe for concurrent use.
type Catalogue struct {
	layers   []*Layer
	rules    map[*Rule]*detectors.Rule
	faults   map[string]detectors.FaultCode
	baseline detectors.SeriesMethod
	joint    detectors.JointMethod
	novelty  detectors.NoveltyMethod

	mu    sync.Mutex
	plans map[modelKind]*detectors.Plan
}

type modelKind struct{ model, kind string }

// New compiles layers that [Parse] returned, on top of the built-in default. It fails with every mistake it finds.
func New(layers ...*Layer) (*Catalogue, error) {
	base, err := Parse("default.yaml", defaultYAML)
	if err != nil {
		return nil, fmt.Errorf("built-in catalogue: %w", err)
	}
	c := &Catalogue{
		layers: append([]*Layer{base}, layers...), rules: map[*Rule]*detectors.Rule{}, faults: map[string]detectors.FaultCode{},
		baseline: seasonal.New(), joint: shift.New(shift.DefaultConfig()), novelty: novelty.New(), plans: map[modelKind]*detectors.Plan{},
	}
	for _, l := range c.layers {
		for _, f := range l.Faults {
			c.faults[f.Code] = detectors.FaultCode{Code: f.Code, Component: f.Component, Severity: f.Severity, Title: f.Title, Parts: f.Parts, Inhibits: f.Inhibits}
		}
	}
	var errs []error
	for _, l := range c.layers {
		for i := range l.Models {
			for j := range l.Models[i].Rules {
				r := &l.Models[i].Rules[j]
				if r.Disabled {
					continue
				}
				compiled, err := r.compile(l.Name, c.faults)
				errs = append(errs, err)
				c.rules[r] = compiled
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

// Load reads catalogue files and compiles them on top of the built-in default.
func Load(files ...string) (*Catalogue, error) {
	var layers []*Layer
	var errs []error
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("catalogue: %w", err))
			continue
		}
		l, err := Parse(name, data)
		errs = append(errs, err)
		layers = append(layers, l)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return New(layers...)
}

// Fault returns the description of a fault code.
func (c *Catalogue) Fault(code string) (detectors.FaultCode, bool) {
	f, ok := c.faults[code]
	return f, ok
}

// Knows tells whether a rule of any model has an id.
func (c *Catalogue) Knows(rule string) bool {
	for r := range c.rules {
		if r.ID == rule {
			return true
		}
	}
	return false
}

// Metric returns what is known of a metric of a model; only its name when nothing is.
func (c *Catalogue) Metric(model, kind, metric string) telemetry.Metric {
	return c.Plan(model, kind).Describe(metric).Metric
}

// maxPlans bounds the plans that are kept; models come from an operator's registry, so there are few.
const maxPlans = 100000

// Plan returns how devices of a model are watched: the same pointer for the same model and kind.
func (c *Catalogue) Plan(model, kind string) *detectors.Plan {
	key := modelKind{model, kind}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, ok := c.plans[key]; ok {
		return p
	}
	p := c.build(model, kind)
	if len(c.plans) < maxPlans {
		c.plans[key] = p
	}
	return p
}

func (c *Catalogue) build(model, kind string) *detectors.Plan {
	p := &detectors.Plan{Series: c.baseline, Joint: c.joint, Novelty: c.novelty, Faults: c.faults, Cohort: kind + "\x00" + model}
	var metrics []Metric // least binding first
	at := map[string]int{}
	for _, l := range c.layers {
		for i := range l.Models {
			s := &l.Models[i]
			if !s.Match.covers(model, kind) {
				continue
			}
			metrics = append(metrics, s.Metrics...)
			for j := range s.Rules {
				r := &s.Rules[j]
				compiled := c.rules[r] // nil when disabled
				if k, ok := at[r.ID]; ok {
					p.Rules[k] = compiled
				} else {
					at[r.ID] = len(p.Rules)
					p.Rules = append(p.Rules, compiled)
				}
			}
		}
	}
	kept := p.Rules[:0]
	for _, r := range p.Rules {
		if r != nil {
			kept = append(kept, r)
		}
	}
	p.Rules = kept
	p.Describe = func(name string) detectors.MetricPlan { return describe(metrics, name) }
	return p
}

// describe lays the matching descriptions over each other, later ones on top.
func describe(metrics []Metric, name string) detectors.MetricPlan {
	plan := detectors.MetricPlan{Metric: telemetry.Metric{Name: name}}
	for _, m := range metrics {
		if !globs(m.Name, name) {
			continue
		}
		if m.Unit != "" {
			plan.Unit = m.Unit
		}
		if m.Component != "" {
			plan.Component = m.Component
		}
		if m.Min != nil {
			plan.Min = m.Min
		}
		if m.Max != nil {
			plan.Max = m.Max
		}
		if m.Watch != "" {
			plan.Unwatched = m.Watch == "rules"
		}
	}
	return plan
}
