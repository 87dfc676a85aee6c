package tickets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/presage-pdm/presage/detectors"
)

// Report takes findings of a lane, in the order in which they were found: it
// keeps every one as evidence, and opens, joins, raises, clears or reopens the
// ticket of its fault. Each transaction holds ticket, evidence, assignment,
// history and events together, so that a crash leaves no half of it. Reporting
// a finding again changes nothing.
//
// It fails with [ErrFenced] when the lane has a newer owner, and with
// [ErrUnavailable] when the store cannot take the findings now: report the same ones again then.
func (d *Desk) Report(ctx context.Context, fence Fence, findings []detectors.Finding) error {
	for chunk := range slices.Chunk(findings, reportChunk) {
		for tenant, list := range byTenant(chunk) {
			var done []made // by the last run of the transaction, which is the one that was committed
			err := d.update(ctx, tenant, fence, func(ctx context.Context, tx Tx) (err error) {
				done, err = d.report(ctx, tx, tenant, list)
				return err
			})
			if err != nil {
				return fmt.Errorf("report %d findings of tenant %s: %w", len(list), tenant, err)
			}
			d.metrics.count(done, d.cfg.Now())
		}
	}
	return nil
}

// byTenant yields the findings of each tenant in their order, tenants by name.
func byTenant(findings []detectors.Finding) func(yield func(string, []detectors.Finding) bool) {
	groups := make(map[string][]detectors.Finding)
	for _, f := range findings {
		groups[f.Tenant] = append(groups[f.Tenant], f)
	}
	return func(yield func(string, []detectors.Finding) bool) {
		for _, tenant := range slices.Sorted(maps.Keys(groups)) {
			if !yield(tenant, groups[tenant]) {
				return
			}
		}
	}
}

// update runs fn in a transaction, again when somebody else was faster: the
// loser of a race to open a ticket then finds the winner's and adds to it.
func (d *Desk) update(ctx context.Context, tenant string, fence Fence, fn func(context.Context, Tx) error) error {
	var err error
	for range attempts {
		err = d.cfg.Store.Update(ctx, tenant, fence, fn)
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("lost %d races in a row: %w: %w", attempts, ErrUnavailable, err)
}

func (d *Desk) report(ctx context.Context, tx Tx, tenant string, findings []detectors.Finding) ([]made, error) {
	w := d.newWork(tx, tenant)
	// Faults in one order in every transaction, so that two of them do not wait
	// for each other's rows in a ring; the findings of one fault stay in theirs.
	inOrder := make([]*detectors.Finding, len(findings))
	for i := range findings {
		inOrder[i] = &findings[i]
	}
	slices.SortStableFunc(inOrder, func(a, b *detectors.Finding) int {
		return cmp.Or(strings.Compare(a.Device, b.Device), strings.Compare(component(a), component(b)), strings.Compare(a.FaultCode, b.FaultCode))
	})
	for _, f := range inOrder {
		if err := w.take(ctx, f); err != nil {
			return nil, fmt.Errorf("finding %s (%s of %s): %w", f.ID, f.FaultCode, f.Device, err)
		}
	}
	return w.made, w.finish(ctx)
}

// take applies one finding. A finding that names no device, fault or identity
// cannot be kept and is the engine's mistake: it is left out rather than stop the lane for ever.
func (w *work) take(ctx context.Context, f *detectors.Finding) error {
	if f.ID == "" || f.Device == "" || f.FaultCode == "" {
		w.desk.cfg.Log.Error("finding without identity dropped", "device", f.Device, "detector", f.Detector, "rule", f.Rule)
		return nil
	}
	s, err := w.current(ctx, keyOf(w.tenant, f))
	if err != nil {
		return err
	}
	var t *Ticket
	if s != nil {
		t = &s.ticket
	}
	v := judge(t, f, w.desk.cfg.ReopenWithin)
	switch {
	case w.held != nil: // the windows have been asked
	case f.Phase == detectors.Cleared && f.Withheld == "":
		if err := w.tx.Release(ctx, keyOf(w.tenant, f), eventTime(f)); err != nil {
			return err
		}
	case v == open || v == recur || v == reopen || v == promote:
		m, err := w.maintained(ctx, f)
		if err != nil {
			return err
		}
		if m != nil {
			return w.withhold(ctx, f, m)
		}
		// It was found again outside of every window: what was withheld belongs to it.
		h, err := w.tx.Held(ctx, keyOf(w.tenant, f))
		if err == nil {
			return w.takeHeld(ctx, f, h)
		}
		if !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	if v == open || v == recur {
		return w.open(ctx, f, t, v)
	}
	ticket := ""
	if v != alone {
		ticket = t.ID
	}
	added, err := w.attach(ctx, f, ticket)
	if err != nil || !added || v == alone {
		return err
	}
	switch v {
	case late:
		s.note(evidenceEntry(f, "the ticket was closed already"))
		return nil
	case clears:
		w.clear(s, f)
		return nil
	case recovers:
		w.recover(s, f)
		return nil
	case reopen:
		return w.reopen(ctx, s, f)
	case promote:
		return w.promote(ctx, s, f)
	}
	w.join(s, f)
	return nil
}

// evidence is a finding as it is kept: with a component, and with numbers that
// JSON can carry, because a finding that cannot be written would stop its lane for ever.
func evidence(f *detectors.Finding, ticket string, now time.Time) Evidence {
	e := Evidence{Finding: *f, Ticket: ticket, RecordedAt: now}
	e.Component = component(f)
	e.Score, e.PValue = finite(f.Score), finite(f.PValue)
	e.Signals = slices.Clone(f.Signals)
	for i := range e.Signals {
		s := &e.Signals[i]
		s.Actual, s.Expected, s.Share, s.Rank = finite(s.Actual), finite(s.Expected), finite(s.Share), finite(s.Rank)
		s.Low, s.High = closed(s.Low), closed(s.High)
	}
	return e
}

// finite replaces what is no number by zero, and infinities by the largest number there is.
func finite(v float64) float64 {
	switch {
	case math.IsNaN(v):
		return 0
	case math.IsInf(v, 0):
		return math.Copysign(math.MaxFloat64, v)
	}
	return v
}

// closed is a bound that is one; an infinite one is open.
func closed(bound *float64) *float64 {
	if bound == nil || math.IsNaN(*bound) || math.IsInf(*bound, 0) {
		return nil
	}
	return bound
}

// keyOf names the fault that a finding is about.
func keyOf(tenant string, f *detectors.Finding) Key {
	return Key{tenant, f.Device, component(f), f.FaultCode}
}

func component(f *detectors.Finding) string {
	if f.Component == "" {
		return anyComponent
	}
	return f.Component
}

// open makes the ticket of a fault that has none open. last is the closed one before it, if any.
func (w *work) open(ctx context.Context, f *detectors.Finding, last *Ticket, v verdict) error {
	id, err := newID()
	if err != nil {
		return err
	}
	flow := w.desk.cfg.Workflows.For(Fault)
	subject := w.desk.look(w.tenant, f.Device, component(f), w.now)
	s := &sheet{flow: flow, ticket: Ticket{
		ID: id, Tenant: w.tenant, Kind: Fault,
		Device: f.Device, Component: component(f), FaultCode: f.FaultCode, Severity: f.Severity,
		Title:    w.desk.cfg.Faults.Describe(w.tenant, f.Device, f.FaultCode).Title,
		Workflow: flow.Name, WorkflowVersion: flow.Version,
		OnsetAt: onset(f), OpenedAt: w.now, RecordedAt: w.now, UpdatedAt: w.now, LastSeenAt: eventTime(f),
		Region: subject.region, Occurrences: 1, Backfill: f.Backfill, Facts: subject.facts,
	}}
	t := &s.ticket
	flow.enter(t, flow.Auto.Opened)
	if f.Backfill {
		t.OpenedAt = eventTime(f)
	}
	if v == recur {
		t.PreviousID = last.ID
	}
	w.prioritise(t, subject)

	added, err := w.attach(ctx, f, id)
	if err != nil || !added {
		return err
	}
	s.note(Entry{Kind: "opened", To: t.State, Rule: rule(f), Note: t.PreviousID})
	w.afterMaintenance(s)
	s.event("ticket.opened", !f.Backfill)
	if !f.Backfill {
		if err := w.dispatch(ctx, s, subject, ""); err != nil {
			return err
		}
	}
	// What this transaction closed must be closed in the store before the fault can have another open ticket.
	if before := w.byKey[t.Key()]; before != nil {
		if err := w.write(ctx, before); err != nil {
			return err
		}
	}
	if err := w.tx.Insert(ctx, t); err != nil {
		return err
	}
	s.dirty = false
	w.add(s)
	w.makes(t, f, false)
	return nil
}

// join adds evidence to an open ticket and raises its severity if the finding is worse.
func (w *work) join(s *sheet, f *detectors.Finding) {
	t := &s.ticket
	s.dirty = true
	s.event("ticket.updated", false)
	if f.Phase == detectors.Raised {
		t.Occurrences++
	}
	if at := eventTime(f); at.After(t.LastSeenAt) {
		t.LastSeenAt = at
	}
	noted := !t.flaps()
	if !t.ClearedAt.IsZero() && eventTime(f).After(t.ClearedAt) {
		t.ClearedAt = time.Time{}
		if f.Phase == detectors.Raised && w.returned(s, f) {
			noted = false
		}
	}
	// A late telling of an earlier occurrence does not make this one older.
	if at := onset(f); at.Before(t.OnsetAt) && f.Backfill == t.Backfill {
		t.OnsetAt = at
	}
	if noted {
		s.note(evidenceEntry(f, ""))
	}
	if f.Severity <= t.Severity {
		return
	}
	s.note(Entry{Kind: "severity", From: t.Severity.String(), To: f.Severity.String(), Rule: rule(f)})
	t.Severity = f.Severity
	w.prioritise(t, w.desk.look(w.tenant, t.Device, t.Component, w.now))
	if !t.Backfill && !f.Backfill {
		s.event("ticket.updated", true)
	}
}

// promote turns a backfilled ticket into a live one: the old fault is still there.
func (w *work) promote(ctx context.Context, s *sheet, f *detectors.Finding) error {
	s.ticket.Backfill = false
	w.join(s, f)
	subject := w.desk.look(w.tenant, s.ticket.Device, s.ticket.Component, w.now)
	w.prioritise(&s.ticket, subject)
	s.event("ticket.opened", true)
	return w.dispatch(ctx, s, subject, "")
}

// clear notes that the fault is no longer seen. The ticket stays open: silence is not repair.
func (w *work) clear(s *sheet, f *detectors.Finding) {
	if before(f, s.ticket.LastSeenAt) {
		s.note(evidenceEntry(f, ""))
		return
	}
	s.ticket.ClearedAt = eventTime(f)
	s.dirty = true
	s.event("ticket.updated", false)
	if s.ticket.flaps() {
		w.went(s)
		return
	}
	s.note(Entry{Kind: "cleared", Rule: rule(f)})
}

// recover closes a backfilled ticket at the time the fault went away.
func (w *work) recover(s *sheet, f *detectors.Finding) {
	t := &s.ticket
	from := t.State
	s.flow.enter(t, s.flow.Auto.Recovered)
	t.ClearedAt, t.ClosedAt, t.Resolution, t.Deadline = eventTime(f), eventTime(f), ResolutionRecovered, time.Time{}
	s.dirty = true
	s.event("ticket.closed", false)
	s.note(Entry{Kind: "closed", From: from, To: t.State, Rule: rule(f), Note: ResolutionRecovered})
}

// reopen takes a ticket up again whose fault came back soon after closing, for a second pair of eyes.
func (w *work) reopen(ctx context.Context, s *sheet, f *detectors.Finding) error {
	t := &s.ticket
	from, first, station := t.State, t.Assignee, t.Station
	s.flow.enter(t, s.flow.Auto.Reopened)
	t.Reopened++
	t.Occurrences++
	t.Severity = max(t.Severity, f.Severity)
	t.LastSeenAt, t.ClearedAt, t.ClosedAt, t.Resolution = eventTime(f), time.Time{}, time.Time{}, ""
	t.Assignee, t.Station, t.Deadline = "", "", time.Time{}
	t.Backfill = f.Backfill
	s.dirty = true
	flaps := w.returned(s, f)
	s.event("ticket.reopened", !f.Backfill && !flaps)
	s.note(Entry{Kind: "reopened", From: from, To: t.State, Rule: rule(f)})
	w.afterMaintenance(s)
	w.makes(t, f, true)
	subject := w.desk.look(w.tenant, t.Device, t.Component, w.now)
	t.Region = subject.region
	w.prioritise(t, subject)
	if f.Backfill {
		return nil
	}
	if flaps && first != "" { // who knows it goes on, and is not told each time
		t.Assignee, t.Station = first, station
		s.flow.enter(t, s.flow.Auto.Assigned)
		w.weigh(t, +1)
		return nil
	}
	return w.dispatch(ctx, s, subject, first)
}

// prioritise sets priority and deadline from what is known now. A deadline
// never moves away: a ticket that became more urgent gets the nearer one.
func (w *work) prioritise(t *Ticket, s subject) {
	t.Priority, t.PriorityReason = priority(urgency{
		severity:    t.Severity,
		subject:     w.desk.cfg.Faults.Describe(w.tenant, t.Device, t.FaultCode).Subject,
		criticality: s.device.Criticality,
		tier:        s.facts.CustomerTier,
		warranty:    s.facts.Warranty,
	})
	if t.Backfill {
		return
	}
	if budget := w.desk.cfg.Deadlines[t.Priority]; budget > 0 {
		if due := w.now.Add(budget); t.Deadline.IsZero() || due.Before(t.Deadline) {
			t.Deadline = due
		}
	}
}

func onset(f *detectors.Finding) time.Time { return time.UnixMilli(f.Onset).UTC() }

// rule names what made an automatic step: the method and its entry in the catalogue.
func rule(f *detectors.Finding) string {
	if f.Rule == "" {
		return f.Detector
	}
	return f.Detector + "/" + f.Rule
}

func evidenceEntry(f *detectors.Finding, note string) Entry {
	return Entry{Kind: "evidence", To: f.ID, Rule: rule(f), Note: note}
}
