package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/presage-pdm/presage/tickets"
)

// Held implements [tickets.Tx].
func (x *ticketTx) Held(ctx context.Context, key tickets.Key) (h tickets.Held, err error) {
	err = x.tx.QueryRowContext(ctx, `SELECT body, look_at FROM held_faults
		WHERE tenant = $1 AND device = $2 AND component = $3 AND fault_code = $4`+x.s.dialect.forUpdate,
		x.tenant, key.Device, key.Component, key.FaultCode).Scan(document(&h), into(&h.LookAt))
	h.Finding.Tenant = x.tenant
	return h, x.s.fail(ctx, "read a fault held by maintenance", err)
}

// Hold implements [tickets.Tx].
func (x *ticketTx) Hold(ctx context.Context, h tickets.Held) error {
	op := "hold fault " + h.Finding.FaultCode + " of " + h.Finding.Device
	body, err := toJSON(h)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	_, err = x.tx.ExecContext(ctx, `INSERT INTO held_faults (tenant, device, component, fault_code, newest_at, look_at, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (tenant, device, component, fault_code) DO UPDATE
		SET newest_at = excluded.newest_at, look_at = excluded.look_at, body = excluded.body`,
		x.tenant, h.Finding.Device, h.Finding.Component, h.Finding.FaultCode, moment(h.Newest), moment(h.LookAt), body)
	return x.s.fail(ctx, op, err)
}

// Release implements [tickets.Tx].
func (x *ticketTx) Release(ctx context.Context, key tickets.Key, after time.Time) error {
	_, err := x.tx.ExecContext(ctx, `DELETE FROM held_faults
		WHERE tenant = $1 AND device = $2 AND component = $3 AND fault_code = $4 AND newest_at <= $5`,
		x.tenant, key.Device, key.Component, key.FaultCode, within(after))
	return x.s.fail(ctx, "release a held fault", err)
}

// DueHeld implements [tickets.Store].
func (s *Store) DueHeld(ctx context.Context, tenant string, now time.Time, limit int) ([]tickets.Key, error) {
	keys, err := collect(ctx, s.read, func(r row) (k tickets.Key, err error) {
		k.Tenant = tenant
		return k, r.Scan(&k.Device, &k.Component, &k.FaultCode)
	}, `SELECT device, component, fault_code FROM held_faults WHERE tenant = $1 AND look_at <= $2
		ORDER BY device, component, fault_code LIMIT $3`, tenant, moment(now), limit)
	return keys, s.fail(ctx, "list held faults", err)
}

// Adopt implements [tickets.Tx].
func (x *ticketTx) Adopt(ctx context.Context, key tickets.Key, since time.Time, ticket string) error {
	const op = "adopt findings that were withheld"
	found, err := collect(ctx, x.tx, func(r row) (e tickets.Evidence, err error) { return e, r.Scan(document(&e)) },
		`SELECT body FROM findings WHERE tenant = $1 AND device = $2 AND found_at >= $3 AND component = $4 AND fault_code = $5
		AND withheld = '`+tickets.WithheldMaintenance+`' AND ticket = '' ORDER BY found_at, id`,
		x.tenant, key.Device, moment(since), key.Component, key.FaultCode)
	if err != nil {
		return x.s.fail(ctx, op, err)
	}
	for _, e := range found {
		e.Ticket, e.Withheld = ticket, ""
		body, err := toJSON(e)
		if err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		if _, err := x.tx.ExecContext(ctx, `UPDATE findings SET ticket = $3, withheld = '', body = $4 WHERE tenant = $1 AND id = $2`, x.tenant, e.ID, ticket, body); err != nil {
			return x.s.fail(ctx, op, err)
		}
	}
	return nil
}
