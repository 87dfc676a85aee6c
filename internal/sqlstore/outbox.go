package sqlstore

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/presage-pdm/presage/tickets"
)

// signal tells a waiting relay of this process that the outbox has rows.
func (s *Store) signal() {
	select {
	case s.wake <- struct{}{}:
	default: // a signal is waiting already
	}
}

// Wake delivers a signal after a transaction of this process put events into
// the outbox. Other processes are noticed by polling.
func (s *Store) Wake() <-chan struct{} { return s.wake }

// ClaimEvents takes at most limit events out of the outbox for owner, oldest
// first: until the lease ends nobody else is given them.
func (s *Store) ClaimEvents(ctx context.Context, owner string, now time.Time, lease time.Duration, limit int) ([]tickets.Event, error) {
	var events []tickets.Event
	err := s.transact(ctx, "claim events", func(tx *transaction) (err error) {
		events, err = collect(ctx, tx, func(r row) (e tickets.Event, err error) {
			err = r.Scan(&e.Tenant, document(&e))
			e.SetTenant(e.Tenant)
			return e, err
		}, `UPDATE outbox SET claimed_by = $1, claimed_until = $2
			WHERE id IN (SELECT id FROM outbox WHERE claimed_until IS NULL OR claimed_until <= $3 ORDER BY id LIMIT $4`+s.dialect.skipLocked+`)
			RETURNING tenant, body`, owner, moment(now.Add(lease)), moment(now), limit)
		return err
	})
	slices.SortFunc(events, func(a, b tickets.Event) int { return strings.Compare(a.ID, b.ID) })
	return events, err
}

// publish puts an event into the outbox, within a transaction. Who calls it signals after the commit.
func publish(ctx context.Context, tx *transaction, tenant string, e tickets.Event) error {
	if e.ID == "" {
		id, err := newID()
		if err != nil {
			return err
		}
		e.ID = id
	}
	e.Tenant = tenant
	body, err := toJSON(e)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO outbox (tenant, id, body) VALUES ($1, $2, $3)`, tenant, e.ID, body)
	return err
}

// KeepEvents prolongs the lease of claimed events and returns how many of them
// are still owner's.
func (s *Store) KeepEvents(ctx context.Context, owner string, until time.Time, ids []string) (kept int, err error) {
	err = s.transact(ctx, "keep events", func(tx *transaction) error {
		kept = 0
		for _, id := range ids {
			n, err := affected(ctx, tx, `UPDATE outbox SET claimed_until = $3 WHERE id = $1 AND claimed_by = $2`, id, owner, moment(until))
			if err != nil {
				return err
			}
			kept += int(n)
		}
		return nil
	})
	return kept, err
}

// FinishEvents removes events that every subscriber took.
func (s *Store) FinishEvents(ctx context.Context, owner string, ids []string) error {
	return s.transact(ctx, "finish events", func(tx *transaction) error {
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, `DELETE FROM outbox WHERE id = $1 AND claimed_by = $2`, id, owner); err != nil {
				return err
			}
		}
		return nil
	})
}

// ReleaseEvents gives claimed events back at once.
func (s *Store) ReleaseEvents(ctx context.Context, owner string, ids []string) error {
	return s.transact(ctx, "release events", func(tx *transaction) error {
		for _, id := range ids {
			_, err := tx.ExecContext(ctx, `UPDATE outbox SET claimed_by = '', claimed_until = NULL WHERE id = $1 AND claimed_by = $2`, id, owner)
			if err != nil {
				return err
			}
		}
		return nil
	})
}
