package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
)

// one runs a statement in a transaction of its own; it fails with no rows when
// it changed none and must have.
func (s *Store) one(ctx context.Context, op string, must bool, statement string, args ...any) error {
	return s.transact(ctx, op, func(tx *transaction) error {
		n, err := affected(ctx, tx, statement, args...)
		if err == nil && must && n == 0 {
			err = sql.ErrNoRows
		}
		return err
	})
}

// CreateSession stores who signed in.
func (s *Store) CreateSession(ctx context.Context, v access.Session) error {
	return s.one(ctx, "create a session", false, `INSERT INTO sessions (tenant, id, username, created, last_seen, expires)
		VALUES ($1, $2, $3, $4, $5, $6)`, v.Tenant, v.ID, v.User, moment(v.Created), moment(v.LastSeen), moment(v.Expires))
}

// Session returns a session by ID, also one that has expired.
func (s *Store) Session(ctx context.Context, id string) (v access.Session, err error) {
	v.ID = id
	err = s.read.QueryRowContext(ctx, `SELECT tenant, username, created, last_seen, expires FROM sessions WHERE id = $1`, clean(id)).
		Scan(&v.Tenant, &v.User, into(&v.Created), into(&v.LastSeen), into(&v.Expires))
	return v, s.fail(ctx, "read a session", err)
}

// TouchSession moves when a session was last seen and when it expires.
func (s *Store) TouchSession(ctx context.Context, id string, lastSeen, expires time.Time) error {
	return s.one(ctx, "touch a session", true, `UPDATE sessions SET last_seen = $2, expires = $3 WHERE id = $1`,
		clean(id), moment(lastSeen), moment(expires))
}

// DeleteSession signs a session out; one that is not known is signed out already.
func (s *Store) DeleteSession(ctx context.Context, id string) error {
	return s.one(ctx, "delete a session", false, `DELETE FROM sessions WHERE id = $1`, clean(id))
}

// DeleteUserSessions signs a user out everywhere.
func (s *Store) DeleteUserSessions(ctx context.Context, tenant, user string) error {
	return s.one(ctx, "delete the sessions of a user", false, `DELETE FROM sessions WHERE tenant = $1 AND username = $2`, tenant, clean(user))
}

// DeleteExpiredSessions removes what expired before now.
func (s *Store) DeleteExpiredSessions(ctx context.Context, now time.Time) error {
	return s.one(ctx, "delete expired sessions", false, `DELETE FROM sessions WHERE expires < $1`, moment(now))
}

const tokenColumns = `tenant, id, name, role, hash, created, created_by, expires, last_used`

func scanToken(r row) (t access.Token, err error) {
	err = r.Scan(&t.Tenant, &t.ID, &t.Name, &t.Role, &t.Hash, into(&t.Created), &t.CreatedBy, into(&t.Expires), into(&t.LastUsed))
	return t, err
}

// Tokens lists the API tokens of a tenant by name.
func (s *Store) Tokens(ctx context.Context, tenant string) ([]access.Token, error) {
	all, err := collect(ctx, s.read, scanToken, `SELECT `+tokenColumns+` FROM tokens WHERE tenant = $1 ORDER BY name`, tenant)
	return all, s.fail(ctx, "list tokens", err)
}

// TokenByHash returns the token of any tenant with a hash.
func (s *Store) TokenByHash(ctx context.Context, hash string) (access.Token, error) {
	t, err := scanToken(s.read.QueryRowContext(ctx, `SELECT `+tokenColumns+` FROM tokens WHERE hash = $1`, clean(hash)))
	return t, s.fail(ctx, "read a token", err)
}

// CreateToken stores a token. It fails with [tickets.ErrConflict] when the name is taken.
func (s *Store) CreateToken(ctx context.Context, t access.Token) error {
	if t.ID == "" {
		id, err := newID()
		if err != nil {
			return err
		}
		t.ID = id
	}
	return s.one(ctx, "create token "+t.Name, false, `INSERT INTO tokens (`+tokenColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		t.Tenant, t.ID, clean(t.Name), string(t.Role), t.Hash, moment(t.Created), clean(t.CreatedBy), stamp(t.Expires), stamp(t.LastUsed))
}

// TouchToken notes that a token was used.
func (s *Store) TouchToken(ctx context.Context, id string, lastUsed time.Time) error {
	return s.one(ctx, "touch a token", true, `UPDATE tokens SET last_used = $2 WHERE id = $1`, clean(id), moment(lastUsed))
}

// DeleteToken revokes a token.
func (s *Store) DeleteToken(ctx context.Context, tenant, id string) error {
	return s.one(ctx, "delete a token", true, `DELETE FROM tokens WHERE tenant = $1 AND id = $2`, tenant, clean(id))
}
