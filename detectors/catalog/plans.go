package catalog

import (
	"sync/atomic"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
)

// Lookup tells the model and the kind of a device, both empty when it has none. It answers from memory and is safe for concurrent use.
type Lookup func(tenant, device string) (model, kind string)

// Plans answers engines from the catalogue of the moment. It implements [detectors.Plans] and is safe for concurrent use.
type Plans struct {
	lookup  Lookup
	current atomic.Pointer[Catalogue]
}

// NewPlans returns plans from a catalogue for the devices that lookup knows.
func NewPlans(c *Catalogue, lookup Lookup) *Plans {
	p := &Plans{lookup: lookup}
	p.current.Store(c)
	return p
}

// Swap puts another catalogue in place. Engines follow with the next batch of each device, or within a minute, and detectors
// whose rule is unchanged keep their state.
func (p *Plans) Swap(c *Catalogue) { p.current.Store(c) }

// Catalogue returns the catalogue of the moment.
func (p *Plans) Catalogue() *Catalogue { return p.current.Load() }

// Plan implements [detectors.Plans].
func (p *Plans) Plan(tenant, device string) *detectors.Plan {
	model, kind := p.lookup(tenant, device)
	return p.current.Load().Plan(model, kind)
}

// Fault returns the description of a fault code in the catalogue of the moment.
func (p *Plans) Fault(code string) (detectors.FaultCode, bool) { return p.current.Load().Fault(code) }

// Metric returns what is known of a metric of a device.
func (p *Plans) Metric(tenant, device, metric string) telemetry.Metric {
	model, kind := p.lookup(tenant, device)
	return p.current.Load().Metric(model, kind, metric)
}
