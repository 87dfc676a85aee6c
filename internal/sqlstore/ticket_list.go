package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/presage-pdm/presage/tickets"
)

// Ticket implements [tickets.Store].
func (s *Store) Ticket(ctx context.Context, tenant, id string) (tickets.Ticket, error) {
	column := "id"
	if strings.HasPrefix(id, "T-") {
		column = "number"
	}
	t, err := scanTicket(s.read.QueryRowContext(ctx,
		`SELECT `+ticketColumns+` FROM tickets WHERE tenant = $1 AND `+column+` = $2`, tenant, clean(id)), tenant)
	return t, s.fail(ctx, "read ticket "+id, err)
}

// History implements [tickets.Store].
func (s *Store) History(ctx context.Context, tenant, ticket string) ([]tickets.Entry, error) {
	entries, err := collect(ctx, s.read, func(r row) (e tickets.Entry, err error) {
		return e, r.Scan(document(&e))
	}, `SELECT body FROM history WHERE tenant = $1 AND ticket = $2 ORDER BY at, id`, tenant, clean(ticket))
	return entries, s.fail(ctx, "read the history of ticket "+ticket, err)
}

// List implements [tickets.Store]. The total of a text that finds very many
// tickets stops at maxTotal.
func (s *Store) List(ctx context.Context, tenant string, f tickets.Filter) (tickets.Page, error) {
	const op = "list tickets"
	if err := checkFilter(f); err != nil {
		return tickets.Page{}, err
	}
	if f.Sort == "" {
		f.Sort = "deadline"
	}
	limit := pageSize(f.Limit, 50, 500)
	page := tickets.Page{Tickets: []tickets.Ticket{}}
	w, err := s.whereTickets(ctx, tenant, f)
	if err != nil {
		return page, s.fail(ctx, op, err)
	}
	if page.Total, err = s.total(ctx, tenant, f, w); err != nil {
		return page, s.fail(ctx, op, err)
	}
	if page.Total == 0 {
		return page, nil // else everything would be read for nothing
	}
	var order string
	switch f.Sort {
	case "deadline":
		order = "due_key, priority, opened_at, id"
		if f.Cursor != "" {
			c, err := parseCursor(f.Cursor, f.Sort, 2, 1, 1)
			if err != nil {
				return page, err
			}
			w.add("(due_key, priority, opened_at, id) > ", moment(c.Times[0]), c.Ints[0], moment(c.Times[1]), c.Texts[0])
		}
	case "opened", "updated":
		order = f.Sort + "_at DESC, id DESC"
		if f.Cursor != "" {
			c, err := parseCursor(f.Cursor, f.Sort, 1, 0, 1)
			if err != nil {
				return page, err
			}
			w.add("("+f.Sort+"_at, id) < ", moment(c.Times[0]), c.Texts[0])
		}
	}
	query := fmt.Sprintf(`SELECT %s FROM tickets%s WHERE %s ORDER BY %s LIMIT %d`, ticketColumns, s.inOrder(f, w), w, order, limit+1)
	if w.narrow {
		// Without statistics a planner may read all tickets in order to find these few: it is told not to.
		query = fmt.Sprintf(`WITH matching AS MATERIALIZED (SELECT * FROM tickets WHERE %s)
			SELECT %s FROM matching ORDER BY %s LIMIT %d`, w, ticketColumns, order, limit+1)
	}
	page.Tickets, err = collect(ctx, s.read, func(r row) (tickets.Ticket, error) { return scanTicket(r, tenant) }, query, w.args...)
	if err != nil {
		return page, s.fail(ctx, op, err)
	}
	if page.Tickets == nil {
		page.Tickets = []tickets.Ticket{}
	}
	if len(page.Tickets) > limit {
		page.Tickets = page.Tickets[:limit]
		page.Next = ticketCursor(f.Sort, &page.Tickets[limit-1]).String()
	}
	return page, nil
}

func ticketCursor(sort string, t *tickets.Ticket) cursor {
	c := cursor{Sort: sort, Texts: []string{t.ID}}
	switch sort {
	case "deadline":
		due := t.Deadline
		if due.IsZero() {
			due = noDeadline
		}
		c.Times, c.Ints = []time.Time{due, t.OpenedAt}, []int64{int64(t.Priority)}
	case "opened":
		c.Times = []time.Time{t.OpenedAt}
	case "updated":
		c.Times = []time.Time{t.UpdatedAt}
	}
	return c
}

// maxTotal is where the total of a text that finds very many tickets stops:
// nobody turns forty pages, and counting a million rows takes longer than to think of a second word.
const maxTotal = 2_000

// total counts the tickets that match f, of which w is the condition. When the tally shows that all of them are open, it
// adds that to w.
func (s *Store) total(ctx context.Context, tenant string, f tickets.Filter, w *where) (n int, err error) {
	if onlyFacets(f) {
		kept := newWhere(tenant)
		if f.Open != nil {
			kept.add("is_open = ", *f.Open)
		}
		kept.facets(f)
		var open int
		err = s.read.QueryRowContext(ctx, fmt.Sprintf(`SELECT COALESCE(SUM(n), 0), COALESCE(SUM(CASE WHEN is_open THEN n ELSE 0 END), 0)
			FROM ticket_tally WHERE %s`, kept), kept.args...).Scan(&n, &open)
		if f.Open == nil && open == n {
			w.openOnly()
		}
		return n, err
	}
	query := fmt.Sprintf(`SELECT COUNT(*) FROM tickets WHERE %s`, w)
	if w.broad && !w.narrow {
		query = fmt.Sprintf(`SELECT COUNT(*) FROM (SELECT 1 FROM tickets%s WHERE %s LIMIT %d) matches`, s.inOrder(f, w), w, maxTotal)
	}
	err = s.read.QueryRowContext(ctx, query, w.args...).Scan(&n)
	return n, err
}

// inOrder names, where the engine has to be told, the index by which the tickets that match f come in the order
// of its pages, so that reading ends with the page: that of the first facet of which f asks for one value. Which index
// is best when f asks for a device, a customer or an interval is left to the engine.
func (s *Store) inOrder(f tickets.Filter, w *where) string {
	if s.dialect.use == "" || w.narrow || !w.broad && !onlyFacets(f) || !f.OpenedFrom.IsZero() || !f.OpenedTo.IsZero() {
		return ""
	}
	index := "tickets_" + f.Sort
	if f.Sort == "deadline" {
		index = "tickets_due"
	}
	if f.Sort == "deadline" && w.open {
		index = "tickets_due_open"
	}
	if f.Sort == "opened" || f.Sort == "deadline" && w.open {
		for _, facet := range []struct {
			column string
			values []string
		}{{"assignee", f.Assignee}, {"station", f.Station}, {"component", f.Component}, {"region", f.Region}} {
			if len(facet.values) != 1 {
				continue
			}
			if index = "tickets_" + facet.column; f.Sort == "deadline" {
				index += "_open"
			}
			break
		}
	}
	return fmt.Sprintf(s.dialect.use, index)
}

// maxChoices bounds the alternatives of one field of a filter.
const maxChoices = 100

func checkFilter(f tickets.Filter) error {
	switch f.Sort {
	case "", "deadline", "opened", "updated":
	default:
		return fmt.Errorf("%w: cannot sort tickets by %q: use deadline, opened or updated", tickets.ErrBadFilter, f.Sort)
	}
	most := max(len(f.Region), len(f.Station), len(f.Assignee), len(f.Component), len(f.State), len(f.Severity))
	if most > maxChoices {
		return fmt.Errorf("%w: %d alternatives in one field, at most %d are allowed", tickets.ErrBadFilter, most, maxChoices)
	}
	return nil
}

// where is a condition under construction. Its first parameter is the tenant.
type where struct {
	conditions []string
	args       []any
	// narrow tells that few rows can match, broad that a text matches very many, open that only open tickets do.
	narrow, broad, open bool
}

func newWhere(tenant string) *where {
	return &where{conditions: []string{"tenant = $1"}, args: []any{tenant}}
}

// String returns the condition.
func (w *where) String() string { return strings.Join(w.conditions, " AND ") }

// plain adds a condition without parameters.
func (w *where) plain(condition string) { w.conditions = append(w.conditions, condition) }

// param adds a parameter and returns its placeholder.
func (w *where) param(v any) string {
	if s, ok := v.(string); ok {
		v = clean(s)
	}
	w.args = append(w.args, v)
	return fmt.Sprintf("$%d", len(w.args))
}

// add adds a condition whose right side is one value, or a row of several.
func (w *where) add(left string, values ...any) {
	params := make([]string, len(values))
	for i, v := range values {
		params[i] = w.param(v)
	}
	right := strings.Join(params, ", ")
	if len(values) > 1 {
		right = "(" + right + ")"
	}
	w.plain(left + right)
}

// oneOf adds the condition that a column has one of the values; none means any.
func oneOf[T ~string](w *where, column string, values []T) {
	if len(values) == 0 {
		return
	}
	params := make([]string, len(values))
	for i, v := range values {
		params[i] = w.param(string(v))
	}
	w.plain(column + " IN (" + strings.Join(params, ", ") + ")")
}

// openOnly adds that a ticket is open. It is spelled out, not a parameter: the planner must see that it implies the partial indexes.
func (w *where) openOnly() {
	w.open = true
	w.plain("is_open")
}

// facets adds what a filter asks of the facets.
func (w *where) facets(f tickets.Filter) {
	oneOf(w, "region", f.Region)
	oneOf(w, "station", f.Station)
	oneOf(w, "assignee", f.Assignee)
	oneOf(w, "component", f.Component)
	oneOf(w, "state", f.State)
	if len(f.Severity) > 0 {
		names := make([]string, 0, len(f.Severity))
		for _, v := range slices.Compact(slices.Sorted(slices.Values(f.Severity))) {
			names = append(names, fmt.Sprint(int(v)))
		}
		w.plain("severity IN (" + strings.Join(names, ", ") + ")")
	}
}

// whereTickets is the condition of a filter, without its cursor.
func (s *Store) whereTickets(ctx context.Context, tenant string, f tickets.Filter) (*where, error) {
	w := newWhere(tenant)
	switch {
	case f.Open == nil:
	case *f.Open:
		w.openOnly()
	default:
		w.plain("NOT is_open")
	}
	if f.Device != "" {
		w.narrow = true
		w.add("device = ", f.Device)
	}
	if f.Customer != "" {
		w.narrow = true
		w.add("customer = ", f.Customer)
	}
	if !f.OpenedFrom.IsZero() {
		w.add("opened_at >= ", moment(f.OpenedFrom))
	}
	if !f.OpenedTo.IsZero() {
		w.add("opened_at < ", moment(f.OpenedTo))
	}
	w.facets(f)
	return w, s.searchTickets(ctx, w, f)
}
