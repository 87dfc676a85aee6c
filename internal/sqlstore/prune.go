package sqlstore

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// What grows with the devices and not with the tickets is removed when it is
// old, of all tenants alike. Each call removes a few rows in a transaction of
// its own, oldest first, so that nobody waits for it; one that removes fewer
// than limit has left none.

// PruneFindings removes at most limit findings that belong to no ticket and were
// recorded before a time, and returns how many.
func (s *Store) PruneFindings(ctx context.Context, before time.Time, limit int) (removed int, err error) {
	return s.prune(ctx, "remove old findings", `DELETE FROM findings WHERE (tenant, id) IN
		(SELECT tenant, id FROM findings WHERE ticket = '' AND recorded_at < $1 ORDER BY recorded_at LIMIT $2`+s.dialect.skipLocked+`)`,
		moment(before), limit)
}

// PruneEvents removes at most limit events of devices that happened before a
// time, and returns how many.
func (s *Store) PruneEvents(ctx context.Context, before time.Time, limit int) (removed int, err error) {
	return s.prune(ctx, "remove old events", `DELETE FROM device_events WHERE (tenant, device, at, code, event_id) IN
		(SELECT tenant, device, at, code, event_id FROM device_events WHERE at < $1 ORDER BY at LIMIT $2`+s.dialect.skipLocked+`)`,
		moment(before), limit)
}

// PruneDeliveries removes at most limit deliveries that were made before a time
// and that nobody will take: dead ones, and those to other endpoints than the
// given ones. It returns how many.
func (s *Store) PruneDeliveries(ctx context.Context, before time.Time, endpoints []string, limit int) (removed int, err error) {
	args, others := []any{moment(before), limit}, ""
	if len(endpoints) > 0 {
		places := make([]string, len(endpoints))
		for i, endpoint := range endpoints {
			args = append(args, clean(endpoint))
			places[i] = fmt.Sprintf("$%d", len(args))
		}
		others = " AND (state = 'dead' OR endpoint NOT IN (" + strings.Join(places, ", ") + "))"
	}
	return s.prune(ctx, "remove old deliveries", `DELETE FROM deliveries WHERE (tenant, endpoint, event) IN
		(SELECT tenant, endpoint, event FROM deliveries WHERE created_at < $1`+others+` ORDER BY created_at LIMIT $2`+s.dialect.skipLocked+`)`,
		args...)
}

func (s *Store) prune(ctx context.Context, op, statement string, args ...any) (removed int, err error) {
	err = s.transact(ctx, op, func(tx *transaction) error {
		n, err := affected(ctx, tx, statement, args...)
		removed = int(n)
		return err
	})
	return removed, err
}
