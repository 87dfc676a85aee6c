package sqlstore

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/presage-pdm/presage/telemetry"
)

// Backlog is how much waits in the database, and how much it holds, of all tenants together.
type Backlog struct {
	// Outbox is how many events wait to be relayed; OutboxSince is since when the oldest does, zero when there is none.
	Outbox      int
	OutboxSince time.Time
	// Deliveries are what webhooks have not taken, by their name.
	Deliveries map[string]DeliveryBacklog
	// Quarantined is how many refused payloads are kept, QuarantineDropped how many have given way to newer ones.
	Quarantined, QuarantineDropped int
	// OpenTickets is how many are open of each severity.
	OpenTickets map[telemetry.Severity]int
	// Bytes is the size of the database.
	Bytes int64
}

// DeliveryBacklog is what one webhook has not taken.
type DeliveryBacklog struct {
	Pending, Dead int
	// Since is since when the oldest pending one waits, zero when there is none.
	Since time.Time
}

// Backlog looks at the database. It reads a few counters and the rows that wait, in some milliseconds.
func (s *Store) Backlog(ctx context.Context) (Backlog, error) {
	b := Backlog{Deliveries: map[string]DeliveryBacklog{}, OpenTickets: map[telemetry.Severity]int{}}
	var oldest string
	err := s.read.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM outbox), COALESCE((SELECT MIN(id) FROM outbox), ''),
		(SELECT COUNT(*) FROM rejected), COALESCE((SELECT SUM(value) FROM counters WHERE name = $1), 0), `+s.dialect.size, counterDropped).
		Scan(&b.Outbox, &oldest, &b.Quarantined, &b.QuarantineDropped, &b.Bytes)
	if err != nil {
		return b, s.fail(ctx, "look at the backlog", err)
	}
	if id, err := uuid.Parse(oldest); err == nil && id.Version() == 7 { // it tells when it was made (RFC 9562 section 5.7)
		b.OutboxSince = time.Unix(id.Time().UnixTime()).UTC()
	}
	type waiting struct {
		endpoint string
		pending  bool
		n        int
		since    time.Time
	}
	deliveries, err := collect(ctx, s.read, func(r row) (w waiting, err error) {
		return w, r.Scan(&w.endpoint, &w.pending, &w.n, into(&w.since))
	}, `SELECT endpoint, state = 'pending', COUNT(*), MIN(created_at) FROM deliveries GROUP BY endpoint, state = 'pending'`)
	if err != nil {
		return b, s.fail(ctx, "look at the deliveries that wait", err)
	}
	for _, w := range deliveries {
		d := b.Deliveries[w.endpoint]
		if w.pending {
			d.Pending, d.Since = w.n, w.since
		} else {
			d.Dead = w.n
		}
		b.Deliveries[w.endpoint] = d
	}
	type open struct{ severity, n int }
	tickets, err := collect(ctx, s.read, func(r row) (o open, err error) { return o, r.Scan(&o.severity, &o.n) },
		`SELECT severity, SUM(n) FROM ticket_tally WHERE is_open GROUP BY severity`)
	if err != nil {
		return b, s.fail(ctx, "count the open tickets", err)
	}
	for _, o := range tickets {
		b.OpenTickets[telemetry.Severity(o.severity)] = o.n
	}
	return b, nil
}
