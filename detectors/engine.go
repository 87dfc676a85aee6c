package detectors

import (
	"cmp"
	"log/slog"
	"slices"

	"github.com/presage-pdm/presage/detectors/decision"
	"github.com/presage-pdm/presage/telemetry"
)

// Engine watches the devices of one lane. It is used by one goroutine at a time. Its state, and the identities of its
// findings, are a function of the plans and of the batches and ticks applied, in their order, alone.
//
// Readings of a metric are taken in rising event time. Within one batch they are put in order first; across batches they are, for
// devices that gave reason to (see [order]), as far as [Config].Reorder reaches. A reading with the time of
// the newest one of its metric is a duplicate and changes nothing: the first value stays. An older one is late: detectors that can judge
// a reading by itself do, and what they find is withheld as "late"; nothing else changes. Events may come in
// any order; an event that was seen before, by its id, else by time and code, changes nothing, nor does a state.
type Engine struct {
	cfg     Config
	log     *slog.Logger
	plans   Plans
	counts  *Counts
	ticks   uint64
	arrival int64  // newest that was told
	running int64  // running time of the lane in ms: arrival time without the gaps in it
	held    int    // readings and events that wait in all rooms
	budget  budget // memory for the novelty of metrics
	tail    decision.Tail
	devices []*device // in the order of their first batch
	index   map[deviceKey]*device
	out     []Finding
	sorted  []telemetry.Sample // scratch
	events  []telemetry.Event  // scratch
	fresh   []held             // scratch
	in      Input              // scratch
	due     Input              // scratch, for what has waited
	latest  func(metric string) (float64, int64, bool)
	sound   func() bool
	at      *device // that latest and sound tell of
	cohorts cohorts
	shifts  []fleetShift // that hold, in the order they began
	timing  bool         // the batch under way is timed, see Meter
}

type deviceKey struct{ tenant, id string }

// NewEngine returns an engine that has seen nothing.
func NewEngine(cfg Config, plans Plans) *Engine {
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	counts := cfg.Counts
	if counts == nil {
		counts = new(Counts)
	}
	e := &Engine{cfg: cfg, log: log, plans: plans, counts: counts, index: map[deviceKey]*device{}, budget: budget{limit: cfg.NoveltyMemory}}
	e.latest = func(metric string) (float64, int64, bool) { return e.at.latest(metric) }
	e.sound = func() bool { return e.at.sound() }
	return e
}

// SetPlans replaces the plans. Detectors whose rule did not change keep their state.
func (e *Engine) SetPlans(plans Plans) { e.plans = plans }

// Devices returns how many devices the engine holds state of.
func (e *Engine) Devices() int { return len(e.devices) }

// Apply feeds a batch and returns what was found, valid until the next call of Apply or Tick. Cost is about half a
// microsecond a sample with the default catalogue.
func (e *Engine) Apply(b *telemetry.Batch) []Finding {
	if e.cfg.Meter.due() {
		return e.applyTimed(b)
	}
	return e.apply(b)
}

func (e *Engine) apply(b *telemetry.Batch) []Finding {
	e.out = e.out[:0]
	e.run(b.Arrival)
	d := e.device(b.Tenant, b.Device)
	d.refresh(e)

	samples, newest := e.believed(d, b)
	events := e.newEvents(d, b, &newest)
	in := &e.in
	e.at = d
	*in = Input{Arrival: b.Arrival, Tick: e.ticks, Latest: e.latest, Sound: e.sound}
	in.Live = newest != 0 && b.Arrival-newest <= e.cfg.BackfillAfter.Milliseconds() || len(b.States) > 0 && newest == 0
	d.hear(e, in, b, oldest(samples, events, newest), newest)

	if len(samples) > 0 {
		if d.order.repeats(samples, e.running) {
			samples = nil
		} else if d.order.skips(samples, e.cfg.Reorder.Milliseconds()) {
			d.suspect(e)
		}
	}
	if d.room != nil {
		d.wait(e, in, samples, events)
	} else {
		d.judge(e, in, samples, events)
	}
	d.clock.judge(e, d, b, newest)
	return e.out
}

// oldest returns the oldest time of samples and events, which are in rising time, or else another.
func oldest(samples []telemetry.Sample, events []telemetry.Event, other int64) int64 {
	switch {
	case len(samples) > 0 && len(events) > 0:
		return min(samples[0].Time, events[0].Time)
	case len(samples) > 0:
		return samples[0].Time
	case len(events) > 0:
		return events[0].Time
	}
	return other
}

// longestGap is how much of the time between two entries of the journal counts as running time, in ms. Ticks come each second; what
// is longer is time in which nothing could come in.
const longestGap = 10_000

// run moves the running time of the lane on.
func (e *Engine) run(arrival int64) {
	if e.arrival == 0 {
		e.arrival = arrival
	}
	if arrival > e.arrival {
		e.running += min(arrival-e.arrival, longestGap)
		e.arrival = arrival
	}
}

// Tick tells the journal's clock, once a second of arrival time.
func (e *Engine) Tick(arrival int64) []Finding { return e.Elapse(arrival, 1) }

// Elapse is as many ticks at once as seconds have passed. What depends on them is judged once, at their end: what would have
// been found within them is found then. It is for replays of history, where most seconds are empty.
func (e *Engine) Elapse(arrival int64, seconds uint64) []Finding {
	e.out = e.out[:0]
	e.run(arrival)
	e.ticks += seconds
	in := &e.in
	*in = Input{Kind: TickInput, Time: arrival, Arrival: arrival, Tick: e.ticks, Live: true, Latest: e.latest, Sound: e.sound}
	series := 0
	e.budget.plan()
	for i, d := range e.devices {
		series += len(d.metrics)
		e.at = d
		if (e.ticks+uint64(i))%planCheckTicks == 0 {
			d.fit(e, d.metrics)
		}
		if e.ticks%planCheckTicks == 0 {
			d.refresh(e)
		}
		if d.room != nil {
			d.letOut(e)
		}
		for _, r := range d.rules {
			if r.ticks {
				d.applyRule(e, r, in)
			}
		}
	}
	e.checkShifts(in)
	e.cfg.Meter.watched(len(e.devices), series, &e.budget)
	return e.out
}

// planCheckTicks is how often a device that sends nothing looks for a new plan, and how often the memory of its metrics is fitted to what they
// are worth: once a minute. Devices are fitted in turn, so that no tick takes long.
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

// newEvents returns the events of a batch whose times can be true and that were not seen before, in rising time.
func (e *Engine) newEvents(d *device, b *telemetry.Batch, newest *int64) []telemetry.Event {
	e.events = e.events[:0]
	for i := range b.Events {
		ev := &b.Events[i]
		if ev.Time >= clockUnset && ev.Time <= b.Arrival+e.cfg.ClockAhead.Milliseconds() {
			*newest = max(*newest, ev.Time)
			if !d.seen.add(eventKey(ev)) {
				e.events = append(e.events, *ev)
			}
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
