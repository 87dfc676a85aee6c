package detectors

import (
	"cmp"
	"log/slog"
	"slices"

	"github.com/presage-pdm/presage/telemetry"
)

// Engine watches the devices of one lane. It is used by one goroutine at a time. Its state, and the identities of its
// findings, are a function of the plans and of the batches and ticks applied, in their order, alone.
//
// Readings of a metric are taken in rising event time. Within one batch they are put in order first. A reading with the time of
// the newest one of its metric is a duplicate and changes nothing; an older one is late: detectors that can judge
// a reading by itself do, and what they find is withheld as "late"; nothing else changes. Events may come in
// any order; an event that was seen before, by its id, else by time and code, changes nothing.
type Engine struct {
	cfg     Config
	log     *slog.Logger
	plans   Plans
	ticks   uint64
	devices []*device // in the order of their first batch
	index   map[deviceKey]*device
	out     []Finding
	sorted  []telemetry.Sample // scratch
	events  []telemetry.Event  // scratch
	in      Input              // scratch
	latest  func(metric string) (float64, int64, bool)
	at      *device // whose latest values latest tells
}

type deviceKey struct{ tenant, id string }

// NewEngine returns an engine that has seen nothing.
func NewEngine(cfg Config, plans Plans) *Engine {
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	e := &Engine{cfg: cfg, log: log, plans: plans, index: map[deviceKey]*device{}}
	e.latest = func(metric string) (float64, int64, bool) { return e.at.latest(metric) }
	return e
}

// SetPlans replaces the plans. Detectors whose rule did not change keep their state.
func (e *Engine) SetPlans(plans Plans) { e.plans = plans }

// Devices returns how many devices the engine holds state of.
func (e *Engine) Devices() int { return len(e.devices) }

// Apply feeds a batch and returns what was found, valid until the next call of Apply or Tick. Cost is about half a
// microsecond a sample with the default catalogue.
func (e *Engine) Apply(b *telemetry.Batch) []Finding {
	e.out = e.out[:0]
	d := e.device(b.Tenant, b.Device)
	d.refresh(e)

	samples, newest := e.believed(d, b)
	events := e.orderedEvents(b, &newest)
	in := &e.in
	e.at = d
	*in = Input{Arrival: b.Arrival, Tick: e.ticks, Latest: e.latest}
	in.Live = newest != 0 && b.Arrival-newest <= e.cfg.BackfillAfter.Milliseconds() || len(b.States) > 0 && newest == 0

	d.applySamples(e, in, samples)
	for i := range events {
		ev := &events[i]
		if !d.seen.add(ev) {
			in.Kind, in.Time, in.Event = EventInput, ev.Time, ev
			d.applyRules(e, d.rules, in)
		}
	}
	in.Event = nil
	for _, s := range b.States {
		in.Kind, in.Time, in.Online = StateInput, s.Time, s.Online
		d.applyRules(e, d.rules, in)
	}
	if newest != 0 {
		d.newest = max(d.newest, newest)
	}
	in.Kind, in.Time = BatchInput, d.newest
	d.applyRules(e, d.rules, in)
	d.clock.judge(e, d, b, newest)
	return e.out
}

// Tick tells the journal's clock, once a second of arrival time.
func (e *Engine) Tick(arrival int64) []Finding {
	e.out = e.out[:0]
	e.ticks++
	in := &e.in
	*in = Input{Kind: TickInput, Time: arrival, Arrival: arrival, Tick: e.ticks, Live: true, Latest: e.latest}
	for _, d := range e.devices {
		if e.ticks%planCheckTicks == 0 {
			d.refresh(e)
		}
		for _, r := range d.rules {
			if r.ticks {
				e.at = d
				d.applyRule(e, r, in)
			}
		}
	}
	return e.out
}

// planCheckTicks is how often a device that sends nothing looks for a new plan: once a minute.
const planCheckTicks = 60

// believed returns the samples of a batch whose time stamps can be true, in rising time, and the newest of their times, 0 when there is none.
func (e *Engine) believed(d *device, b *telemetry.Batch) (samples []telemetry.Sample, newest int64) {
	latest := b.Arrival + e.cfg.ClockAhead.Milliseconds()
	inOrder, all := true, true
	previous := int64(0)
	for i := range b.Samples {
		t := b.Samples[i].Time
		if t < clockUnset || t > latest {
			all = false
			continue
		}
		inOrder = inOrder && t >= previous
		previous = t
		newest = max(newest, t)
	}
	if all && inOrder {
		return b.Samples, newest
	}
	e.sorted = e.sorted[:0]
	for _, s := range b.Samples {
		if s.Time >= clockUnset && s.Time <= latest {
			e.sorted = append(e.sorted, s)
		}
	}
	slices.SortStableFunc(e.sorted, func(a, b telemetry.Sample) int { return cmp.Compare(a.Time, b.Time) })
	return e.sorted, newest
}

// orderedEvents returns the events of a batch whose times can be true in rising time.
func (e *Engine) orderedEvents(b *telemetry.Batch, newest *int64) []telemetry.Event {
	e.events = e.events[:0]
	for _, ev := range b.Events {
		if ev.Time >= clockUnset && ev.Time <= b.Arrival+e.cfg.ClockAhead.Milliseconds() {
			e.events = append(e.events, ev)
			*newest = max(*newest, ev.Time)
		}
	}
	slices.SortStableFunc(e.events, func(a, b telemetry.Event) int { return cmp.Compare(a.Time, b.Time) })
	return e.events
}

// device returns the state of a device, new when this is its first batch.
func (e *Engine) device(tenant, id string) *device {
	key := deviceKey{tenant, id}
	d, ok := e.index[key]
	if !ok {
		d = &device{tenant: tenant, id: id}
		e.index[key] = d
		e.devices = append(e.devices, d)
	}
	return d
}
