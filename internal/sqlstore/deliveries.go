package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/presage-pdm/presage/tickets"
)

const deliveryColumns = `tenant, endpoint, body, state, attempts, created_at, next_at, last_error`

func scanDelivery(r row) (d tickets.Delivery, err error) {
	err = r.Scan(&d.Tenant, &d.Endpoint, document(&d.Event), &d.State, &d.Attempts, into(&d.CreatedAt), into(&d.NextAt), &d.LastError)
	d.Event.SetTenant(d.Tenant)
	return d, err
}

// PutDelivery keeps an event for an endpoint until it is taken. Putting it again
// changes nothing.
func (s *Store) PutDelivery(ctx context.Context, endpoint string, e tickets.Event, now time.Time) error {
	body, err := toJSON(e)
	if err != nil {
		return err
	}
	return s.one(ctx, "keep a delivery to "+endpoint, false, `INSERT INTO deliveries
		(tenant, endpoint, event, body, state, attempts, created_at, next_at) VALUES ($1, $2, $3, $4, $5, 0, $6, $6)
		ON CONFLICT (tenant, endpoint, event) DO NOTHING`, e.Tenant, endpoint, e.ID, body, tickets.DeliveryPending, moment(now))
}

// ClaimDeliveries takes at most limit due deliveries of an endpoint, longest due
// first, and counts the attempt. Nobody else is given them before the lease ends.
func (s *Store) ClaimDeliveries(ctx context.Context, endpoint string, now time.Time, lease time.Duration, limit int) ([]tickets.Delivery, error) {
	var claimed []tickets.Delivery
	err := s.transact(ctx, "claim deliveries to "+endpoint, func(tx *transaction) (err error) {
		claimed, err = collect(ctx, tx, scanDelivery, `UPDATE deliveries SET attempts = attempts + 1, next_at = $2
			WHERE (tenant, endpoint, event) IN (SELECT tenant, endpoint, event FROM deliveries
				WHERE endpoint = $1 AND state = 'pending' AND next_at <= $3 ORDER BY next_at, event LIMIT $4`+s.dialect.skipLocked+`)
			RETURNING `+deliveryColumns, endpoint, moment(now.Add(lease)), moment(now), limit)
		return err
	})
	return claimed, err
}

// DeliveryTaken removes a delivery that its endpoint took. It changes nothing
// when the lease ended and somebody else tries by now.
func (s *Store) DeliveryTaken(ctx context.Context, d tickets.Delivery) error {
	return s.one(ctx, "finish a delivery to "+d.Endpoint, false,
		`DELETE FROM deliveries WHERE tenant = $1 AND endpoint = $2 AND event = $3 AND attempts = $4`,
		d.Tenant, d.Endpoint, d.Event.ID, d.Attempts)
}

// DeliveryFailed notes why an attempt failed and when, and whether at all, the
// next one is.
func (s *Store) DeliveryFailed(ctx context.Context, d tickets.Delivery, reason string, next time.Time, dead bool) error {
	state := tickets.DeliveryPending
	if dead {
		state = tickets.DeliveryDead
	}
	return s.one(ctx, "note a failed delivery to "+d.Endpoint, false, `UPDATE deliveries SET state = $5, next_at = $6, last_error = $7
		WHERE tenant = $1 AND endpoint = $2 AND event = $3 AND attempts = $4`,
		d.Tenant, d.Endpoint, d.Event.ID, d.Attempts, state, moment(next), clean(reason))
}

// Deliveries returns a page of the deliveries of a tenant, newest first; next is
// empty on the last page. An empty state means pending and dead ones.
func (s *Store) Deliveries(ctx context.Context, tenant, state, after string, limit int) (all []tickets.Delivery, next string, err error) {
	const order = "delivery"
	limit = pageSize(limit, 50, 500)
	w := newWhere(tenant)
	if state != "" {
		w.add("state = ", clean(state))
	}
	if after != "" {
		c, err := parseCursor(after, order, 1, 0, 2)
		if err != nil {
			return nil, "", err
		}
		w.add("(created_at, event, endpoint) < ", moment(c.Times[0]), c.Texts[0], c.Texts[1])
	}
	all, err = collect(ctx, s.read, scanDelivery, fmt.Sprintf(`SELECT %s FROM deliveries WHERE %s
		ORDER BY created_at DESC, event DESC, endpoint DESC LIMIT %d`, deliveryColumns, w, limit+1), w.args...)
	if err != nil {
		return nil, "", s.fail(ctx, "list deliveries", err)
	}
	if len(all) > limit {
		all = all[:limit]
		last := all[limit-1]
		next = cursor{Sort: order, Times: []time.Time{last.CreatedAt}, Texts: []string{last.Event.ID, last.Endpoint}}.String()
	}
	return all, next, nil
}

// RetryDelivery makes a delivery due at once. A dead one gets its attempts back.
func (s *Store) RetryDelivery(ctx context.Context, tenant, endpoint, event string, now time.Time) error {
	return s.one(ctx, "retry a delivery to "+endpoint, true, `UPDATE deliveries SET state = 'pending', next_at = $4,
		attempts = CASE state WHEN 'dead' THEN 0 ELSE attempts END
		WHERE tenant = $1 AND endpoint = $2 AND event = $3`, tenant, clean(endpoint), clean(event), moment(now))
}
