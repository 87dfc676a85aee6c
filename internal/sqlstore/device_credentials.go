package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/tickets"
)

const deviceCredentialColumns = `id, tenant, device, devices, hash, mosquitto, created, created_by, expires, revoked, last_used, revision`

func scanDeviceCredential(r row) (c access.DeviceCredential, err error) {
	err = r.Scan(&c.ID, &c.Tenant, &c.Device, document(&c.Devices), &c.Hash, &c.Mosquitto,
		into(&c.Created), &c.CreatedBy, into(&c.Expires), into(&c.Revoked), into(&c.LastUsed), &c.Revision)
	return c, err
}

// nextRevision moves the revision of the credentials of all tenants on, and returns it. Who has
// called it is followed by nobody until the transaction ends, so revisions come in the order of commits.
func nextRevision(ctx context.Context, tx *transaction) (int64, error) {
	return count(ctx, tx, "", "device-credentials", 1)
}

// CreateDeviceCredentials stores new credentials, all or none. It fails with [tickets.ErrConflict] for a
// device that would have more than [access.MaxDeviceCredentials] valid ones at the time at which the new one was created.
func (s *Store) CreateDeviceCredentials(ctx context.Context, all []access.DeviceCredential) error {
	return s.transact(ctx, "create credentials of devices", func(tx *transaction) error {
		for _, c := range all {
			if err := createDeviceCredential(ctx, tx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

func createDeviceCredential(ctx context.Context, tx *transaction, c access.DeviceCredential) error {
	revision, err := nextRevision(ctx, tx)
	if err != nil {
		return err
	}
	valid, err := validDeviceCredentials(ctx, tx, c.Tenant, c.Device, c.Created)
	if err != nil {
		return err
	}
	if len(valid) >= access.MaxDeviceCredentials {
		return fmt.Errorf("device %q has %d valid credentials: revoke some, or rotate them: %w", c.Device, len(valid), tickets.ErrConflict)
	}
	devices := ""
	if len(c.Devices) > 0 {
		if devices, err = toJSON(c.Devices); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO device_credentials (`+deviceCredentialColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		c.ID, c.Tenant, c.Device, devices, c.Hash, c.Mosquitto, moment(c.Created), clean(c.CreatedBy),
		stamp(c.Expires), stamp(c.Revoked), stamp(c.LastUsed), revision)
	return err
}

// validDeviceCredentials returns those of a device that are valid at a time, the newest first.
func validDeviceCredentials(ctx context.Context, q querier, tenant, device string, at time.Time) ([]access.DeviceCredential, error) {
	return collect(ctx, q, scanDeviceCredential, `SELECT `+deviceCredentialColumns+` FROM device_credentials
		WHERE tenant = $1 AND device = $2 AND (expires IS NULL OR expires > $3) AND (revoked IS NULL OR revoked > $3) ORDER BY id DESC`,
		tenant, clean(device), moment(at))
}

// DeviceCredentials lists those of a device, the newest first, also those that are not valid any more.
func (s *Store) DeviceCredentials(ctx context.Context, tenant, device string) ([]access.DeviceCredential, error) {
	all, err := collect(ctx, s.read, scanDeviceCredential, `SELECT `+deviceCredentialColumns+` FROM device_credentials
		WHERE tenant = $1 AND device = $2 ORDER BY id DESC`, tenant, clean(device))
	return all, s.fail(ctx, "list the credentials of a device", err)
}

// DeviceCredentialsAfter returns at most limit of a tenant behind an ID, the oldest first; behind the empty ID from the beginning.
func (s *Store) DeviceCredentialsAfter(ctx context.Context, tenant, id string, limit int) ([]access.DeviceCredential, error) {
	all, err := collect(ctx, s.read, scanDeviceCredential, `SELECT `+deviceCredentialColumns+` FROM device_credentials
		WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3`, tenant, clean(id), limit)
	return all, s.fail(ctx, "list credentials of devices", err)
}

// DeviceCredentialByHash returns the credential of any tenant with a hash.
func (s *Store) DeviceCredentialByHash(ctx context.Context, hash string) (access.DeviceCredential, error) {
	c, err := scanDeviceCredential(s.read.QueryRowContext(ctx, `SELECT `+deviceCredentialColumns+` FROM device_credentials WHERE hash = $1`, clean(hash)))
	return c, s.fail(ctx, "read a credential of a device", err)
}

// DeviceCredentialRevision is the newest revision of all.
func (s *Store) DeviceCredentialRevision(ctx context.Context) (int64, error) {
	var newest int64
	err := s.read.QueryRowContext(ctx, `SELECT COALESCE(MAX(revision), 0) FROM device_credentials`).Scan(&newest)
	return newest, s.fail(ctx, "read the revision of credentials", err)
}

// ChangedDeviceCredentials returns at most limit of any tenant that changed after a revision, in the order of their changes.
func (s *Store) ChangedDeviceCredentials(ctx context.Context, after int64, limit int) ([]access.DeviceCredential, error) {
	all, err := collect(ctx, s.read, scanDeviceCredential, `SELECT `+deviceCredentialColumns+` FROM device_credentials
		WHERE revision > $1 ORDER BY revision LIMIT $2`, after, limit)
	return all, s.fail(ctx, "read changed credentials", err)
}

// RotateDeviceCredentials stores a new credential and lets the other valid ones of its device end at a
// time, unless they end before. It fails with [tickets.ErrNotFound] when there is none: issue one instead. A new
// credential that names no further devices takes those of the newest valid one over; it is returned as it was stored.
func (s *Store) RotateDeviceCredentials(ctx context.Context, c access.DeviceCredential, end time.Time) (access.DeviceCredential, error) {
	stored := c
	err := s.transact(ctx, "rotate the credentials of "+c.Device, func(tx *transaction) error {
		revision, err := nextRevision(ctx, tx) // first, so that nobody issues one meanwhile
		if err != nil {
			return err
		}
		old, err := validDeviceCredentials(ctx, tx, c.Tenant, c.Device, c.Created)
		if err == nil && len(old) == 0 {
			err = sql.ErrNoRows
		}
		if err != nil {
			return err
		}
		// A rotation must not fail because too many are valid, so those that are one too many end at once.
		for i, o := range old {
			at := end
			if i >= access.MaxDeviceCredentials-1 {
				at = c.Created
			}
			if !o.Expires.IsZero() && !o.Expires.After(at) {
				continue
			}
			if _, err := tx.ExecContext(ctx, `UPDATE device_credentials SET expires = $2, revision = $3 WHERE id = $1`, o.ID, moment(at), revision); err != nil {
				return err
			}
			if revision, err = nextRevision(ctx, tx); err != nil {
				return err
			}
		}
		if len(c.Devices) == 0 {
			stored.Devices = old[0].Devices
		}
		return createDeviceCredential(ctx, tx, stored)
	})
	return stored, err
}

// RevokeDeviceCredentials ends credentials of a device at a time: the one with an ID, or all that are valid when the ID is
// empty. It fails with [tickets.ErrNotFound] when there is none.
func (s *Store) RevokeDeviceCredentials(ctx context.Context, tenant, device, id string, at time.Time) (revoked int, err error) {
	err = s.transact(ctx, "revoke credentials of "+device, func(tx *transaction) error {
		revision, err := nextRevision(ctx, tx)
		if err != nil {
			return err
		}
		valid, err := validDeviceCredentials(ctx, tx, tenant, device, at)
		if err != nil {
			return err
		}
		revoked = 0
		for _, c := range valid {
			if id != "" && c.ID != id {
				continue
			}
			if _, err := tx.ExecContext(ctx, `UPDATE device_credentials SET revoked = $2, revision = $3 WHERE id = $1`, c.ID, moment(at), revision); err != nil {
				return err
			}
			if revision, err = nextRevision(ctx, tx); err != nil {
				return err
			}
			revoked++
		}
		if revoked == 0 {
			return sql.ErrNoRows
		}
		return nil
	})
	return revoked, err
}

// TouchDeviceCredentials notes when credentials, by ID, were last used. It is no change of them.
func (s *Store) TouchDeviceCredentials(ctx context.Context, used map[string]time.Time) error {
	return s.transact(ctx, "note the use of credentials", func(tx *transaction) error {
		for id, at := range used {
			if _, err := tx.ExecContext(ctx, `UPDATE device_credentials SET last_used = $2 WHERE id = $1`, id, moment(at)); err != nil {
				return err
			}
		}
		return nil
	})
}

// PruneDeviceCredentials removes at most limit credentials that ended before a time.
func (s *Store) PruneDeviceCredentials(ctx context.Context, before time.Time, limit int) (removed int, err error) {
	return s.prune(ctx, "remove old credentials", `DELETE FROM device_credentials WHERE id IN (
		SELECT id FROM device_credentials WHERE expires < $1 OR revoked < $1 ORDER BY id LIMIT $2)`, moment(before), limit)
}
