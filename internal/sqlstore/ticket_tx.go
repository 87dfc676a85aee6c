package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/presage-pdm/presage/tickets"
)

var _ tickets.Store = (*Store)(nil)

// Update implements [tickets.Store].
func (s *Store) Update(ctx context.Context, tenant string, fence tickets.Fence, fn func(ctx context.Context, tx tickets.Tx) error) error {
	published := false
	err := s.transact(ctx, "update tickets", func(sqlTx *transaction) error {
		if fence.Epoch > 0 {
			if err := s.checkFence(ctx, sqlTx, fence); err != nil {
				return err
			}
		}
		if s.dialect.deskLock != "" {
			if _, err := sqlTx.ExecContext(ctx, s.dialect.deskLock, tenant); err != nil {
				return err
			}
		}
		tx := &ticketTx{s: s, tx: sqlTx, tenant: tenant, tally: map[facets]int{}, devices: map[string]bool{}}
		if err := fn(ctx, tx); err != nil {
			return err
		}
		published = tx.published
		return tx.flush(ctx)
	})
	if err == nil && published {
		s.signal()
	}
	return err
}

// ticketTx implements [tickets.Tx]. It belongs to one goroutine.
type ticketTx struct {
	s      *Store
	tx     *transaction
	tenant string
	// tally is what this transaction changes in ticket_tally, written at its end
	// in a fixed order, so that transactions do not wait for each other in a ring.
	tally map[facets]int
	// devices are those whose open tickets changed.
	devices   map[string]bool
	published bool
}

// Ticket implements [tickets.Tx].
func (x *ticketTx) Ticket(ctx context.Context, id string) (tickets.Ticket, error) {
	t, err := scanTicket(x.tx.QueryRowContext(ctx, `SELECT `+ticketColumns+` FROM tickets
		WHERE tenant = $1 AND id = $2`+x.s.dialect.forUpdate, x.tenant, id), x.tenant)
	return t, x.s.fail(ctx, "read ticket "+id, err)
}

// Current implements [tickets.Tx].
func (x *ticketTx) Current(ctx context.Context, key tickets.Key) (tickets.Ticket, error) {
	t, err := scanTicket(x.tx.QueryRowContext(ctx, `SELECT `+ticketColumns+` FROM tickets
		WHERE tenant = $1 AND device = $2 AND component = $3 AND fault_code = $4
		ORDER BY is_open DESC, closed_at DESC NULLS LAST, id DESC LIMIT 1`+x.s.dialect.forUpdate,
		x.tenant, key.Device, key.Component, key.FaultCode), x.tenant)
	return t, x.s.fail(ctx, fmt.Sprintf("read the ticket of %s %s %s", key.Device, key.Component, key.FaultCode), err)
}

// Insert implements [tickets.Tx].
func (x *ticketTx) Insert(ctx context.Context, t *tickets.Ticket) error {
	op := fmt.Sprintf("open a ticket for %s %s %s", t.Device, t.Component, t.FaultCode)
	if t.ID == "" {
		id, err := newID()
		if err != nil {
			return err
		}
		t.ID = id
	}
	number, err := x.count(ctx, "ticket", 1)
	if err != nil {
		return x.s.fail(ctx, op, err)
	}
	t.Tenant, t.Number, t.Revision = x.tenant, fmt.Sprintf("T-%06d", number), 1
	values, err := ticketValues(t)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	n, err := affected(ctx, x.tx, insertTicket, append(append([]any{x.tenant}, values...), t.Revision)...)
	if err != nil {
		return x.s.fail(ctx, op, err)
	}
	if n == 0 {
		// Nobody else can have taken a number since: the counter is locked by this transaction.
		if _, err := x.count(ctx, "ticket", -1); err != nil {
			return x.s.fail(ctx, op, err)
		}
		t.Number, t.Revision = "", 0
		return fmt.Errorf("%s: the fault has an open ticket already: %w", op, tickets.ErrConflict)
	}
	x.tally[facetsOf(t)]++
	x.devices[t.Device] = true
	return x.s.fail(ctx, op, x.indexTicket(ctx, t))
}

// count changes a counter of the tenant and returns its new value.
func (x *ticketTx) count(ctx context.Context, name string, by int) (n int64, err error) {
	return count(ctx, x.tx, x.tenant, name, by)
}

func count(ctx context.Context, q querier, tenant, name string, by int) (n int64, err error) {
	err = q.QueryRowContext(ctx, `INSERT INTO counters (tenant, name, value) VALUES ($1, $2, $3)
		ON CONFLICT (tenant, name) DO UPDATE SET value = counters.value + excluded.value RETURNING value`,
		tenant, name, by).Scan(&n)
	return n, err
}

// Save implements [tickets.Tx].
func (x *ticketTx) Save(ctx context.Context, t *tickets.Ticket) error {
	op := "save ticket " + t.Number
	var before facets
	err := x.tx.QueryRowContext(ctx, `SELECT is_open, region, station, severity, component, state, assignee FROM tickets
		WHERE tenant = $1 AND id = $2`+x.s.dialect.forUpdate, x.tenant, t.ID).Scan(
		&before.open, &before.region, &before.station, &before.severity, &before.component, &before.state, &before.assignee)
	if err != nil {
		return x.s.fail(ctx, op, err)
	}
	values, err := ticketValues(t)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	args := append(append([]any{x.tenant}, values...), t.Revision+1, t.Revision)
	n, err := affected(ctx, x.tx, saveTicket, args...)
	if err != nil {
		return x.s.fail(ctx, op, err)
	}
	if n == 0 {
		return fmt.Errorf("%s at revision %d: %w", op, t.Revision, tickets.ErrConflict)
	}
	t.Revision++
	after := facetsOf(t)
	if before != after {
		x.tally[before]--
		x.tally[after]++
	}
	if before.open != after.open || before.severity != after.severity {
		x.devices[t.Device] = true
	}
	return x.s.fail(ctx, op, x.indexTicket(ctx, t))
}

// Record implements [tickets.Tx].
func (x *ticketTx) Record(ctx context.Context, e tickets.Entry) error {
	op := "record " + e.Kind + " of ticket " + e.Ticket
	if e.ID == "" {
		id, err := newID()
		if err != nil {
			return err
		}
		e.ID = id
	}
	body, err := toJSON(e)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	_, err = x.tx.ExecContext(ctx, `INSERT INTO history (tenant, id, ticket, at, actor, kind, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, x.tenant, e.ID, e.Ticket, moment(e.At), clean(e.Actor), e.Kind, body)
	return x.s.fail(ctx, op, err)
}

// Publish implements [tickets.Tx].
func (x *ticketTx) Publish(ctx context.Context, e tickets.Event) error {
	if err := publish(ctx, x.tx, x.tenant, e); err != nil {
		return x.s.fail(ctx, "publish "+e.Type, err)
	}
	x.published = true
	return nil
}

// PutDiagnosis implements [tickets.Tx].
func (x *ticketTx) PutDiagnosis(ctx context.Context, ticket string, sealed []byte) error {
	_, err := x.tx.ExecContext(ctx, `INSERT INTO diagnoses (tenant, ticket, sealed) VALUES ($1, $2, $3)
		ON CONFLICT (tenant, ticket) DO UPDATE SET sealed = excluded.sealed`, x.tenant, ticket, sealed)
	return x.s.fail(ctx, "keep the diagnosis of ticket "+ticket, err)
}

// Diagnosis implements [tickets.Tx].
func (x *ticketTx) Diagnosis(ctx context.Context, ticket string) ([]byte, error) {
	return x.s.diagnosis(ctx, x.tx, x.tenant, ticket)
}

// Diagnosis returns the sealed diagnosis of a ticket, or [tickets.ErrNotFound].
func (s *Store) Diagnosis(ctx context.Context, tenant, ticket string) ([]byte, error) {
	return s.diagnosis(ctx, s.read, tenant, ticket)
}

func (s *Store) diagnosis(ctx context.Context, q querier, tenant, ticket string) (sealed []byte, err error) {
	err = q.QueryRowContext(ctx, `SELECT sealed FROM diagnoses WHERE tenant = $1 AND ticket = $2`, tenant, ticket).Scan(&sealed)
	return sealed, s.fail(ctx, "read the diagnosis of ticket "+ticket, err)
}

// flush writes what was gathered for the end of the transaction.
func (x *ticketTx) flush(ctx context.Context) error {
	return errors.Join(x.flushTally(ctx), x.flushHealth(ctx))
}
