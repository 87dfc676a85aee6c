package sqlstore

import (
	"context"
	"maps"
	"slices"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/telemetry"
)

// The health of a device is kept in its row, so that a hundred thousand
// devices can be listed worst first; the transactions that change tickets or
// states keep it.

// healthRank is the order of [fleet.Healths] as the devices table stores it.
func healthRank(h fleet.Health) int { return slices.Index(fleet.Healths(), h) }

// healthOf judges a device by its worst open ticket (-1 for none), whether it
// said to be offline, and whether it was ever heard of.
func healthOf(worst int, offline, seen bool) fleet.Health {
	switch {
	case worst >= int(telemetry.Critical):
		return fleet.HealthCritical
	case worst == int(telemetry.Major):
		return fleet.HealthMajor
	case worst >= 0:
		return fleet.HealthWarning
	case offline:
		return fleet.HealthSilent
	case seen:
		return fleet.HealthOK
	}
	return fleet.HealthUnknown
}

// flushHealth judges anew the devices whose open tickets changed.
func (x *ticketTx) flushHealth(ctx context.Context) error {
	for _, device := range slices.Sorted(maps.Keys(x.devices)) {
		if err := x.s.judge(ctx, x.tx, x.tenant, device); err != nil {
			return x.s.fail(ctx, "judge device "+device, err)
		}
	}
	return nil
}

// judge brings the health of a device up to date. It does nothing for a device
// that is not registered.
func (s *Store) judge(ctx context.Context, q querier, tenant, device string) error {
	// The row is locked first and the tickets are read by a later statement, which
	// sees what a transaction that held the lock has committed.
	found, err := collect(ctx, q, func(r row) (d judged, err error) { return d, d.scan(r) },
		`SELECT online, last_seen FROM devices WHERE tenant = $1 AND id = $2`+s.dialect.forUpdate, tenant, device)
	if err != nil || len(found) == 0 {
		return err
	}
	d := found[0]
	var open, worst, silence int
	err = q.QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(MAX(severity), -1), COALESCE(SUM(CASE WHEN fault_code = $3 THEN 1 ELSE 0 END), 0)
		FROM tickets WHERE tenant = $1 AND device = $2 AND is_open`, tenant, device, detectors.FaultSilence).Scan(&open, &worst, &silence)
	if err != nil {
		return err
	}
	health := healthOf(worst, d.offline(), d.seen() || open > 0)
	_, err = q.ExecContext(ctx, `UPDATE devices SET open_tickets = $3, worst = $4, silent = $5, health = $6 WHERE tenant = $1 AND id = $2`,
		tenant, device, open, worst, d.offline() || silence > 0, healthRank(health))
	return err
}
