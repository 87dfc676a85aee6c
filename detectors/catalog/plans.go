package catalog

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
)

// Lookup tells the model and the kind of a device, both empty when it has none. It answers from memory and is safe for concurrent use.
type Lookup func(tenant, device string) (model, kind string)

// Plans answers engines from the catalogue of the moment. It implements [detectors.Plans] and is safe for concurrent use.
type Plans struct {
	lookup  Lookup
	mu      sync.Mutex // of changes
	current atomic.Pointer[view]
}

// NewPlans returns plans from a catalogue for the devices that lookup knows.
func NewPlans(c *Catalogue, lookup Lookup) *Plans {
	p := &Plans{lookup: lookup}
	p.current.Store(newView(c, nil))
	return p
}

// Swap puts another catalogue in place. Engines follow with the next batch of each device, or within a minute, and detectors
// whose rule is unchanged keep their state.
func (p *Plans) Swap(c *Catalogue) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current.Store(newView(c, p.current.Load().rollouts))
}

// SetRollouts replaces what differs from the stages and levels of the catalogue, over every catalogue that is put in place later too.
// Detectors keep their state. The caller does not change r afterwards.
func (p *Plans) SetRollouts(r Rollouts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.current.Load()
	if maps.EqualFunc(now.rollouts, r, maps.Equal[map[string]Change]) {
		return // plans stay the same, or every device would bind its detectors anew
	}
	p.current.Store(newView(now.catalogue, r))
}

// Catalogue returns the catalogue of the moment.
func (p *Plans) Catalogue() *Catalogue { return p.current.Load().catalogue }

// Plan implements [detectors.Plans].
func (p *Plans) Plan(tenant, device string) *detectors.Plan {
	model, kind := p.lookup(tenant, device)
	return p.current.Load().plan(tenant, model, kind)
}

// Fault returns the description of a fault code in the catalogue of the moment.
func (p *Plans) Fault(code string) (detectors.FaultCode, bool) { return p.Catalogue().Fault(code) }

// Metric returns what is known of a metric of a device.
func (p *Plans) Metric(tenant, device, metric string) telemetry.Metric {
	model, kind := p.lookup(tenant, device)
	return p.Catalogue().Metric(model, kind, metric)
}
