package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// counterDropped counts the rejected payloads of a tenant that gave way to newer ones.
const counterDropped = "rejected-dropped"

// PutRejected puts payloads into the quarantine. The same payload of the same
// topic and arrival is kept once. When a tenant has more than Config.MaxRejected
// of them the oldest give way and are counted.
func (s *Store) PutRejected(ctx context.Context, rejected []telemetry.Rejected) error {
	if len(rejected) == 0 {
		return nil
	}
	return s.transact(ctx, "store rejected payloads", func(tx *transaction) error {
		tenants := map[string]bool{}
		for _, v := range rejected {
			tenants[v.Tenant] = true
			id, err := newID()
			if err != nil {
				return err
			}
			payload := v.Payload
			if payload == nil {
				payload = []byte{}
			}
			_, err = tx.ExecContext(ctx, `INSERT INTO rejected (tenant, id, digest, device, topic, arrival, reason, detail, payload, truncated)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (tenant, digest) DO NOTHING`,
				v.Tenant, id, rejectedDigest(&v), clean(v.Device), clean(v.Topic), millis(v.Arrival), v.Reason, clean(v.Detail), payload, v.Truncated)
			if err != nil {
				return err
			}
		}
		for tenant := range tenants {
			if err := s.boundRejected(ctx, tx, tenant); err != nil {
				return err
			}
		}
		return nil
	})
}

// rejectedDigest is the same for a payload that is put twice, by a replay.
func rejectedDigest(v *telemetry.Rejected) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %d %q ", v.Topic, v.Arrival, v.Reason)
	h.Write(v.Payload)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (s *Store) boundRejected(ctx context.Context, q querier, tenant string) error {
	var n int
	if err := q.QueryRowContext(ctx, `SELECT COUNT(*) FROM rejected WHERE tenant = $1`, tenant).Scan(&n); err != nil {
		return err
	}
	if n <= s.config.MaxRejected {
		return nil
	}
	dropped, err := affected(ctx, q, `DELETE FROM rejected WHERE tenant = $1 AND id IN
		(SELECT id FROM rejected WHERE tenant = $1 ORDER BY arrival, id LIMIT $2)`, tenant, n-s.config.MaxRejected)
	if err != nil {
		return err
	}
	_, err = count(ctx, q, tenant, counterDropped, int(dropped))
	return err
}

const rejectedColumns = `id, device, topic, arrival, reason, detail, payload, truncated`

func scanRejected(r row, tenant string) (q telemetry.Quarantined, err error) {
	var arrival time.Time
	q.Tenant = tenant
	err = r.Scan(&q.ID, &q.Device, &q.Topic, into(&arrival), &q.Reason, &q.Detail, &q.Payload, &q.Truncated)
	q.Arrival = arrival.UnixMilli()
	return q, err
}

// Quarantined returns a page of rejected payloads, newest first; next is empty on the last page.
func (s *Store) Quarantined(ctx context.Context, tenant, after string, limit int) (entries []telemetry.Quarantined, next string, err error) {
	const order = "arrival"
	limit = pageSize(limit, 50, 500)
	w := newWhere(tenant)
	if after != "" {
		c, err := parseCursor(after, order, 1, 0, 1)
		if err != nil {
			return nil, "", err
		}
		w.add("(arrival, id) < ", moment(c.Times[0]), c.Texts[0])
	}
	entries, err = collect(ctx, s.read, func(r row) (telemetry.Quarantined, error) { return scanRejected(r, tenant) },
		fmt.Sprintf(`SELECT %s FROM rejected WHERE %s ORDER BY arrival DESC, id DESC LIMIT %d`, rejectedColumns, w, limit+1), w.args...)
	if err != nil {
		return nil, "", s.fail(ctx, "list rejected payloads", err)
	}
	if len(entries) > limit {
		entries = entries[:limit]
		last := entries[limit-1]
		next = cursor{Sort: order, Times: []time.Time{millis(last.Arrival)}, Texts: []string{last.ID}}.String()
	}
	return entries, next, nil
}

// QuarantinedByID returns one rejected payload.
func (s *Store) QuarantinedByID(ctx context.Context, tenant, id string) (telemetry.Quarantined, error) {
	q, err := scanRejected(s.read.QueryRowContext(ctx,
		`SELECT `+rejectedColumns+` FROM rejected WHERE tenant = $1 AND id = $2`, tenant, clean(id)), tenant)
	return q, s.fail(ctx, "read rejected payload "+id, err)
}

// DeleteQuarantined removes a rejected payload from the quarantine.
func (s *Store) DeleteQuarantined(ctx context.Context, tenant, id string) error {
	op := "delete rejected payload " + id
	return s.transact(ctx, op, func(tx *transaction) error {
		n, err := affected(ctx, tx, `DELETE FROM rejected WHERE tenant = $1 AND id = $2`, tenant, clean(id))
		if err == nil && n == 0 {
			err = sql.ErrNoRows
		}
		return err
	})
}

// QuarantineSize returns how many rejected payloads a tenant has, and how many
// have given way to newer ones.
func (s *Store) QuarantineSize(ctx context.Context, tenant string) (kept, dropped int, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM rejected WHERE tenant = $1),
		COALESCE((SELECT value FROM counters WHERE tenant = $1 AND name = $2), 0)`, tenant, counterDropped).Scan(&kept, &dropped)
	return kept, dropped, s.fail(ctx, "count rejected payloads", err)
}
