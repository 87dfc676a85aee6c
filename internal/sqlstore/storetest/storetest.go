// Package storetest holds every database to the same behaviour. Its suite runs
// on SQLite and on a real PostgreSQL.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

// MaxRejected is what the stores of the suite are configured to keep.
const MaxRejected = 20

// Run runs the suite. open returns an empty store with [MaxRejected], closed at the end of the test.
func Run(t *testing.T, open func(t *testing.T) *sqlstore.Store) {
	for _, part := range []struct {
		name string
		test func(t *testing.T, s *sqlstore.Store)
	}{
		{"ticket is kept whole", ticketIsKeptWhole},
		{"one fault has one open ticket", oneOpenTicket},
		{"concurrent reports of one fault", concurrentReports},
		{"revision conflict", revisionConflict},
		{"failed update leaves nothing", failedUpdate},
		{"fenced lane", fencedLane},
		{"numbers have no gaps", numbersWithoutGaps},
		{"evidence is unique", evidenceIsUnique},
		{"findings", findings},
		{"what tickets tell", telling},
		{"history and diagnosis", historyAndDiagnosis},
		{"list orders", listOrders},
		{"list filters", listFilters},
		{"list text", listText},
		{"pages are stable under inserts", stablePages},
		{"counts", counts},
		{"loads", loads},
		{"tenants do not see each other", tenants},
		{"fleet is kept whole", fleetIsKeptWhole},
		{"register a device", registerDevice},
		{"health of a device", deviceHealth},
		{"states never go back", states},
		{"events", events},
		{"failures", failures},
		{"list of devices", deviceList},
		{"cells", cells},
		{"quarantine", quarantine},
		{"outbox", outbox},
		{"deliveries", deliveries},
		{"pages of deliveries", deliveryPages},
		{"backlog", backlog},
		{"old findings are removed", pruneFindings},
		{"old events are removed", pruneEvents},
		{"old deliveries are removed", pruneDeliveries},
		{"users", users},
		{"first user", firstUser},
		{"sessions", sessions},
		{"tokens", tokens},
		{"credentials of devices", deviceCredentials},
		{"changes of device credentials", deviceCredentialChanges},
		{"old device credentials are removed", pruneDeviceCredentials},
		{"outcomes of rules", outcomes},
		{"failures by model", modelFailures},
		{"findings on trial", trials},
		{"flapping tickets", flapping},
		{"stages of rules", stages},
		{"notices of stages", stageNotices},
		{"maintenance windows", windows},
		{"held faults", heldFaults},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, open(t)) })
	}
}

const tenant = telemetry.DefaultTenant

// epoch is the time at which the tests take place.
var epoch = time.Date(2026, 3, 4, 5, 6, 7, 123456000, time.UTC)

// newTicket returns an open ticket of a device.
func newTicket(device, code string) tickets.Ticket {
	return tickets.Ticket{
		Kind: tickets.Fault, Device: device, Component: "cooling", FaultCode: code,
		Severity: telemetry.Major, Priority: 2,
		PriorityReason: tickets.Text{"en": "major fault", "zh": "重大故障"},
		Title:          tickets.Text{"en": "Coolant temperature too high", "de": "Kühlmittel zu heiß", "zh": "冷却液温度过高"},
		Workflow:       "fault", WorkflowVersion: 1, State: "new", Category: tickets.CategoryNew,
		OnsetAt: epoch.Add(-time.Hour), OpenedAt: epoch, RecordedAt: epoch.Add(time.Second), UpdatedAt: epoch.Add(time.Second),
		Flap:       &tickets.Flap{Flapping: true, Times: 4, Since: epoch.Add(-time.Hour), Last: epoch, Seen: epoch},
		LastSeenAt: epoch, Region: "north", Station: "hamburg", Assignee: "t-1", Occurrences: 1,
		Facts: tickets.Facts{DeviceName: "Bus 7", Model: "bus", Customer: "c-1", CustomerName: "Hochbahn", Purchased: epoch.AddDate(-1, 0, 0)},
	}
}

// update runs fn for the tenant of the tests.
func update(t *testing.T, s *sqlstore.Store, fn func(ctx context.Context, tx tickets.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), tenant, tickets.Fence{}, fn); err != nil {
		t.Fatalf("update: %v", err)
	}
}

// insert stores tickets and returns them with their numbers.
func insert(t *testing.T, s *sqlstore.Store, all ...tickets.Ticket) []tickets.Ticket {
	t.Helper()
	update(t, s, func(ctx context.Context, tx tickets.Tx) error {
		for i := range all {
			all[i].ID = ""
			if err := tx.Insert(ctx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return all
}

// finding returns a finding of a device.
func finding(id, device string) tickets.Evidence {
	return tickets.Evidence{
		Finding: detectors.Finding{ID: id, Tenant: tenant, Device: device, Component: "cooling", FaultCode: "overheat", Detector: "limit",
			Rule: "coolant", Version: 1, Phase: detectors.Raised, Severity: telemetry.Major, Time: epoch.UnixMilli(), Score: 1,
			Signals: []detectors.Signal{{Metric: "coolant_temp", Unit: "°C", Actual: 121, Share: 1}}},
		RecordedAt: epoch,
	}
}

func ptr[T any](v T) *T { return &v }

// save stores a changed ticket.
func save(t *testing.T, s *sqlstore.Store, ticket tickets.Ticket) {
	t.Helper()
	update(t, s, func(ctx context.Context, tx tickets.Tx) error { return tx.Save(ctx, &ticket) })
}
