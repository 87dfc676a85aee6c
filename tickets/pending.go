package tickets

import (
	"context"
	"fmt"
)

// DispatchPending looks again for somebody to take each open ticket of a
// tenant that nobody could take before, and returns how many found one. Call
// it now and then: capacity frees and shifts begin without anybody telling the desk.
func (d *Desk) DispatchPending(ctx context.Context, tenant string) (assigned int, err error) {
	open := true
	filter := Filter{Open: &open, State: []string{d.cfg.Workflows.For(Fault).Auto.Opened}, Limit: 500}
	for {
		page, err := d.cfg.Store.List(ctx, tenant, filter)
		if err != nil {
			return assigned, fmt.Errorf("list tickets that wait for dispatch: %w", err)
		}
		for i := range page.Tickets {
			t := &page.Tickets[i]
			if t.Assignee != "" || t.Backfill {
				continue
			}
			found, err := d.dispatchAgain(ctx, tenant, t.ID)
			if err != nil {
				return assigned, fmt.Errorf("dispatch ticket %s: %w", t.Number, err)
			}
			if found {
				assigned++
			}
		}
		if page.Next == "" {
			return assigned, nil
		}
		filter.Cursor = page.Next
	}
}

// dispatchAgain dispatches one waiting ticket. A ticket that still finds nobody is left as it is, without a line of history.
func (d *Desk) dispatchAgain(ctx context.Context, tenant, id string) (found bool, err error) {
	err = d.update(ctx, tenant, Fence{}, func(ctx context.Context, tx Tx) error {
		found = false
		w := d.newWork(tx, tenant)
		s, err := w.byID(ctx, id)
		if err != nil {
			return err
		}
		t := &s.ticket
		if !t.Open() || t.Assignee != "" || t.Backfill {
			return nil // somebody was faster
		}
		choice, err := w.find(ctx, t, d.look(tenant, t.Device, t.Component, w.now), "")
		if err != nil || choice.Technician == "" {
			return err
		}
		found = true
		w.settle(s, choice, presage)
		return w.finish(ctx)
	})
	return found, err
}
