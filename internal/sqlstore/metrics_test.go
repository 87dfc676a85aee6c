package sqlstore_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/internal/realserver"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

// Names and numbers of what a transaction works on are no labels.
func TestTransactionsAreCountedByKind(t *testing.T) {
	registry := prometheus.NewRegistry()
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "presage.db"), Registerer: registry})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, name := range []string{"ada", "grace", "ada"} {
		err = s.CreateUser(t.Context(), home, access.User{Name: name, Role: access.Admin})
	}
	if !errors.Is(err, tickets.ErrConflict) {
		t.Fatalf("the same user again: %v", err)
	}
	for i := range 3 {
		if _, err := s.AcquireLane(t.Context(), i, "detect", "me"); err != nil {
			t.Fatal(err)
		}
	}
	const want = `# HELP presage_sql_failures_total Writing transactions that failed, refusals for good reason among them, by what they do.
# TYPE presage_sql_failures_total counter
presage_sql_failures_total{operation="acquire-lane"} 0
presage_sql_failures_total{operation="create-user"} 1
presage_sql_failures_total{operation="migrate-database"} 0
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "presage_sql_failures_total"); err != nil {
		t.Error(err)
	}
	// migrate-database, create-user, acquire-lane
	if n, err := testutil.GatherAndCount(registry, "presage_sql_transaction_seconds"); err != nil || n != 3 {
		t.Errorf("%d kinds of transactions, %v, want 3", n, err)
	}
	if n, err := testutil.GatherAndCount(registry, "presage_sql_connections"); err != nil || n != 4 {
		t.Errorf("%d states of connections, %v, want 4", n, err)
	}
}

func TestConnectionsOfPostgres(t *testing.T) {
	registry := prometheus.NewRegistry()
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: realserver.Postgres(t).URL, MaxConnections: 7, Registerer: registry})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const want = `# HELP presage_sql_connections_limit Most connections of a pool.
# TYPE presage_sql_connections_limit gauge
presage_sql_connections_limit{pool="all"} 7
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "presage_sql_connections_limit"); err != nil {
		t.Error(err)
	}
}

// deskMetrics reports what opens tickets, and what does not.
func deskMetrics(t *testing.T, o *office) {
	registry := prometheus.NewRegistry()
	o.metrics = registry
	desk := o.open(t)
	report := func(f detectors.Finding) {
		t.Helper()
		for range 2 { // the second time changes nothing
			if err := desk.Report(context.Background(), tickets.Fence{}, []detectors.Finding{f}); err != nil {
				t.Fatal(err)
			}
		}
	}
	live := o.finding(detectors.Raised, severity(telemetry.Major))
	o.pass(150 * time.Millisecond)
	report(live)
	report(o.finding(detectors.Continued)) // evidence
	report(o.finding(detectors.Raised, past(monday.AddDate(0, -1, 0)), func(f *detectors.Finding) { f.Device = "d1" }))
	const want = `# HELP presage_desk_tickets_opened_total Tickets that the desk opened, by kind, severity and origin: live, or backfill for faults of readings that were old when they arrived.
# TYPE presage_desk_tickets_opened_total counter
presage_desk_tickets_opened_total{kind="fault",origin="backfill",severity="warning"} 1
presage_desk_tickets_opened_total{kind="fault",origin="live",severity="critical"} 0
presage_desk_tickets_opened_total{kind="fault",origin="live",severity="info"} 0
presage_desk_tickets_opened_total{kind="fault",origin="live",severity="major"} 1
presage_desk_tickets_opened_total{kind="fault",origin="live",severity="warning"} 0
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "presage_desk_tickets_opened_total"); err != nil {
		t.Error(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "presage_desk_ticket_seconds" {
			h := family.GetMetric()[0].GetHistogram()
			expect(t, "live tickets timed", h.GetSampleCount(), 1)
			expect(t, "time to the ticket", h.GetSampleSum(), 0.15)
			return
		}
	}
	t.Error("there is no presage_desk_ticket_seconds")
}
