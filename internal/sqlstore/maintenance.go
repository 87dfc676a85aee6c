package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/presage-pdm/presage/fleet/maintenance"
	"github.com/presage-pdm/presage/tickets"
)

func scanWindow(r row) (w maintenance.Window, err error) { return w, r.Scan(document(&w)) }

// CreateWindow stores a new maintenance window and gives it its ID and Revision 1.
func (s *Store) CreateWindow(ctx context.Context, tenant string, w maintenance.Window) (maintenance.Window, error) {
	id, err := newID()
	if err != nil {
		return w, err
	}
	w.ID, w.Revision = id, 1
	err = s.transact(ctx, "create a maintenance window", func(tx *transaction) error {
		body, err := windowBody(&w)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO maintenance (tenant, id, device, site, model, region, component, from_at, over_at, revision, body)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			tenant, w.ID, w.Device, w.Site, w.Model, w.Region, w.Component, moment(w.From), moment(w.Over()), w.Revision, body)
		if err != nil {
			return err
		}
		return windowChanged(ctx, tx, tenant, maintenance.Change{At: w.CreatedAt, By: w.CreatedBy, Kind: "created", Window: w})
	})
	return w, err
}

// ChangeWindow runs change on a window and stores what it made of it, as somebody's change of a kind. It fails with
// [tickets.ErrNotFound], with [tickets.ErrConflict] when the window has another revision than the given one (0: whichever it has), and
// with the error of change.
func (s *Store) ChangeWindow(ctx context.Context, tenant, id string, revision int, by, kind string, now time.Time, change func(*maintenance.Window) error) (w maintenance.Window, err error) {
	err = s.transact(ctx, "change maintenance window "+id, func(tx *transaction) error {
		w, err = scanWindow(tx.QueryRowContext(ctx, `SELECT body FROM maintenance WHERE tenant = $1 AND id = $2`+s.dialect.forUpdate, tenant, clean(id)))
		if err != nil {
			return err
		}
		if revision != 0 && revision != w.Revision {
			return fmt.Errorf("maintenance window %s has revision %d by now: %w", id, w.Revision, tickets.ErrConflict)
		}
		if err := change(&w); err != nil {
			return err
		}
		w.Revision++
		body, err := windowBody(&w)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE maintenance SET device = $3, site = $4, model = $5, region = $6, component = $7, from_at = $8, over_at = $9, revision = $10, body = $11
			WHERE tenant = $1 AND id = $2`,
			tenant, w.ID, w.Device, w.Site, w.Model, w.Region, w.Component, moment(w.From), moment(w.Over()), w.Revision, body)
		if err != nil {
			return err
		}
		// What it held may not be covered any more: the desk looks at all of it again.
		if _, err := tx.ExecContext(ctx, `UPDATE held_faults SET look_at = $2 WHERE tenant = $1 AND look_at > $2`, tenant, moment(now)); err != nil {
			return err
		}
		return windowChanged(ctx, tx, tenant, maintenance.Change{At: moment(now), By: by, Kind: kind, Window: w})
	})
	return w, err
}

// windowBody is a window as it is stored, with times in the resolution of the stores.
func windowBody(w *maintenance.Window) (string, error) {
	w.From, w.To, w.CreatedAt = moment(w.From), moment(w.To), moment(w.CreatedAt)
	if !w.EndedAt.IsZero() {
		w.EndedAt = moment(w.EndedAt)
	}
	w.Name, w.Reason = clean(w.Name), clean(w.Reason)
	return toJSON(w)
}

func windowChanged(ctx context.Context, tx *transaction, tenant string, c maintenance.Change) error {
	id, err := newID()
	if err != nil {
		return err
	}
	body, err := toJSON(c)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO maintenance_changes (tenant, id, maintenance, body) VALUES ($1, $2, $3, $4)`, tenant, id, c.Window.ID, body)
	return err
}

// Window returns a maintenance window and what was done to it, oldest first; [tickets.ErrNotFound] when there is none.
func (s *Store) Window(ctx context.Context, tenant, id string) (w maintenance.Window, changes []maintenance.Change, err error) {
	op := "read maintenance window " + id
	w, err = scanWindow(s.read.QueryRowContext(ctx, `SELECT body FROM maintenance WHERE tenant = $1 AND id = $2`, tenant, clean(id)))
	if err != nil {
		return w, nil, s.fail(ctx, op, err)
	}
	changes, err = collect(ctx, s.read, func(r row) (c maintenance.Change, err error) { return c, r.Scan(document(&c)) },
		`SELECT body FROM maintenance_changes WHERE tenant = $1 AND maintenance = $2 ORDER BY id LIMIT 1000`, tenant, clean(id))
	return w, changes, s.fail(ctx, op, err)
}

// MaintenanceWindows returns a page of maintenance windows, the one that begins last first; next is empty on the last page.
func (s *Store) MaintenanceWindows(ctx context.Context, tenant string, f maintenance.Filter) (windows []maintenance.Window, next string, err error) {
	const order = "from"
	limit := pageSize(f.Limit, 50, 500)
	w := newWhere(tenant)
	for _, c := range []struct{ column, value string }{
		{"device = ", f.Device}, {"site = ", f.Site}, {"model = ", f.Model}, {"region = ", f.Region}, {"component = ", f.Component},
	} {
		if c.value != "" {
			w.add(c.column, clean(c.value))
		}
	}
	switch f.Status {
	case maintenance.Planned:
		w.add("from_at > ", moment(f.Now))
		w.add("over_at > ", moment(f.Now))
	case maintenance.Running:
		w.add("from_at <= ", moment(f.Now))
		w.add("over_at > ", moment(f.Now))
	case maintenance.Past:
		w.add("over_at <= ", moment(f.Now))
	}
	if f.Cursor != "" {
		c, err := parseCursor(f.Cursor, order, 1, 0, 1)
		if err != nil {
			return nil, "", err
		}
		w.add("(from_at, id) < ", moment(c.Times[0]), c.Texts[0])
	}
	windows, err = collect(ctx, s.read, scanWindow, fmt.Sprintf(`SELECT body FROM maintenance WHERE %s ORDER BY from_at DESC, id DESC LIMIT %d`, w, limit+1), w.args...)
	if err != nil {
		return nil, "", s.fail(ctx, "list maintenance windows", err)
	}
	if len(windows) > limit {
		windows = windows[:limit]
		last := windows[limit-1]
		next = cursor{Sort: order, Times: []time.Time{last.From}, Texts: []string{last.ID}}.String()
	}
	return windows, next, nil
}

// mostRunning bounds the windows that are asked about one moment.
const mostRunning = 10_000

// RunningWindows returns the windows that run at a time, of whatever scope.
func (s *Store) RunningWindows(ctx context.Context, tenant string, at time.Time) ([]maintenance.Window, error) {
	all, err := windowsBetween(ctx, s.read, tenant, at, at)
	return all, s.fail(ctx, "read running maintenance windows", err)
}

func windowsBetween(ctx context.Context, q querier, tenant string, from, to time.Time) ([]maintenance.Window, error) {
	return collect(ctx, q, scanWindow, fmt.Sprintf(`SELECT body FROM maintenance
		WHERE tenant = $1 AND over_at > $2 AND from_at <= $3 ORDER BY over_at DESC, id LIMIT %d`, mostRunning), tenant, within(from), within(to))
}

// Maintenance implements [tickets.Tx].
func (x *ticketTx) Maintenance(ctx context.Context, from, to time.Time) ([]maintenance.Window, error) {
	all, err := windowsBetween(ctx, x.tx, x.tenant, from, to)
	return all, x.s.fail(ctx, "read maintenance windows", err)
}
