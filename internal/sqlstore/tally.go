package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

// facets are the properties of a ticket that are counted.
type facets struct {
	open                                        bool
	region, station, component, state, assignee string
	severity                                    telemetry.Severity
}

func facetsOf(t *tickets.Ticket) facets {
	return facets{open: t.Open(), region: t.Region, station: t.Station, component: t.Component,
		state: t.State, assignee: t.Assignee, severity: t.Severity}
}

func compareFacets(a, b facets) int {
	open := func(f facets) int {
		if f.open {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(open(a), open(b)), cmp.Compare(a.region, b.region), cmp.Compare(a.station, b.station),
		cmp.Compare(a.severity, b.severity), cmp.Compare(a.component, b.component), cmp.Compare(a.state, b.state),
		cmp.Compare(a.assignee, b.assignee))
}

// flushTally adds to the stored tally what the transaction changed.
func (x *ticketTx) flushTally(ctx context.Context) error {
	for _, f := range slices.SortedFunc(maps.Keys(x.tally), compareFacets) {
		by := x.tally[f]
		if by == 0 {
			continue
		}
		key := []any{x.tenant, f.open, f.region, f.station, int(f.severity), f.component, f.state, f.assignee}
		var n int
		err := x.tx.QueryRowContext(ctx, `INSERT INTO ticket_tally (tenant, is_open, region, station, severity, component, state, assignee, n)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (tenant, is_open, region, station, severity, component, state, assignee)
			DO UPDATE SET n = ticket_tally.n + excluded.n RETURNING n`, append(key, by)...).Scan(&n)
		if err == nil && n <= 0 {
			_, err = x.tx.ExecContext(ctx, `DELETE FROM ticket_tally WHERE tenant = $1 AND is_open = $2 AND region = $3 AND station = $4
				AND severity = $5 AND component = $6 AND state = $7 AND assignee = $8`, key...)
		}
		if err != nil {
			return x.s.fail(ctx, "count tickets", err)
		}
	}
	return nil
}

// Loads implements [tickets.Tx].
func (x *ticketTx) Loads(ctx context.Context) (technicians, stations map[string]int, err error) {
	technicians, stations = map[string]int{}, map[string]int{}
	rows, err := x.tx.QueryContext(ctx, `SELECT assignee, station, SUM(n) FROM ticket_tally
		WHERE tenant = $1 AND is_open = $2 GROUP BY assignee, station`, x.tenant, true)
	if err != nil {
		return nil, nil, x.s.fail(ctx, "read loads", err)
	}
	defer rows.Close()
	add := func(assignee, station string, n int) {
		if assignee != "" {
			technicians[assignee] += n
		}
		if station != "" {
			stations[station] += n
		}
	}
	for rows.Next() {
		var assignee, station string
		var n int
		if err := rows.Scan(&assignee, &station, &n); err != nil {
			return nil, nil, x.s.fail(ctx, "read loads", err)
		}
		add(assignee, station, n)
	}
	if err := rows.Err(); err != nil {
		return nil, nil, x.s.fail(ctx, "read loads", err)
	}
	for f, n := range x.tally {
		if f.open {
			add(f.assignee, f.station, n)
		}
	}
	return technicians, stations, nil
}

// Counts implements [tickets.Store]. The counts of a facet leave the filter's own
// values of that facet aside: they say how many there would be with another choice.
func (s *Store) Counts(ctx context.Context, tenant string, f tickets.Filter) (map[string]map[string]int, error) {
	if err := checkFilter(f); err != nil {
		return nil, err
	}
	type chosen struct {
		name   string
		value  func(facets) string
		wanted []string
	}
	severities := make([]string, len(f.Severity))
	for i, v := range f.Severity {
		severities[i] = v.String()
	}
	all := []chosen{
		{"region", func(c facets) string { return c.region }, f.Region},
		{"station", func(c facets) string { return c.station }, f.Station},
		{"severity", func(c facets) string { return c.severity.String() }, severities},
		{"component", func(c facets) string { return c.component }, f.Component},
		{"state", func(c facets) string { return c.state }, f.State},
		{"assignee", func(c facets) string { return c.assignee }, f.Assignee},
	}
	counts := make(map[string]map[string]int, len(all))
	for _, c := range all {
		counts[c.name] = map[string]int{}
	}
	tally, err := s.tally(ctx, tenant, f)
	if err != nil {
		return nil, s.fail(ctx, "count tickets", err)
	}
	for _, row := range tally {
		missed := -1 // the only facet in which the row is not what was asked for
		misses := 0
		for i, c := range all {
			if len(c.wanted) > 0 && !slices.Contains(c.wanted, c.value(row.facets)) {
				missed = i
				misses++
			}
		}
		for i, c := range all {
			if misses == 0 || misses == 1 && missed == i {
				counts[c.name][c.value(row.facets)] += row.n
			}
		}
	}
	return counts, nil
}

// counted is a combination of facets and how many tickets have it.
type counted struct {
	facets
	n int
}

// tally counts the tickets that match f by their facets, whatever f asks of
// the facets themselves: from the kept tally where f asks for nothing else, else from the tickets.
func (s *Store) tally(ctx context.Context, tenant string, f tickets.Filter) ([]counted, error) {
	f.Region, f.Station, f.Severity, f.Component, f.State, f.Assignee = nil, nil, nil, nil, nil, nil
	read := func(r row) (c counted, err error) {
		err = r.Scan(&c.open, &c.region, &c.station, &c.severity, &c.component, &c.state, &c.assignee, &c.n)
		return c, err
	}
	const columns = `is_open, region, station, severity, component, state, assignee`
	if onlyFacets(f) {
		w := newWhere(tenant)
		if f.Open != nil {
			w.add("is_open = ", *f.Open)
		}
		return collect(ctx, s.read, read, fmt.Sprintf(`SELECT %s, n FROM ticket_tally WHERE %s`, columns, w), w.args...)
	}
	w, err := s.whereTickets(ctx, tenant, f)
	if err != nil {
		return nil, err
	}
	return collect(ctx, s.read, read, fmt.Sprintf(`SELECT %s, COUNT(*) FROM tickets WHERE %s GROUP BY %s`, columns, w, columns), w.args...)
}

// onlyFacets tells whether a filter asks for nothing but facets.
func onlyFacets(f tickets.Filter) bool {
	return f.Device == "" && f.Customer == "" && f.Text == "" && f.OpenedFrom.IsZero() && f.OpenedTo.IsZero()
}
