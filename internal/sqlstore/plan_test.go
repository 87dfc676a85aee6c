package sqlstore

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

// Every page of SQLite that is asked for by facets alone comes from an index in its order: nothing is sorted, with the planner's
// statistics and without.
func TestPagesNeedNoSorting(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Path = filepath.Join(t.TempDir(), "presage.db")
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	open, closed := true, false
	one := func(v string) []string { return []string{v} }
	filters := []tickets.Filter{
		{}, {Open: &open}, {Open: &closed}, {State: one("new")}, {Severity: []telemetry.Severity{telemetry.Major}},
		{Open: &open, Assignee: one("a")}, {Open: &open, Station: one("s")}, {Open: &open, Component: one("c")}, {Open: &open, Region: one("r")},
		{Open: &open, Region: []string{"r", "q"}}, {Open: &open, Region: one("r"), Station: one("s"), State: one("new")},
		{Assignee: one("a")}, {Open: &closed, Region: one("r"), Component: one("c")},
	}
	for _, statistics := range []bool{false, true} {
		if statistics {
			if _, err := s.write.Exec("ANALYZE"); err != nil { // makes the table of statistics
				t.Fatal(err)
			}
			// What an analysis that stops early tells of a million tickets of one tenant.
			for index, repeats := range map[string]string{"tickets_region": "1000000 2001 2001 1 1", "tickets_due": "1000000 2001 1 1 1 1", "tickets_due_open": "100000 2001 1 1 1 1", "tickets_day": "1000000 2001 1001 48 3"} {
				if _, err := s.write.Exec(`INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('tickets', $1, $2)`, index, repeats); err != nil {
					t.Fatal(err)
				}
			}
			s.read.SetMaxOpenConns(1) // new connections read the statistics
			s.read.SetMaxIdleConns(0)
		}
		for _, f := range filters {
			for _, f.Sort = range []string{"deadline", "opened", "updated"} {
				w, err := s.whereTickets(t.Context(), telemetry.DefaultTenant, f)
				if err != nil {
					t.Fatal(err)
				}
				order := map[string]string{"deadline": "due_key, priority, opened_at, id", "opened": "opened_at DESC, id DESC", "updated": "updated_at DESC, id DESC"}[f.Sort]
				query := fmt.Sprintf("EXPLAIN QUERY PLAN SELECT %s FROM tickets%s WHERE %s ORDER BY %s LIMIT 51", ticketColumns, s.inOrder(f, w), w, order)
				steps, err := collect(t.Context(), s.read, func(r row) (step string, err error) {
					var a, b, c int
					return step, r.Scan(&a, &b, &c, &step)
				}, query, w.args...)
				if err != nil {
					t.Fatalf("%+v: %v", f, err)
				}
				if plan := strings.Join(steps, "; "); strings.Contains(plan, "TEMP B-TREE") {
					t.Errorf("statistics %v, %+v: %s", statistics, f, plan)
				}
			}
		}
	}
}
