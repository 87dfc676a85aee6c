package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/tickets"
)

// Attach implements [tickets.Tx].
func (x *ticketTx) Attach(ctx context.Context, e tickets.Evidence) (added bool, err error) {
	op := "keep finding " + e.ID
	body, err := toJSON(e)
	if err != nil {
		return false, fmt.Errorf("%s: %w", op, err)
	}
	n, err := affected(ctx, x.tx, `INSERT INTO findings
		(tenant, id, ticket, device, component, fault_code, detector, phase, severity, withheld, found_at, recorded_at, body, rule)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT (tenant, id) DO NOTHING`,
		x.tenant, e.ID, e.Ticket, e.Device, e.Component, e.FaultCode, e.Detector, string(e.Phase), int(e.Severity),
		e.Withheld, millis(e.Time), moment(e.RecordedAt), body, e.Rule)
	return n > 0, x.s.fail(ctx, op, err)
}

// Findings implements [tickets.Store].
func (s *Store) Findings(ctx context.Context, tenant string, f tickets.FindingFilter) (findings []tickets.Evidence, next string, err error) {
	const order = "found"
	limit := pageSize(f.Limit, 50, 500)
	w := newWhere(tenant)
	for _, c := range []struct{ column, value string }{
		{"device = ", f.Device}, {"detector = ", f.Detector}, {"component = ", f.Component},
		{"ticket = ", f.Ticket}, {"phase = ", string(f.Phase)},
	} {
		if c.value != "" {
			w.add(c.column, c.value)
		}
	}
	if f.Ticket != "" {
		w.plain("ticket <> ''") // implied, and tells the planner of the partial index
	}
	if f.Withheld != nil {
		w.plain(map[bool]string{true: "withheld <> ''", false: "withheld = ''"}[*f.Withheld])
	}
	if !f.From.IsZero() {
		w.add("found_at >= ", moment(f.From))
	}
	if !f.To.IsZero() {
		w.add("found_at < ", moment(f.To))
	}
	if f.Cursor != "" {
		c, err := parseCursor(f.Cursor, order, 1, 0, 1)
		if err != nil {
			return nil, "", err
		}
		w.add("(found_at, id) < ", moment(c.Times[0]), c.Texts[0])
	}
	findings, err = collect(ctx, s.read, func(r row) (e tickets.Evidence, err error) {
		err = r.Scan(document(&e))
		e.Tenant = tenant
		return e, err
	}, fmt.Sprintf(`SELECT body FROM findings WHERE %s ORDER BY found_at DESC, id DESC LIMIT %d`, w, limit+1), w.args...)
	if err != nil {
		return nil, "", s.fail(ctx, "list findings", err)
	}
	if len(findings) > limit {
		findings = findings[:limit]
		last := findings[limit-1]
		next = cursor{Sort: order, Times: []time.Time{millis(last.Time)}, Texts: []string{last.ID}}.String()
	}
	return findings, next, nil
}

// Telling returns, of each of the tickets that has one, the newest finding that says what is wrong: none that only says that it is over.
// It takes one look into the index of findings a ticket.
func (s *Store) Telling(ctx context.Context, tenant string, ids []string) (map[string]detectors.Finding, error) {
	told := make(map[string]detectors.Finding, len(ids))
	if len(ids) == 0 {
		return told, nil
	}
	w := newWhere(tenant)
	asked := make([]string, len(ids))
	for i, id := range ids {
		asked[i] = "(" + w.param(id) + ")"
	}
	// The tickets themselves are not read: a planner without statistics reads all of them. The condition "ticket <> ''" is implied, and tells the planner of the partial index.
	query := fmt.Sprintf(`WITH asked(ticket) AS (VALUES %s)
		SELECT asked.ticket, (SELECT body FROM findings
			WHERE findings.tenant = $1 AND findings.ticket = asked.ticket AND findings.ticket <> '' AND findings.phase <> '%s'
			ORDER BY found_at DESC, id DESC LIMIT 1)
		FROM asked`, strings.Join(asked, ", "), detectors.Cleared)
	type telling struct {
		ticket string
		body   sql.NullString
	}
	rows, err := collect(ctx, s.read, func(r row) (v telling, err error) { return v, r.Scan(&v.ticket, &v.body) }, query, w.args...)
	for i := 0; err == nil && i < len(rows); i++ {
		if r := rows[i]; r.body.Valid {
			f := detectors.Finding{Tenant: tenant}
			err = json.Unmarshal([]byte(r.body.String), &f)
			told[r.ticket] = f
		}
	}
	if err != nil {
		return nil, s.fail(ctx, "read what tickets tell", err)
	}
	return told, nil
}
