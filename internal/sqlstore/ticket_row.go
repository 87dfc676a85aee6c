package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/presage-pdm/presage/tickets"
)

// ticketColumns are read by scanTicket and written by ticketValues, in this order.
const ticketColumns = `id, number, kind, device, component, fault_code, severity, priority,
	priority_reason, title, workflow, workflow_version, state, category,
	onset_at, opened_at, recorded_at, updated_at, last_seen_at, cleared_at, closed_at, deadline,
	region, station, assignee, occurrences, reopened, previous_id, backfill, resolution, facts, flap, revision`

// row is *sql.Row or *sql.Rows.
type row interface{ Scan(dest ...any) error }

// scanTicket reads the ticketColumns of a tenant's ticket.
func scanTicket(r row, tenant string) (tickets.Ticket, error) {
	t := tickets.Ticket{Tenant: tenant}
	err := r.Scan(&t.ID, &t.Number, &t.Kind, &t.Device, &t.Component, &t.FaultCode, &t.Severity, &t.Priority,
		document(&t.PriorityReason), document(&t.Title), &t.Workflow, &t.WorkflowVersion, &t.State, &t.Category,
		into(&t.OnsetAt), into(&t.OpenedAt), into(&t.RecordedAt), into(&t.UpdatedAt), into(&t.LastSeenAt),
		into(&t.ClearedAt), into(&t.ClosedAt), into(&t.Deadline),
		&t.Region, &t.Station, &t.Assignee, &t.Occurrences, &t.Reopened, &t.PreviousID, &t.Backfill, &t.Resolution,
		document(&t.Facts), document(&t.Flap), &t.Revision)
	return t, err
}

// noDeadline orders tickets without a deadline behind all others.
var noDeadline = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// ticketKeys are the columns that are derived from a ticket for searching.
const ticketKeys = `title_ref, is_open, opened_day, due_key, model, customer, flapping_at`

const day = 24 * 60 * 60

// ticketValues returns the ticketColumns but the revision, then the ticketKeys.
func ticketValues(t *tickets.Ticket) ([]any, error) {
	reason, err := toJSON(t.PriorityReason)
	if err != nil {
		return nil, err
	}
	title, err := toJSON(t.Title)
	if err != nil {
		return nil, err
	}
	facts, err := toJSON(t.Facts)
	if err != nil {
		return nil, err
	}
	flap, flapping, err := flapValues(t)
	if err != nil {
		return nil, err
	}
	due := t.Deadline
	if due.IsZero() {
		due = noDeadline
	}
	return []any{
		t.ID, t.Number, string(t.Kind), t.Device, t.Component, t.FaultCode, int(t.Severity), t.Priority,
		reason, title, t.Workflow, t.WorkflowVersion, t.State, string(t.Category),
		moment(t.OnsetAt), moment(t.OpenedAt), moment(t.RecordedAt), moment(t.UpdatedAt), moment(t.LastSeenAt),
		stamp(t.ClearedAt), stamp(t.ClosedAt), stamp(t.Deadline),
		t.Region, t.Station, t.Assignee, t.Occurrences, t.Reopened, t.PreviousID, t.Backfill, t.Resolution, facts, flap,
		titleRef(title), t.Open(), openedDay(t.OpenedAt), moment(due), t.Facts.Model, t.Facts.Customer, flapping,
	}, nil
}

// openedDay counts days of UTC since 1970.
func openedDay(t time.Time) int {
	s := t.Unix()
	if s < 0 {
		s -= day - 1
	}
	return int(s / day)
}

// titleRef names a title by its words, so that tickets with the same title share its entry in the index of words.
func titleRef(title string) string {
	sum := sha256.Sum256([]byte(title))
	return hex.EncodeToString(sum[:12])
}

// insertTicket and saveTicket are written once, from the lists of columns.
var (
	insertTicket = fmt.Sprintf(`INSERT INTO tickets (tenant, %s, %s) VALUES (%s)
		ON CONFLICT (tenant, device, component, fault_code) WHERE is_open DO NOTHING`,
		strings.TrimSuffix(ticketColumns, ", revision"), ticketKeys+", revision", placeholders(1, ticketParams+2))
	saveTicket = fmt.Sprintf(`UPDATE tickets SET (%s, %s, revision) = (%s) WHERE tenant = $1 AND id = $2 AND revision = $%d`,
		strings.TrimSuffix(ticketColumns, ", revision"), ticketKeys, placeholders(2, ticketParams+1), ticketParams+3)
)

// ticketParams is how many values ticketValues returns.
const ticketParams = 39

// placeholders returns "$from, ..." of n placeholders.
func placeholders(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", from+i)
	}
	return b.String()
}

// querier is a transaction or a pool.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// collect runs a query and reads its rows.
func collect[T any](ctx context.Context, q querier, read func(row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := read(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// affected runs a statement and returns how many rows it changed.
func affected(ctx context.Context, q querier, statement string, args ...any) (int64, error) {
	r, err := q.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}
