package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/tickets"
)

const userColumns = `id, name, display, role, language, time_zone, technician, created, disabled, password_hash`

func scanUser(r row) (u access.User, err error) {
	err = r.Scan(&u.ID, &u.Name, &u.Display, &u.Role, &u.Language, &u.TimeZone, &u.Technician, into(&u.Created), &u.Disabled, &u.PasswordHash)
	return u, err
}

// Users lists the accounts of a tenant by sign-in name.
func (s *Store) Users(ctx context.Context, tenant string) ([]access.User, error) {
	users, err := collect(ctx, s.read, scanUser, `SELECT `+userColumns+` FROM users WHERE tenant = $1 ORDER BY name`, tenant)
	return users, s.fail(ctx, "list users", err)
}

// User returns the account with a sign-in name.
func (s *Store) User(ctx context.Context, tenant, name string) (access.User, error) {
	u, err := scanUser(s.read.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE tenant = $1 AND name = $2`, tenant, clean(name)))
	return u, s.fail(ctx, "read a user", err)
}

// CreateUser stores a new account. It fails with [tickets.ErrConflict] when the name is taken.
func (s *Store) CreateUser(ctx context.Context, tenant string, u access.User) error {
	return s.transact(ctx, "create user "+u.Name, func(tx *transaction) error { return createUser(ctx, tx, tenant, u) })
}

// CreateFirstUser stores the first account of a tenant. It fails with
// [tickets.ErrConflict] when there is one already.
func (s *Store) CreateFirstUser(ctx context.Context, tenant string, u access.User) error {
	return s.transact(ctx, "create the first user", func(tx *transaction) error {
		// The counter is taken by one transaction at a time, and by one only for ever.
		n, err := count(ctx, tx, tenant, "first-user", 1)
		if err != nil {
			return err
		}
		var users int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM users WHERE tenant = $1`, tenant).Scan(&users); err != nil {
			return err
		}
		if n > 1 || users > 0 {
			return fmt.Errorf("there is a user already: %w", tickets.ErrConflict)
		}
		return createUser(ctx, tx, tenant, u)
	})
}

func createUser(ctx context.Context, q querier, tenant string, u access.User) error {
	if u.ID == "" {
		id, err := newID()
		if err != nil {
			return err
		}
		u.ID = id
	}
	_, err := q.ExecContext(ctx, `INSERT INTO users (tenant, `+userColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		tenant, u.ID, clean(u.Name), clean(u.Display), string(u.Role), clean(u.Language), clean(u.TimeZone), clean(u.Technician),
		moment(u.Created), u.Disabled, u.PasswordHash)
	return err
}

// UpdateUser replaces the account with the ID of u; when it was created stays.
func (s *Store) UpdateUser(ctx context.Context, tenant string, u access.User) error {
	return s.transact(ctx, "change user "+u.Name, func(tx *transaction) error {
		n, err := affected(ctx, tx, `UPDATE users SET name = $3, display = $4, role = $5, language = $6, time_zone = $7, technician = $8,
			disabled = $9, password_hash = $10 WHERE tenant = $1 AND id = $2`,
			tenant, clean(u.ID), clean(u.Name), clean(u.Display), string(u.Role), clean(u.Language), clean(u.TimeZone), clean(u.Technician),
			u.Disabled, u.PasswordHash)
		if err == nil && n == 0 {
			err = sql.ErrNoRows
		}
		return err
	})
}
