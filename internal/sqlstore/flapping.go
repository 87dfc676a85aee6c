package sqlstore

import (
	"context"
	"time"

	"github.com/presage-pdm/presage/tickets"
)

// Flapping implements [tickets.Store].
func (s *Store) Flapping(ctx context.Context, tenant string, seen time.Time, limit int) ([]string, error) {
	ids, err := collect(ctx, s.read, func(r row) (id string, err error) { return id, r.Scan(&id) },
		`SELECT id FROM tickets WHERE tenant = $1 AND flapping_at <= $2 AND flapping_at IS NOT NULL ORDER BY flapping_at, id LIMIT $3`, tenant, moment(seen), limit)
	return ids, s.fail(ctx, "list flapping tickets", err)
}

// flapValues are the columns flap and flapping_at of a ticket.
func flapValues(t *tickets.Ticket) (body string, at any, err error) {
	if t.Flap == nil {
		return "", nil, nil
	}
	if t.Flap.Flapping {
		at = moment(t.Flap.Seen)
	}
	body, err = toJSON(t.Flap)
	return body, at, err
}
