package sqlstore

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// judged is what of a device's row its health depends on.
type judged struct {
	online   sql.NullBool
	lastSeen time.Time
}

func (d *judged) scan(r row) error { return r.Scan(&d.online, into(&d.lastSeen)) }

// offline tells that the device said so, or its last will.
func (d *judged) offline() bool { return d.online.Valid && !d.online.Bool }

func (d *judged) seen() bool { return d.online.Valid || d.lastSeen.After(neverSeen) }

// neverSeen stands in the devices table for a device that was never heard of.
var neverSeen = time.Unix(0, 0).UTC()

// PutStates stores what devices said of themselves. A state older than the one
// that is stored changes nothing.
func (s *Store) PutStates(ctx context.Context, tenant string, states []telemetry.DeviceState) error {
	if len(states) == 0 {
		return nil
	}
	// The newest of each device, in a fixed order, so that transactions do not wait for each other in a ring.
	newest := map[string]telemetry.State{}
	for _, v := range states {
		if old, ok := newest[v.Device]; !ok || v.Time >= old.Time {
			newest[v.Device] = v.State
		}
	}
	return s.transact(ctx, "store states", func(tx *transaction) error {
		for _, device := range slices.Sorted(maps.Keys(newest)) {
			v := newest[device]
			attributes, err := toJSON(v.Attributes)
			if err != nil {
				return err
			}
			n, err := affected(ctx, tx, `INSERT INTO device_states (tenant, device, at, online, attributes) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (tenant, device) DO UPDATE SET at = excluded.at, online = excluded.online, attributes = excluded.attributes
				WHERE device_states.at < excluded.at`, tenant, device, millis(v.Time), v.Online, attributes)
			if err != nil {
				return err
			}
			if n > 0 {
				if err := s.adoptState(ctx, tx, tenant, device); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// adoptState brings a device's row up to date with its state and its tickets.
func (s *Store) adoptState(ctx context.Context, q querier, tenant, device string) error {
	type said struct {
		at         time.Time
		online     bool
		attributes map[string]string
	}
	states, err := collect(ctx, q, func(r row) (v said, err error) {
		return v, r.Scan(into(&v.at), &v.online, document(&v.attributes))
	}, `SELECT at, online, attributes FROM device_states WHERE tenant = $1 AND device = $2`, tenant, device)
	if err != nil {
		return err
	}
	if len(states) > 0 {
		v := states[0]
		seen := v.at
		if !v.online {
			// A last will is said by the broker, when the device had fallen silent already.
			seen = neverSeen
		}
		_, err := q.ExecContext(ctx, `UPDATE devices SET online = $3,
				last_seen = CASE WHEN last_seen < $4 THEN $4 ELSE last_seen END,
				firmware = CASE WHEN $5 = '' THEN firmware ELSE $5 END
			WHERE tenant = $1 AND id = $2`, tenant, device, v.online, seen, clean(v.attributes["firmware"]))
		if err != nil {
			return err
		}
	}
	return s.judge(ctx, q, tenant, device)
}

// PutSeen tells when devices were last heard of, in Unix milliseconds. Times
// before those stored, and devices that are not known, change nothing. It is
// meant to be called now and then for many devices, not for every message.
func (s *Store) PutSeen(ctx context.Context, tenant string, seen map[string]int64) error {
	if len(seen) == 0 {
		return nil
	}
	return s.transact(ctx, "store when devices were seen", func(tx *transaction) error {
		for _, device := range slices.Sorted(maps.Keys(seen)) {
			// The health changes only for a device that was never heard of before.
			_, err := tx.ExecContext(ctx, `UPDATE devices SET last_seen = $3, health = CASE WHEN health = $4 THEN $5 ELSE health END
				WHERE tenant = $1 AND id = $2 AND last_seen < $3`, tenant, device, millis(seen[device]),
				healthRank(healthOf(-1, false, false)), healthRank(healthOf(-1, false, true)))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// State returns what a device last said of itself, or [tickets.ErrNotFound].
func (s *Store) State(ctx context.Context, tenant, device string) (telemetry.State, error) {
	var v telemetry.State
	var at time.Time
	err := s.read.QueryRowContext(ctx, `SELECT at, online, attributes FROM device_states WHERE tenant = $1 AND device = $2`,
		tenant, clean(device)).Scan(into(&at), &v.Online, document(&v.Attributes))
	v.Time = at.UnixMilli()
	return v, s.fail(ctx, "read the state of device "+device, err)
}
