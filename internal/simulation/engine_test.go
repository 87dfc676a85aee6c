package simulation

import (
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/catalog"
	"github.com/presage-pdm/presage/telemetry"
)

// desk is the real engine with the real catalogue, and the tickets that its findings would open.
type desk struct {
	t       testing.TB
	engine  *detectors.Engine
	tickets []Ticket
	why     map[string]detectors.Finding // by ticket
	open    map[[3]string]bool
	ticked  time.Time
}

func newDesk(t testing.TB, f *Fleet) *desk {
	t.Helper()
	layer, err := catalog.Parse("simulation", Catalog())
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.New(layer)
	if err != nil {
		t.Fatal(err)
	}
	plans := catalog.NewPlans(c, func(_, device string) (model, kind string) {
		d := f.byID[device]
		return d.model.id, d.model.kind
	})
	return &desk{t: t, engine: detectors.NewEngine(detectors.DefaultConfig(), plans), why: map[string]detectors.Finding{}, open: map[[3]string]bool{}}
}

// apply feeds a batch as the publisher sends it: events in a message of their own, first.
func (d *desk) apply(b telemetry.Batch) {
	if len(b.Events) > 0 {
		d.take(d.engine.Apply(&telemetry.Batch{Tenant: b.Tenant, Device: b.Device, Arrival: b.Arrival, Events: b.Events}))
	}
	b.Events = nil
	d.take(d.engine.Apply(&b))
}

func (d *desk) tick(now time.Time) {
	for ; d.ticked.Before(now); d.ticked = d.ticked.Add(time.Second) {
		d.take(d.engine.Tick(d.ticked.UnixMilli()))
	}
}

func (d *desk) take(findings []detectors.Finding) {
	for _, f := range findings {
		key := [3]string{f.Device, f.Component, f.FaultCode}
		switch {
		case f.Phase == detectors.Cleared:
			delete(d.open, key)
		case f.Withheld == "" && !d.open[key]:
			d.open[key] = true
			id := fmt.Sprintf("T-%06d", len(d.tickets)+1)
			d.why[id] = f
			d.tickets = append(d.tickets, Ticket{ID: id, Number: id, Device: f.Device, Component: f.Component, FaultCode: f.FaultCode, OpenedAt: time.UnixMilli(f.Time)})
		}
	}
}

// runFast lets the fleet live for a time, as the publisher does, without waiting.
func runFast(f *Fleet, from time.Time, length time.Duration, see func(now time.Time, b telemetry.Batch)) {
	f.StartLive(from)
	n := f.Devices()
	every := f.cfg.Interval / time.Duration(n)
	for k := 0; time.Duration(k)*every < length; k++ {
		now := from.Add(time.Duration(k) * every)
		f.Advance(now)
		see(now, f.Read(k%n, now))
	}
}

func (d *desk) report(faults []Fault) Score {
	d.t.Helper()
	s := Judge(faults, d.tickets)
	median := "none"
	if s.MedianLeadS != nil {
		median = fmt.Sprintf("%.0f s", *s.MedianLeadS)
	}
	d.t.Logf("%d faults, %d ticketed, median lead %s, %d tickets, %d false", s.Injected, s.Ticketed, median, len(d.tickets), s.FalseTickets)
	for _, f := range s.Faults {
		if f.LeadS != nil {
			d.t.Logf("  %-18s on %-8s ticket after %5.0f s, %5.0f s before the call: %s", f.Kind, f.Device, f.TicketedAt.Sub(f.InjectedAt).Seconds(), *f.LeadS, d.why[f.Ticket].FaultCode)
		} else {
			d.t.Logf("  %-18s on %-8s missed", f.Kind, f.Device)
		}
	}
	return s
}

// second counts the tickets that a fault explains and that are not its first: what one visit would have told.
func (d *desk) second(s Score) (n int) {
	d.t.Helper()
	first := map[string]bool{}
	for _, f := range s.Faults {
		first[f.Ticket] = true
	}
	for _, t := range d.tickets {
		if first[t.ID] {
			continue
		}
		for _, f := range s.Faults {
			if f.Device == t.Device && f.explains(t) {
				n++
				w := d.why[t.ID]
				d.t.Logf("  second ticket on %s: %s of %s (%s), %.0f s after the start of %s, %.0f s after its repair",
					t.Device, t.FaultCode, t.Component, w.Reason.Params["metric"], t.OpenedAt.Sub(f.InjectedAt).Seconds(), f.Kind, t.OpenedAt.Sub(f.RepairedAt).Seconds())
				break
			}
		}
	}
	return n
}

// unexplained describes the tickets that no fault explains, those of one cause together.
func (d *desk) unexplained(faults []Fault) string {
	causes := map[string]int{}
	for _, t := range d.tickets {
		explained := false
		for _, f := range faults {
			explained = explained || f.Device == t.Device && f.explains(t)
		}
		if !explained {
			w := d.why[t.ID]
			causes[fmt.Sprintf("%s on %s of %s: %s %s", t.FaultCode, t.Component, t.Device[:2], w.Reason.Key, w.Reason.Params["metric"])]++
		}
	}
	lines := make([]string, 0, len(causes))
	for cause, n := range causes {
		lines = append(lines, fmt.Sprintf("%4d %s", n, cause))
	}
	sort.Sort(sort.Reverse(sort.StringSlice(lines)))
	return strings.Join(lines, "\n")
}

// The real engine finds every declared fault, of the history and live, before
// the customer would call, the first live one within a minute.
func TestEngineFindsDeclaredFaults(t *testing.T) {
	f := newFleet(t, func(c *Config) { c.Vehicles, c.TVs, c.Machines, c.PastFaults = 32, 16, 16, 11 })
	d := newDesk(t, f)
	now := midnight.Add(9 * time.Hour)
	for b := range f.History(now.Add(-fortnight), now, step, chunk) {
		d.apply(b)
	}
	past := f.Faults()
	s := d.report(past)
	if s.Ticketed != s.Injected {
		t.Errorf("history: %d of %d faults were found", s.Ticketed, s.Injected)
	}
	for _, fault := range s.Faults {
		if !fault.Caught {
			t.Errorf("history: %s on %s was not found before the call", fault.Kind, fault.Device)
		}
	}
	t.Logf("history: %d second tickets of %d faults", d.second(s), s.Injected)
	history := len(d.tickets)
	falseOfHistory := s.FalseTickets
	if falseOfHistory > 0 {
		t.Logf("false tickets of the history:\n%s", d.unexplained(past))
	}
	for i := range d.tickets {
		if !d.why[d.tickets[i].ID].Backfill {
			t.Errorf("ticket %+v of the history pages somebody", d.tickets[i])
		}
	}

	d.ticked = now
	start := now.Add(30 * time.Second) // publishing the history took half a minute
	const length = 20 * time.Minute
	runFast(f, start, length, func(at time.Time, b telemetry.Batch) {
		d.tick(at)
		d.apply(b)
	})
	var live []Fault
	for _, fault := range f.Faults() {
		if !fault.Past && fault.ExpectedCallAt.Before(start.Add(length)) {
			live = append(live, fault)
		}
	}
	d.tickets = d.tickets[history:]
	s = d.report(live)
	second := d.second(s)
	t.Logf("live: %d second tickets of %d faults", second, s.Injected)
	if 10*second > s.Injected {
		t.Errorf("live: %d second tickets of %d faults, want at most one in ten: what is settling after a repair is no new fault", second, s.Injected)
	}
	kinds := map[Kind]bool{}
	for _, fault := range s.Faults {
		kinds[fault.Kind] = true
		if !fault.Caught {
			t.Errorf("live: %s on %s was not found before the call", fault.Kind, fault.Device)
		}
	}
	if len(kinds) != len(traits) {
		t.Errorf("%d kinds of fault were seen, want %d", len(kinds), len(traits))
	}
	if first := s.Faults[len(s.Faults)-1]; first.TicketedAt.Sub(start) > 30*time.Second {
		t.Errorf("the first ticket comes %v after the start", first.TicketedAt.Sub(start))
	}
	if wrong := d.unexplained(f.Faults()); wrong != "" {
		t.Errorf("false live tickets:\n%s", wrong)
	}
}

// A healthy fleet is left alone: two weeks of history and half an hour of live readings of 80 devices.
func TestHealthyFleetIsLeftAlone(t *testing.T) {
	f := newFleet(t, func(c *Config) {
		c.Vehicles, c.TVs, c.Machines = 40, 20, 20
		c.PastFaults, c.FirstFault = 0, 24*time.Hour
	})
	d := newDesk(t, f)
	now := midnight.Add(9 * time.Hour)
	for b := range f.History(now.Add(-fortnight), now, step, chunk) {
		d.apply(b)
	}
	history := len(d.tickets)
	d.ticked = now
	runFast(f, now.Add(30*time.Second), 30*time.Minute, func(at time.Time, b telemetry.Batch) {
		d.tick(at)
		d.apply(b)
	})
	live := len(d.tickets) - history
	t.Logf("false tickets: %d in three device-years of history, %d in half an hour live", history, live)
	// The statistical tier may be wrong now and then: once in a device-year.
	if history > 3 || live > 0 {
		t.Errorf("false tickets:\n%s", d.unexplained(nil))
	}
}

// Devices that reported every ten minutes and begin to report every four seconds are still healthy: the level of a short block wanders more than that
// of a long one.
func TestOtherIntervalIsNoFault(t *testing.T) {
	for _, seed := range []uint64{104, 204} {
		f := newFleet(t, func(c *Config) {
			c.Seed, c.Vehicles, c.TVs, c.Machines = seed, 40, 20, 20
			c.PastFaults, c.FirstFault = 0, 24*time.Hour
		})
		d := newDesk(t, f)
		now := midnight.Add(19 * time.Hour)
		for b := range f.History(now.Add(-fortnight), now, step, chunk) {
			d.apply(b)
		}
		d.tickets = nil
		runFast(f, now.Add(30*time.Second), 100*time.Minute, func(_ time.Time, b telemetry.Batch) { d.apply(b) })
		t.Logf("seed %d: %d false tickets in 133 hours of devices", seed, len(d.tickets))
		if len(d.tickets) > 1 {
			t.Errorf("seed %d: false tickets:\n%s", seed, d.unexplained(nil))
		}
	}
}
