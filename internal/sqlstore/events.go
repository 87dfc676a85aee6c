package sqlstore

import (
	"context"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// PutEvents stores events of devices. An event with the time, code and ID of one
// that is stored changes nothing.
func (s *Store) PutEvents(ctx context.Context, tenant string, events []telemetry.DeviceEvent) error {
	if len(events) == 0 {
		return nil
	}
	return s.transact(ctx, "store events", func(tx *transaction) error {
		for _, e := range events {
			attributes, err := toJSON(e.Attributes)
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, `INSERT INTO device_events (tenant, device, at, code, event_id, severity, attributes)
				VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, device, at, code, event_id) DO NOTHING`, tenant, clean(e.Device), millis(e.Time), clean(e.Code), clean(e.ID), int(e.Severity), attributes)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Events returns at most limit events of a device in [from, to), oldest first.
// A zero from or to leaves that side open.
func (s *Store) Events(ctx context.Context, tenant, device string, from, to time.Time, limit int) ([]telemetry.Event, error) {
	if to.IsZero() {
		to = noDeadline
	}
	events, err := collect(ctx, s.read, func(r row) (e telemetry.Event, err error) {
		var at time.Time
		err = r.Scan(into(&at), &e.Code, &e.ID, &e.Severity, document(&e.Attributes))
		e.Time = at.UnixMilli()
		return e, err
	}, `SELECT at, code, event_id, severity, attributes FROM device_events
		WHERE tenant = $1 AND device = $2 AND at >= $3 AND at < $4 ORDER BY at, code, event_id LIMIT $5`,
		tenant, clean(device), moment(from), moment(to), pageSize(limit, 1000, 100_000))
	return events, s.fail(ctx, "list the events of device "+device, err)
}
