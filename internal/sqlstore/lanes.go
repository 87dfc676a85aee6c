package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/presage-pdm/presage/tickets"
)

// AcquireLane makes owner the owner of a partition in a role and returns its
// epoch, one more than that of the owner before, whose effects are refused from now on.
func (s *Store) AcquireLane(ctx context.Context, partition int, role, owner string) (epoch int64, err error) {
	op := fmt.Sprintf("acquire lane %d for %s", partition, role)
	err = s.transact(ctx, op, func(tx *transaction) error {
		return tx.QueryRowContext(ctx, `INSERT INTO lanes (partition, role, owner, epoch, acquired_at) VALUES ($1, $2, $3, 1, $4)
			ON CONFLICT (partition, role) DO UPDATE SET owner = excluded.owner, epoch = lanes.epoch + 1, acquired_at = excluded.acquired_at
			RETURNING epoch`, partition, role, owner, moment(time.Now())).Scan(&epoch)
	})
	return epoch, err
}

// checkFence fails with [tickets.ErrFenced] when the lane has a newer owner,
// and keeps it from getting one until the transaction ends.
func (s *Store) checkFence(ctx context.Context, q querier, f tickets.Fence) error {
	n, err := affected(ctx, q, `UPDATE lanes SET epoch = epoch WHERE partition = $1 AND role = $2 AND epoch = $3`,
		f.Partition, f.Role, f.Epoch)
	if err != nil {
		return err
	}
	if n != 1 {
		return fmt.Errorf("lane %d for %s at epoch %d: %w", f.Partition, f.Role, f.Epoch, tickets.ErrFenced)
	}
	return nil
}
