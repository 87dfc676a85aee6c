package tickets

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/fleet/maintenance"
)

// WithheldMaintenance is why a finding that falls into a maintenance window opens no ticket.
const WithheldMaintenance = "maintenance"

// Held is a fault that was found during maintenance and would have opened, reopened or promoted a ticket. It waits for the window
// to end: what holds then gets its ticket, what cleared is forgotten.
type Held struct {
	// Finding is the newest of the worst severity; the ticket is opened by it.
	Finding detectors.Finding `json:"finding"`
	// Since is the event time of the first finding that was withheld, and Newest that of the last.
	Since  time.Time `json:"since"`
	Newest time.Time `json:"newest"`
	// Window is the ID of the window that withheld it first, Name its name then.
	Window string `json:"window"`
	Name   string `json:"name"`
	// LookAt is when the desk looks at it again, by the wall clock.
	LookAt time.Time `json:"look_at"`
}

// Target is a component of a device as maintenance windows see it.
func Target(f Fleet, tenant, device, component string) maintenance.Target {
	d, _ := f.Device(tenant, device)
	region := d.Region
	if region == "" {
		site, _ := f.Site(tenant, d.Site)
		region = site.Region
	}
	t := maintenance.Target{Device: device, Site: d.Site, Model: d.Model, Component: component}
	for _, r := range f.RegionPath(tenant, region) {
		t.Regions = append(t.Regions, r.ID)
	}
	return t
}

// maintained returns the window that a finding falls into by its onset or its time, and the one of several that ends last; nil when there is none.
func (w *work) maintained(ctx context.Context, f *detectors.Finding) (*maintenance.Window, error) {
	from, to := onset(f), eventTime(f)
	if to.Before(from) {
		from = to
	}
	windows, err := w.tx.Maintenance(ctx, from, to)
	if err != nil || len(windows) == 0 {
		return nil, err
	}
	target := Target(w.desk.cfg.Fleet, w.tenant, f.Device, component(f))
	return lastOver(windows, target, func(m *maintenance.Window) bool { return m.Runs(onset(f)) || m.Runs(eventTime(f)) }), nil
}

// lastOver is the window about a target that counts and ends last, or nil.
func lastOver(windows []maintenance.Window, target maintenance.Target, counts func(*maintenance.Window) bool) *maintenance.Window {
	var last *maintenance.Window
	for i := range windows {
		m := &windows[i]
		if m.Includes(target) && counts(m) && (last == nil || m.Over().After(last.Over())) {
			last = m
		}
	}
	return last
}

// withhold keeps a finding without a ticket because of maintenance, and remembers its fault.
func (w *work) withhold(ctx context.Context, f *detectors.Finding, m *maintenance.Window) error {
	e := evidence(f, "", w.now)
	e.Withheld = WithheldMaintenance
	added, err := w.tx.Attach(ctx, e)
	if err != nil || !added {
		return err
	}
	h, err := w.tx.Held(ctx, keyOf(w.tenant, f))
	if errors.Is(err, ErrNotFound) {
		h = Held{Finding: e.Finding, Since: eventTime(f), Window: m.ID, Name: m.Name}
	} else if err != nil {
		return err
	}
	if f.Severity >= h.Finding.Severity {
		h.Finding = e.Finding
	}
	h.Newest = later(h.Newest, eventTime(f))
	// What is found only after the end, but began before it, is given time to settle as well.
	if at := later(m.Over(), w.now).Add(w.desk.cfg.MaintenanceSettle); h.LookAt.IsZero() || at.Before(h.LookAt) {
		h.LookAt = at
	}
	return w.tx.Hold(ctx, h)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// EndMaintenance looks at the faults that maintenance kept from opening tickets and whose time has come: what still holds gets its
// ticket now, unless another window covers it. It returns how many were let go. Call it now and then.
func (d *Desk) EndMaintenance(ctx context.Context, tenant string) (opened int, err error) {
	for {
		due, err := d.cfg.Store.DueHeld(ctx, tenant, d.now(), reportChunk)
		if err != nil {
			return opened, fmt.Errorf("list faults held by maintenance: %w", err)
		}
		var done []made
		n := 0
		err = d.update(ctx, tenant, Fence{}, func(ctx context.Context, tx Tx) error {
			w := d.newWork(tx, tenant)
			n = 0
			for _, key := range due {
				let, err := w.letGo(ctx, key)
				if err != nil {
					return fmt.Errorf("fault %s of %s after maintenance: %w", key.FaultCode, key.Device, err)
				}
				if let {
					n++
				}
			}
			done = w.made
			return w.finish(ctx)
		})
		if err != nil {
			return opened, err
		}
		d.metrics.count(done, d.now())
		if opened += n; len(due) < reportChunk {
			return opened, nil
		}
	}
}

// letGo opens the ticket of a held fault, or leaves it for later when another window covers it.
func (w *work) letGo(ctx context.Context, key Key) (bool, error) {
	h, err := w.tx.Held(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return false, nil // it cleared meanwhile
	}
	if err != nil {
		return false, err
	}
	if h.LookAt.After(w.now) {
		return false, nil // another process was faster
	}
	settle := w.desk.cfg.MaintenanceSettle
	windows, err := w.tx.Maintenance(ctx, w.now.Add(-settle), w.now)
	if err != nil {
		return false, err
	}
	target := Target(w.desk.cfg.Fleet, w.tenant, key.Device, key.Component)
	running := lastOver(windows, target, func(m *maintenance.Window) bool {
		return !m.From.After(w.now) && m.Over().After(m.From) && m.Over().Add(settle).After(w.now)
	})
	if running != nil {
		h.LookAt = running.Over().Add(settle)
		return false, w.tx.Hold(ctx, h)
	}
	f := h.Finding
	f.Tenant, f.Withheld, f.Phase = w.tenant, "", detectors.Raised
	return true, w.takeHeld(ctx, &f, h)
}

// takeHeld applies a finding that ends the waiting of a held fault.
func (w *work) takeHeld(ctx context.Context, f *detectors.Finding, h Held) error {
	w.held = &h
	defer func() { w.held = nil }()
	return w.take(ctx, f)
}

// attach stores a finding as evidence. That of a held fault brings all that were withheld with it, and may be stored already.
func (w *work) attach(ctx context.Context, f *detectors.Finding, ticket string) (added bool, err error) {
	added, err = w.tx.Attach(ctx, evidence(f, ticket, w.now))
	if err != nil || w.held == nil || (!added && f.ID != w.held.Finding.ID) {
		return added, err
	}
	key := keyOf(w.tenant, f)
	if err := w.tx.Release(ctx, key, w.held.Newest); err != nil {
		return false, err
	}
	return true, w.tx.Adopt(ctx, key, w.held.Since, ticket)
}

// afterMaintenance says in the history of a ticket why it was opened only now.
func (w *work) afterMaintenance(s *sheet) {
	if w.held != nil {
		s.note(Entry{Kind: "held", Note: w.held.Name, From: w.held.Since.Format(time.RFC3339)})
	}
}
