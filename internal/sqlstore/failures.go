package sqlstore

import (
	"context"
	"time"

	"github.com/presage-pdm/presage/tickets/quality"
)

// PutFailures stores failures in one transaction and returns how many were not known before. Each has passed [quality.Failure.Check].
func (s *Store) PutFailures(ctx context.Context, tenant string, failures []quality.Failure, now time.Time) (added int, err error) {
	err = s.transact(ctx, "store failures", func(tx *transaction) error {
		added = 0
		for _, f := range failures {
			n, err := affected(ctx, tx, `INSERT INTO failures (tenant, device, component, failed_at, code, imported_at)
				VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, device, failed_at, component, code) DO NOTHING`,
				tenant, f.Device, clean(f.Component), moment(f.FailedAt), clean(f.Code), moment(now))
			if err != nil {
				return err
			}
			added += int(n)
		}
		return nil
	})
	return added, err
}

// Failures returns at most limit failures in [from, to), oldest first, of one device or, when it is empty, of all. A zero from
// or to leaves that side open; limit is at most [quality.MaxFailures].
func (s *Store) Failures(ctx context.Context, tenant, device string, from, to time.Time, limit int) ([]quality.Failure, error) {
	if to.IsZero() {
		to = noDeadline
	}
	failures, err := collect(ctx, s.read, func(r row) (f quality.Failure, err error) {
		return f, r.Scan(&f.Device, &f.Component, into(&f.FailedAt), &f.Code)
	}, `SELECT device, component, failed_at, code FROM failures
		WHERE tenant = $1 AND ($2 = '' OR device = $2) AND failed_at >= $3 AND failed_at < $4
		ORDER BY failed_at, device, component, code LIMIT $5`,
		tenant, clean(device), moment(from), moment(to), pageSize(limit, 500, quality.MaxFailures))
	return failures, s.fail(ctx, "list failures", err)
}
