package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/internal/realserver"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/tickets/diagnosis"
	"github.com/presage-pdm/presage/tickets/dispatch"
	"github.com/presage-pdm/presage/tickets/workflow"
)

// TestDesk runs the desk on both databases.
func TestDesk(t *testing.T) {
	server := sync.OnceValue(func() *realserver.PostgresServer { return realserver.Postgres(t) })
	for _, engine := range []struct {
		name string
		open func(t *testing.T) *sqlstore.Store
	}{
		{"SQLite", func(t *testing.T) *sqlstore.Store { return openSQLite(t) }},
		{"PostgreSQL", func(t *testing.T) *sqlstore.Store { return openPostgres(t, server()) }},
	} {
		t.Run(engine.name, func(t *testing.T) {
			for _, part := range []struct {
				name string
				test func(t *testing.T, s *office)
			}{
				{"a fault opens one assigned ticket", deskOpens},
				{"repeats add evidence and raise severity", deskJoins},
				{"what clears and returns while open", deskClears},
				{"withheld findings open nothing", deskWithholds},
				{"a cohort has one ticket", deskCohort},
				{"nonsense stops nothing", deskSurvivesNonsense},
				{"a past fault is a closed ticket and pages nobody", deskBackfill},
				{"a past fault that is still there becomes live", deskPromotes},
				{"a fault that returns", deskReopens},
				{"late findings change nothing", deskLate},
				{"a fenced lane reports nothing", deskFenced},
				{"tenants have tickets of their own", deskTenants},
				{"people move tickets as far as they may", deskPeople},
				{"actions say why not", deskActions},
				{"assigning by hand", deskAssign},
				{"a closed ticket is not opened beside another", deskTwice},
				{"the dispatch queue empties when somebody is free", deskPending},
				{"a diagnosis is kept and kept up to date", deskDiagnoses},
				{"what was opened is counted", deskMetrics},
				{"two processes race to open", deskRace},
				{"chaos of lanes", deskChaos},
				{"a fault that comes and goes", deskFlapping},
				{"a fault that comes back whenever its ticket is closed", deskFlappingCloses},
				{"what comes back now and then does not flap", deskFlappingNot},
				{"maintenance withholds and lets go", deskMaintenance},
				{"what clears during maintenance opens nothing", deskMaintenanceClears},
				{"whom maintenance is about", deskMaintenanceScope},
				{"a window that is ended early or followed by another", deskMaintenanceEnds},
				{"maintenance and tickets that were there before", deskMaintenanceTickets},
			} {
				t.Run(part.name, func(t *testing.T) { part.test(t, newOffice(t, engine.open(t))) })
			}
		})
	}
}

// office is a desk with its store, a fleet of one region and a clock that the test moves.
type office struct {
	*tickets.Desk
	store     *sqlstore.Store
	directory *fleet.Directory
	clock     time.Time
	mu        sync.Mutex
	serial    int
	metrics   prometheus.Registerer // of the desks that are opened from now on; nil for none
}

const home = telemetry.DefaultTenant

// monday is a working morning.
var monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// plans describes one fault code; the engine is not part of these tests.
type plans struct{ one *detectors.Plan }

func (p plans) Plan(string, string) *detectors.Plan { return p.one }

func testFleet() *fleet.Fleet {
	f := &fleet.Fleet{
		Regions:  []fleet.Region{{ID: "north", Name: "North", TimeZone: "Europe/Berlin"}},
		Stations: []fleet.Station{{ID: "hamburg", Name: "Hamburg", Region: "north"}},
		Technicians: []fleet.Technician{
			{ID: "anna", Name: "Anna", Station: "hamburg", Skills: []fleet.Skill{{Name: "cooling", Level: 4}}},
			{ID: "ben", Name: "Ben", Station: "hamburg", Skills: []fleet.Skill{{Name: "cooling", Level: 3}}},
			{ID: "carl", Name: "Carl", Station: "hamburg", Inactive: true},
		},
		Customers: []fleet.Customer{{ID: "c1", Name: "Hochbahn", Tier: "vip", Language: "de"}},
		Sites:     []fleet.Site{{ID: "s1", Name: "Depot", Region: "north", Customer: "c1", TimeZone: "Europe/Berlin"}},
		Models:    []fleet.Model{{ID: "bus", Name: "City bus", Kind: "vehicle", Components: []fleet.Component{{ID: "cooling", Parts: []string{"coolant hose"}}}}},
	}
	for i := range 8 {
		f.Devices = append(f.Devices, fleet.Device{ID: fmt.Sprintf("d%d", i), Name: "Bus", Model: "bus", Site: "s1",
			Warranty: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)})
	}
	return f
}

func newOffice(t testing.TB, store *sqlstore.Store) *office {
	t.Helper()
	o := &office{store: store, directory: fleet.NewDirectory(), clock: monday}
	o.directory.Replace(home, testFleet())
	o.Desk = o.open(t)
	return o
}

// open returns a desk on the office's store, as another process would.
func (o *office) open(t testing.TB) *tickets.Desk {
	t.Helper()
	flows, err := workflow.Bundled()
	if err != nil {
		t.Fatal(err)
	}
	library, err := workflow.NewLibrary(flows...)
	if err != nil {
		t.Fatal(err)
	}
	who := dispatch.DefaultConfig()
	who.Fleet = o.directory
	dispatcher, err := dispatch.New(who)
	if err != nil {
		t.Fatal(err)
	}
	wording, err := diagnosis.NewWording(plans{&detectors.Plan{Faults: map[string]detectors.FaultCode{
		"coolant-leak": {Code: "coolant-leak", Title: map[string]string{"en": "Coolant leak", "de": "Kühlmittelverlust", "zh": "冷却液泄漏"}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	cfg := tickets.DefaultConfig()
	cfg.Store, cfg.Fleet, cfg.Workflows, cfg.Dispatcher, cfg.Faults = o.store, o.directory, library, dispatcher, wording
	cfg.Now, cfg.Registerer = o.now, o.metrics
	desk, err := tickets.NewDesk(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return desk
}

func (o *office) now() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.clock
}

func (o *office) pass(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clock = o.clock.Add(d)
}

// finding is a live one of now on d0, which change may alter.
func (o *office) finding(phase detectors.Phase, change ...func(*detectors.Finding)) detectors.Finding {
	o.serial++
	at := o.now().UnixMilli()
	f := detectors.Finding{
		ID: fmt.Sprintf("f%d", o.serial), Tenant: home, Device: "d0", Component: "cooling", FaultCode: "coolant-leak",
		Detector: "limit", Rule: "hot", Version: 1, Phase: phase, Severity: telemetry.Warning,
		Onset: at - 60_000, Time: at, Arrival: at, Score: 1,
		Reason: detectors.Reason{Key: detectors.ReasonCleared, Params: map[string]string{"seconds": "60"}},
	}
	for _, c := range change {
		c(&f)
	}
	return f
}

func severity(s telemetry.Severity) func(*detectors.Finding) {
	return func(f *detectors.Finding) { f.Severity = s }
}

// past makes a finding one of long ago that arrives now.
func past(at time.Time) func(*detectors.Finding) {
	return func(f *detectors.Finding) {
		f.Backfill, f.Time, f.Onset = true, at.UnixMilli(), at.Add(-time.Minute).UnixMilli()
	}
}

func (o *office) report(t *testing.T, findings ...detectors.Finding) {
	t.Helper()
	if err := o.Report(t.Context(), tickets.Fence{}, findings); err != nil {
		t.Fatal(err)
	}
}

// all returns every ticket of the tenant, oldest first.
func (o *office) all(t *testing.T) []tickets.Ticket {
	t.Helper()
	page, err := o.store.List(t.Context(), home, tickets.Filter{Sort: "opened", Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(page.Tickets, func(a, b tickets.Ticket) int { return strings.Compare(a.Number, b.Number) })
	return page.Tickets
}

// only returns the only ticket.
func (o *office) only(t *testing.T) tickets.Ticket {
	t.Helper()
	all := o.all(t)
	if len(all) != 1 {
		t.Fatalf("%d tickets, want 1: %v", len(all), all)
	}
	return all[0]
}

func (o *office) history(t *testing.T, ticket string) []tickets.Entry {
	t.Helper()
	h, err := o.store.History(t.Context(), home, ticket)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func kinds(h []tickets.Entry) string {
	var k []string
	for _, e := range h {
		k = append(k, e.Kind)
	}
	return strings.Join(k, " ")
}

// told takes what is in the outbox: the types of events, quiet ones in brackets.
func (o *office) told(t *testing.T) string {
	t.Helper()
	events, err := o.store.ClaimEvents(t.Context(), "test", o.now(), time.Minute, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var types, ids []string
	for _, e := range events {
		kind := strings.TrimPrefix(e.Type, "ticket.")
		if e.Quiet {
			kind = "(" + kind + ")"
		}
		types, ids = append(types, kind), append(ids, e.ID)
	}
	if err := o.store.FinishEvents(t.Context(), "test", ids); err != nil {
		t.Fatal(err)
	}
	return strings.Join(types, " ")
}

func (o *office) findings(t *testing.T, f tickets.FindingFilter) []tickets.Evidence {
	t.Helper()
	f.Limit = 500
	var all []tickets.Evidence
	for {
		list, next, err := o.store.Findings(t.Context(), home, f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, list...)
		if next == "" {
			return all
		}
		f.Cursor = next
	}
}

func expect[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func deskOpens(t *testing.T, o *office) {
	f := o.finding(detectors.Raised, severity(telemetry.Major))
	o.report(t, f)
	got := o.only(t)
	expect(t, "state", got.State, "assigned")
	expect(t, "category", got.Category, tickets.CategoryActive)
	expect(t, "assignee", got.Assignee, "anna")
	expect(t, "station", got.Station, "hamburg")
	expect(t, "region", got.Region, "north")
	expect(t, "number", got.Number, "T-000001")
	expect(t, "title", got.Title.In("zh"), "冷却液泄漏")
	expect(t, "priority", got.Priority, 1) // major, raised by VIP and warranty
	expect(t, "reason", got.PriorityReason.In("en"), "Priority 1: major fault, VIP customer, under warranty.")
	expect(t, "deadline", got.Deadline, monday.Add(4*time.Hour))
	expect(t, "onset", got.OnsetAt, monday.Add(-time.Minute))
	expect(t, "opened", got.OpenedAt, monday)
	expect(t, "occurrences", got.Occurrences, 1)
	expect(t, "workflow", fmt.Sprint(got.Workflow, got.WorkflowVersion), "equipment-repair1")
	expect(t, "customer", got.Facts.CustomerName, "Hochbahn")
	expect(t, "warranty", got.Facts.Warranty, "in")
	expect(t, "told", o.told(t), "opened assigned")

	h := o.history(t, got.ID)
	expect(t, "history", kinds(h), "opened assigned")
	expect(t, "rule", h[0].Rule, "limit/hot")
	if h[1].Dispatch == nil || len(h[1].Dispatch.Candidates) != 3 || h[1].Dispatch.Reason.In("de") == "" {
		t.Errorf("the assignment does not say who was considered and why: %+v", h[1].Dispatch)
	}

	for range 10 {
		o.report(t, f, f)
	}
	again := o.only(t)
	expect(t, "revision after ten-fold redelivery", again.Revision, got.Revision)
	expect(t, "history after it", kinds(o.history(t, got.ID)), "opened assigned")
	expect(t, "told after it", o.told(t), "")
	expect(t, "evidence after it", len(o.findings(t, tickets.FindingFilter{Ticket: got.ID})), 1)
}

func deskJoins(t *testing.T, o *office) {
	o.report(t, o.finding(detectors.Raised))
	first := o.only(t)
	expect(t, "priority", first.Priority, 2)
	o.told(t)
	o.pass(time.Hour)
	o.report(t, o.finding(detectors.Continued), o.finding(detectors.Raised))
	got := o.only(t)
	expect(t, "occurrences", got.Occurrences, 2)
	expect(t, "deadline", got.Deadline, first.Deadline)
	expect(t, "told", o.told(t), "(updated)")
	o.report(t, o.finding(detectors.Continued, severity(telemetry.Critical)))
	got = o.only(t)
	expect(t, "severity", got.Severity, telemetry.Critical)
	expect(t, "priority", got.Priority, 1)
	expect(t, "deadline after the raise", got.Deadline, o.now().Add(4*time.Hour))
	expect(t, "told of the raise", o.told(t), "updated")
	o.report(t, o.finding(detectors.Continued, severity(telemetry.Info)))
	got = o.only(t)
	expect(t, "severity after less", got.Severity, telemetry.Critical)
	expect(t, "history", kinds(o.history(t, got.ID)), "opened assigned evidence evidence evidence severity evidence")
}

func deskClears(t *testing.T, o *office) {
	o.report(t, o.finding(detectors.Raised))
	o.pass(time.Hour)
	o.report(t, o.finding(detectors.Cleared))
	got := o.only(t)
	expect(t, "cleared", got.ClearedAt, o.now())
	expect(t, "open", got.Open(), true)
	o.pass(time.Hour)
	o.report(t, o.finding(detectors.Raised))
	expect(t, "cleared after it came back", o.only(t).ClearedAt.IsZero(), true)
	// A clearance from before it came back says nothing of now.
	o.report(t, o.finding(detectors.Cleared, func(f *detectors.Finding) { f.Time -= 1000 }))
	expect(t, "cleared by an old clearance", o.only(t).ClearedAt.IsZero(), true)
}

func deskWithholds(t *testing.T, o *office) {
	withheld := func(f *detectors.Finding) { f.Withheld = "shadow" }
	o.report(t, o.finding(detectors.Raised, withheld), o.finding(detectors.Cleared))
	expect(t, "tickets", len(o.all(t)), 0)
	expect(t, "told", o.told(t), "")
	expect(t, "findings kept", len(o.findings(t, tickets.FindingFilter{})), 2)
	o.report(t, o.finding(detectors.Raised))
	o.report(t, o.finding(detectors.Continued, withheld, severity(telemetry.Critical)))
	got := o.only(t)
	expect(t, "severity", got.Severity, telemetry.Warning)
	expect(t, "evidence", len(o.findings(t, tickets.FindingFilter{Ticket: got.ID})), 1)
}

// deskSurvivesNonsense reports what JSON cannot carry: it is kept as well as it can be and stops nothing.
func deskSurvivesNonsense(t *testing.T, o *office) {
	infinite := math.Inf(-1)
	o.report(t, o.finding(detectors.Raised, func(f *detectors.Finding) {
		f.Score, f.PValue, f.Component = math.NaN(), math.Inf(1), ""
		f.Signals = []detectors.Signal{{Metric: "m", Actual: math.Inf(1), Expected: math.NaN(), Low: &infinite, Share: math.NaN()}}
	}), o.finding(detectors.Raised, func(f *detectors.Finding) { f.FaultCode = "" }))
	got := o.only(t)
	expect(t, "component", got.Component, "device")
	kept := o.findings(t, tickets.FindingFilter{})
	if len(kept) != 1 || kept[0].Score != 0 || kept[0].Signals[0].Actual != math.MaxFloat64 || kept[0].Signals[0].Low != nil {
		t.Errorf("kept %+v", kept)
	}
}

func deskBackfill(t *testing.T, o *office) {
	began := monday.AddDate(0, 0, -10)
	ended := began.Add(3 * time.Hour)
	o.report(t, o.finding(detectors.Raised, past(began)), o.finding(detectors.Continued, past(began.Add(time.Hour))),
		o.finding(detectors.Cleared, past(ended)))
	got := o.only(t)
	expect(t, "category", got.Category, tickets.CategoryDone)
	expect(t, "resolution", got.Resolution, tickets.ResolutionRecovered)
	expect(t, "opened", got.OpenedAt, began)
	expect(t, "onset", got.OnsetAt, began.Add(-time.Minute))
	expect(t, "closed", got.ClosedAt, ended)
	expect(t, "recorded", got.RecordedAt, monday)
	expect(t, "backfill", got.Backfill, true)
	expect(t, "assignee", got.Assignee, "")
	expect(t, "deadline", got.Deadline.IsZero(), true)
	expect(t, "told", o.told(t), "(opened) (updated) (closed)")
	expect(t, "history", kinds(o.history(t, got.ID)), "opened evidence closed")

	// The same fault two days later, told in a later batch, is the same ticket; a week later it is another.
	o.report(t, o.finding(detectors.Raised, past(ended.Add(48*time.Hour))))
	expect(t, "reopened", o.only(t).Reopened, 1)
	o.report(t, o.finding(detectors.Cleared, past(ended.Add(49*time.Hour))))
	expect(t, "closed again", o.only(t).ClosedAt, ended.Add(49*time.Hour))
	o.report(t, o.finding(detectors.Raised, past(ended.Add(49*time.Hour+4*24*time.Hour))))
	all := o.all(t)
	if len(all) != 2 || all[1].PreviousID != all[0].ID {
		t.Fatalf("want a second ticket that names the first, got %+v", all)
	}
	// A fault of a month before either is a ticket of its own.
	o.report(t, o.finding(detectors.Cleared, past(ended.Add(50*time.Hour+4*24*time.Hour))), o.finding(detectors.Raised, past(began.AddDate(0, -1, 0))))
	all = o.all(t)
	if len(all) != 3 || all[2].PreviousID != "" || !all[2].OpenedAt.Equal(began.AddDate(0, -1, 0)) {
		t.Fatalf("want a third ticket of a month before, got %+v", all)
	}
	if told := o.told(t); strings.Contains(strings.ReplaceAll(told, "(", " ("), " opened") || strings.Contains(told, "assigned") {
		t.Errorf("somebody was paged of the past: %s", told)
	}
}

func deskPromotes(t *testing.T, o *office) {
	began := monday.AddDate(0, 0, -1)
	o.report(t, o.finding(detectors.Raised, past(began)))
	expect(t, "told", o.told(t), "(opened)")
	o.report(t, o.finding(detectors.Continued))
	got := o.only(t)
	expect(t, "backfill", got.Backfill, false)
	expect(t, "assignee", got.Assignee, "anna")
	expect(t, "opened", got.OpenedAt, began)
	expect(t, "deadline", got.Deadline, monday.Add(24*time.Hour))
	expect(t, "told", o.told(t), "(updated) opened assigned")
	o.report(t, o.finding(detectors.Cleared))
	expect(t, "open", func() bool { g := o.only(t); return g.Open() }(), true)
}

// admin and the others are people at the desk.
var (
	admin    = access.Principal{Tenant: home, User: "root", Role: access.Admin}
	viewer   = access.Principal{Tenant: home, User: "vera", Role: access.Viewer}
	annaUser = access.Principal{Tenant: home, User: "anna@depot", Role: access.Technician, Technician: "anna"}
	benUser  = access.Principal{Tenant: home, User: "ben@depot", Role: access.Technician, Technician: "ben"}
)

func (o *office) move(t *testing.T, p access.Principal, id string, req tickets.TransitionRequest) tickets.Ticket {
	t.Helper()
	got, err := o.Transition(t.Context(), p, id, req)
	if err != nil {
		t.Fatalf("to %s: %v", req.To, err)
	}
	return got
}

func (o *office) closeIt(t *testing.T, id string) tickets.Ticket {
	t.Helper()
	return o.move(t, admin, id, tickets.TransitionRequest{To: "closed", Resolution: tickets.ResolutionRepaired, Note: "done"})
}

func deskReopens(t *testing.T, o *office) {
	o.report(t, o.finding(detectors.Raised))
	first := o.only(t)
	expect(t, "assignee", first.Assignee, "anna")
	o.closeIt(t, first.ID)
	o.told(t)
	o.pass(71 * time.Hour)
	o.report(t, o.finding(detectors.Raised, severity(telemetry.Major)))
	got := o.only(t)
	expect(t, "open", got.Open(), true)
	expect(t, "reopened", got.Reopened, 1)
	expect(t, "occurrences", got.Occurrences, 2)
	expect(t, "second pair of eyes", got.Assignee, "ben")
	expect(t, "severity", got.Severity, telemetry.Major)
	expect(t, "closed", got.ClosedAt.IsZero(), true)
	expect(t, "resolution", got.Resolution, "")
	expect(t, "deadline", got.Deadline, o.now().Add(4*time.Hour))
	expect(t, "told", o.told(t), "reopened assigned")
	o.closeIt(t, got.ID)
	o.pass(73 * time.Hour)
	o.report(t, o.finding(detectors.Continued))
	all := o.all(t)
	if len(all) != 2 || all[1].PreviousID != first.ID || all[1].Reopened != 0 || !all[1].Open() {
		t.Fatalf("want a new ticket that names the old: %+v", all)
	}
}

func deskLate(t *testing.T, o *office) {
	o.report(t, o.finding(detectors.Raised))
	late := o.finding(detectors.Raised)
	lateClear := o.finding(detectors.Cleared)
	o.pass(time.Minute)
	closed := o.closeIt(t, o.only(t).ID)
	o.report(t, late, lateClear)
	got := o.only(t)
	expect(t, "revision", got.Revision, closed.Revision)
	expect(t, "open", got.Open(), false)
	expect(t, "evidence", len(o.findings(t, tickets.FindingFilter{Ticket: got.ID})), 3)
}

func deskFenced(t *testing.T, o *office) {
	epoch, err := o.store.AcquireLane(t.Context(), 3, "detect", "one")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.store.AcquireLane(t.Context(), 3, "detect", "two"); err != nil {
		t.Fatal(err)
	}
	err = o.Report(t.Context(), tickets.Fence{Partition: 3, Role: "detect", Epoch: epoch}, []detectors.Finding{o.finding(detectors.Raised)})
	if !errors.Is(err, tickets.ErrFenced) {
		t.Fatalf("got %v, want ErrFenced", err)
	}
	expect(t, "tickets", len(o.all(t)), 0)
}

func deskTenants(t *testing.T, o *office) {
	mine := o.finding(detectors.Raised)
	theirs := mine
	theirs.Tenant = "other"
	o.report(t, theirs, mine)
	expect(t, "number", o.only(t).Number, "T-000001")
	page, err := o.store.List(t.Context(), "other", tickets.Filter{})
	if err != nil || page.Total != 1 {
		t.Fatalf("the other tenant has %d tickets (%v), want 1", page.Total, err)
	}
	// The other tenant has no fleet: its ticket waits, and says so.
	expect(t, "their assignee", page.Tickets[0].Assignee, "")
	expect(t, "their state", page.Tickets[0].State, "new")
	if _, err := o.Transition(t.Context(), admin, page.Tickets[0].ID, tickets.TransitionRequest{To: "closed"}); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("moving another tenant's ticket: %v, want ErrNotFound", err)
	}
}

func deskPeople(t *testing.T, o *office) {
	o.report(t, o.finding(detectors.Raised, severity(telemetry.Critical)))
	id := o.only(t).Number // people use numbers
	o.told(t)

	refuse := func(who access.Principal, req tickets.TransitionRequest, because string) {
		t.Helper()
		before := o.only(t)
		_, err := o.Transition(t.Context(), who, id, req)
		var refused *tickets.RefusedError
		if !errors.As(err, &refused) || !errors.Is(err, tickets.ErrRefused) {
			t.Fatalf("%s to %s: %v, want a refusal", who.User, req.To, err)
		}
		if !strings.Contains(refused.Reason["en"], because) || refused.Reason["de"] == "" || refused.Reason["zh"] == "" {
			t.Errorf("%s to %s is refused with %v, want words with %q", who.User, req.To, refused.Reason, because)
		}
		after := o.only(t)
		expect(t, "state after refusal", after.State, before.State)
		expect(t, "revision after refusal", after.Revision, before.Revision)
		h := o.history(t, after.ID)
		last := h[len(h)-1]
		expect(t, "last entry", last.Kind, "refused")
		expect(t, "actor of it", last.Actor, who.User)
		expect(t, "told of it", o.told(t), "")
	}
	refuse(viewer, tickets.TransitionRequest{To: "in_repair"}, "role viewer")
	refuse(benUser, tickets.TransitionRequest{To: "in_repair"}, "assigned to")
	refuse(annaUser, tickets.TransitionRequest{To: "verifying"}, "cannot go from “Assigned” to “Verifying”")
	refuse(annaUser, tickets.TransitionRequest{To: "nowhere"}, "to “nowhere”")
	refuse(admin, tickets.TransitionRequest{To: "closed", Note: "x"}, "resolution")
	refuse(admin, tickets.TransitionRequest{To: "closed", Resolution: "repaired"}, "note")
	refuse(admin, tickets.TransitionRequest{To: "closed", Note: "x", Resolution: "magic"}, "magic")

	o.pass(time.Minute)
	got := o.move(t, annaUser, id, tickets.TransitionRequest{To: "in_repair", Revision: o.only(t).Revision})
	expect(t, "state", got.State, "in_repair")
	expect(t, "told", o.told(t), "transitioned")
	if _, err := o.Transition(t.Context(), annaUser, id, tickets.TransitionRequest{To: "verifying", Note: "new hose", Revision: got.Revision - 1}); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("acting on an old revision: %v, want ErrConflict", err)
	}
	o.move(t, annaUser, id, tickets.TransitionRequest{To: "verifying", Note: "new hose"})
	o.told(t)
	refuse(annaUser, tickets.TransitionRequest{To: "closed", Resolution: "repaired"}, "not back to normal")
	o.pass(time.Minute)
	o.report(t, o.finding(detectors.Cleared))
	o.told(t)
	got = o.move(t, annaUser, id, tickets.TransitionRequest{To: "closed", Resolution: "repaired"})
	expect(t, "closed", got.ClosedAt, o.now())
	expect(t, "resolution", got.Resolution, "repaired")
	expect(t, "told", o.told(t), "transitioned closed")
	refuse(annaUser, tickets.TransitionRequest{To: "new", Note: "oops"}, "role technician")
	got = o.move(t, admin, id, tickets.TransitionRequest{To: "new", Note: "it leaks again"})
	expect(t, "reopened", got.Reopened, 1)
	expect(t, "assignee", got.Assignee, "")
	expect(t, "deadline", got.Deadline, o.now().Add(4*time.Hour))

	if _, err := o.Comment(t.Context(), viewer, id, "hello"); !errors.Is(err, tickets.ErrRefused) {
		t.Errorf("a viewer's comment: %v, want a refusal", err)
	}
	if _, err := o.Comment(t.Context(), annaUser, id, "  "); !errors.Is(err, tickets.ErrRefused) {
		t.Errorf("an empty comment: %v, want a refusal", err)
	}
	if _, err := o.Comment(t.Context(), annaUser, id, strings.Repeat("水", tickets.MaxText+1)); !errors.Is(err, tickets.ErrRefused) {
		t.Errorf("an endless comment: %v, want a refusal", err)
	}
	if _, err := o.Comment(t.Context(), annaUser, id, strings.Repeat("水", tickets.MaxText)); err != nil {
		t.Errorf("a long comment: %v", err)
	}
	h := o.history(t, got.ID)
	expect(t, "last entry", h[len(h)-1].Kind, "comment")
	if _, err := o.Comment(t.Context(), annaUser, "T-999999", "hello"); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("a comment on nothing: %v, want ErrNotFound", err)
	}
}

func deskActions(t *testing.T, o *office) {
	o.report(t, o.finding(detectors.Raised))
	ticket := o.only(t)
	for _, c := range []struct {
		who  access.Principal
		want string // allowed; the rest must say why not
	}{
		{viewer, ""},
		{annaUser, "in_repair new comment"},
		{benUser, "take comment"},
		{admin, "in_repair new closed assign comment"},
	} {
		actions, err := o.Actions(ticket, c.who)
		if err != nil {
			t.Fatal(err)
		}
		var allowed []string
		for _, a := range actions {
			name := a.To
			if a.Kind != "transition" {
				name = a.Kind
			}
			if a.Allowed {
				allowed = append(allowed, name)
			} else if a.Why["en"] == "" || a.Why["de"] == "" || a.Why["zh"] == "" {
				t.Errorf("%s may not %s and is not told why: %v", c.who.User, name, a.Why)
			}
			if a.To == "closed" && fmt.Sprint(a.Require) != "[resolution note]" {
				t.Errorf("closing asks for %v", a.Require)
			}
		}
		expect(t, "what "+c.who.User+" may do", strings.Join(allowed, " "), c.want)
		expect(t, "view", o.MayView(ticket, c.who), true)
	}
}

func deskAssign(t *testing.T, o *office) {
	o.report(t, o.finding(detectors.Raised))
	id := o.only(t).ID
	o.told(t)
	assign := func(who access.Principal, req tickets.AssignRequest) (tickets.Ticket, error) {
		t.Helper()
		got, err := o.Assign(t.Context(), who, id, req)
		if err != nil && !errors.Is(err, tickets.ErrRefused) {
			t.Fatal(err)
		}
		return got, err
	}
	if _, err := assign(benUser, tickets.AssignRequest{Technician: "anna"}); err == nil {
		t.Error("a technician assigned somebody else")
	}
	if _, err := assign(admin, tickets.AssignRequest{Technician: "carl"}); err == nil {
		t.Error("an inactive technician was assigned")
	}
	if _, err := assign(admin, tickets.AssignRequest{Technician: "nobody"}); err == nil {
		t.Error("somebody unknown was assigned")
	}
	got, err := assign(benUser, tickets.AssignRequest{Technician: "ben"})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "assignee", got.Assignee, "ben")
	expect(t, "told", o.told(t), "assigned")
	if got, err = assign(admin, tickets.AssignRequest{}); err != nil {
		t.Fatal(err)
	}
	expect(t, "assignee", got.Assignee, "")
	expect(t, "state", got.State, "new")
	if got, err = assign(admin, tickets.AssignRequest{Auto: true}); err != nil {
		t.Fatal(err)
	}
	expect(t, "assignee", got.Assignee, "anna")
	expect(t, "state", got.State, "assigned")
	h := o.history(t, id)
	expect(t, "actor", h[len(h)-1].Actor, "root")
	technicians, stations := o.loads(t)
	expect(t, "load", fmt.Sprint(technicians, stations), "map[anna:1] map[hamburg:1]")
}

func (o *office) loads(t *testing.T) (technicians, stations map[string]int) {
	t.Helper()
	err := o.store.Update(t.Context(), home, tickets.Fence{}, func(ctx context.Context, tx tickets.Tx) (err error) {
		technicians, stations, err = tx.Loads(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return technicians, stations
}

func deskTwice(t *testing.T, o *office) {
	o.report(t, o.finding(detectors.Raised))
	old := o.closeIt(t, o.only(t).ID)
	o.pass(100 * time.Hour)
	o.report(t, o.finding(detectors.Raised))
	_, err := o.Transition(t.Context(), admin, old.ID, tickets.TransitionRequest{To: "new", Note: "mine"})
	var refused *tickets.RefusedError
	if !errors.As(err, &refused) || !strings.Contains(refused.Reason["en"], "another open ticket") {
		t.Errorf("opening a second ticket of one fault: %v, want a refusal", err)
	}
}

func deskPending(t *testing.T, o *office) {
	f := testFleet()
	f.Technicians = f.Technicians[:1]
	f.Technicians[0].MaxLoad = 1
	o.directory.Replace(home, f)
	on := func(device string) func(*detectors.Finding) {
		return func(f *detectors.Finding) { f.Device = device }
	}
	// In one report: the second sees that the first filled the only technician.
	o.report(t, o.finding(detectors.Raised, on("d0")), o.finding(detectors.Raised, on("d1")))
	all := o.all(t)
	expect(t, "first", all[0].Assignee, "anna")
	expect(t, "second", all[1].Assignee, "")
	expect(t, "state of the second", all[1].State, "new")
	expect(t, "station of the second", all[1].Station, "hamburg")
	h := o.history(t, all[1].ID)
	if h[1].Kind != "assigned" || h[1].To != "" || h[1].Dispatch.Rung != "pending" {
		t.Errorf("history does not say that it waits: %+v", h[1])
	}
	n, err := o.DispatchPending(t.Context(), home)
	if err != nil || n != 0 {
		t.Fatalf("%d found somebody (%v), want 0", n, err)
	}
	expect(t, "history of waiting", kinds(o.history(t, all[1].ID)), "opened assigned")
	o.closeIt(t, all[0].ID)
	o.told(t)
	if n, err = o.DispatchPending(t.Context(), home); err != nil || n != 1 {
		t.Fatalf("%d found somebody (%v), want 1", n, err)
	}
	expect(t, "second", o.all(t)[1].Assignee, "anna")
	expect(t, "told", o.told(t), "assigned")
}

// shelf is a series store with one metric, or one that is down.
type shelf struct {
	points []series.Point
	down   bool
	asked  int
}

func (s *shelf) Raw(_ context.Context, _ series.Key, r series.Range, limit int) ([]series.Point, error) {
	s.asked++
	if s.down {
		return nil, series.ErrUnavailable
	}
	var out []series.Point
	for _, p := range s.points {
		if p.Time >= r.From.UnixMilli() && p.Time < r.To.UnixMilli() && len(out) < limit {
			out = append(out, p)
		}
	}
	return out, nil
}

func (s *shelf) Windows(context.Context, series.Key, series.Range, time.Duration) ([]series.Window, error) {
	return nil, errors.New("so few readings need no windows")
}

func (s *shelf) Last(context.Context, string, string) (map[string]series.Point, error) {
	return nil, nil
}

func deskDiagnoses(t *testing.T, o *office) {
	readings := new(shelf)
	for at := monday.Add(-6 * time.Hour); at.Before(monday.Add(6 * time.Hour)); at = at.Add(time.Minute) {
		readings.points = append(readings.points, series.Point{Time: at.UnixMilli(), Value: 90})
	}
	catalogue := plans{&detectors.Plan{}}
	wording, err := diagnosis.NewWording(catalogue)
	if err != nil {
		t.Fatal(err)
	}
	cfg := diagnosis.DefaultConfig()
	cfg.Store, cfg.Events, cfg.Readings, cfg.Bands = o.store, o.store, readings, diagnosis.NewReplay(readings, catalogue)
	cfg.Fleet, cfg.Plans, cfg.Wording, cfg.Now = o.directory, catalogue, wording, o.now
	diagnoser, err := diagnosis.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	hot := func(f *detectors.Finding) {
		f.Signals = []detectors.Signal{{Metric: "coolant_temp", Actual: 120, Share: 1}}
		f.Reason = detectors.Reason{Key: detectors.ReasonLimitAbove, Params: map[string]string{"metric": "coolant_temp", "value": "120", "limit": "110"}}
	}
	o.report(t, o.finding(detectors.Raised, hot))
	ticket := o.only(t)
	ask := func() diagnosis.Diagnosis {
		t.Helper()
		d, err := diagnoser.Diagnosis(t.Context(), home, ticket.Number)
		if err != nil {
			t.Fatal(err)
		}
		if !d.Intact() || len(d.Reasons) != 1 || !strings.Contains(d.Summary["en"], "% sure; bring coolant hose.") {
			t.Fatalf("intact %v, reasons %v, summary %v", d.Intact(), d.Reasons, d.Summary)
		}
		return d
	}

	readings.down = true
	d := ask()
	expect(t, "partial", d.Partial, true)
	expect(t, "charts", len(d.Signals), 1)
	expect(t, "points", len(d.Signals[0].Points), 0)
	if _, err := o.store.Diagnosis(t.Context(), home, ticket.ID); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("half a diagnosis was kept (%v)", err)
	}

	readings.down = false
	first := ask()
	expect(t, "partial", first.Partial, false)
	if len(first.Signals[0].Points) < 250 {
		t.Errorf("%d points, want those of five hours", len(first.Signals[0].Points))
	}
	// Who does not wait gets no answer; who asks together gets the same one.
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := diagnoser.Diagnosis(gone, home, ticket.ID); !errors.Is(err, context.Canceled) {
		t.Errorf("an answer for somebody who left: %v, want context.Canceled", err)
	}
	asked := readings.asked
	o.pass(10 * time.Second)
	expect(t, "hash of the kept one", ask().Hash, first.Hash)
	expect(t, "questions to the series store", readings.asked, asked)

	o.report(t, o.finding(detectors.Continued, hot, func(f *detectors.Finding) { f.Detector = "shift"; f.Score = .7 }))
	expect(t, "evidence", len(ask().Evidence), 2)
	o.pass(time.Hour)
	later := ask()
	if !later.To.After(first.To) {
		t.Errorf("after an hour the charts end at %s, as they did before", later.To)
	}
	o.pass(48 * time.Hour)
	last := ask()
	expect(t, "end of the charts", last.To, last.Until)
	asked = readings.asked
	o.pass(48 * time.Hour)
	expect(t, "hash when there is no more to show", ask().Hash, last.Hash)
	expect(t, "questions to the series store", readings.asked, asked)

	err = o.store.Update(t.Context(), home, tickets.Fence{}, func(ctx context.Context, tx tickets.Tx) error {
		return tx.PutDiagnosis(ctx, ticket.ID, []byte(`{"ticket": "forged"}`))
	})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "ticket of the diagnosis after a forgery", ask().Ticket, ticket.ID)
	if _, err := diagnoser.Diagnosis(t.Context(), home, "T-999999"); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("a diagnosis of nothing: %v, want ErrNotFound", err)
	}
}

func deskRace(t *testing.T, o *office) {
	const processes, faults = 6, 10
	var findings []detectors.Finding
	for i := range faults {
		for p := range processes {
			findings = append(findings, o.finding(detectors.Raised, func(f *detectors.Finding) {
				f.FaultCode = fmt.Sprint("code", i)
				f.ID = fmt.Sprint("race", i, "-", p)
			}))
		}
	}
	var wg sync.WaitGroup
	for p := range processes {
		desk := o.open(t)
		wg.Go(func() { // ended by wg.Wait below
			for i := range faults {
				if err := desk.Report(t.Context(), tickets.Fence{}, findings[i*processes+p:i*processes+p+1]); err != nil {
					t.Errorf("process %d: %v", p, err)
				}
			}
		})
	}
	wg.Wait()
	all := o.all(t)
	expect(t, "tickets", len(all), faults)
	for _, ticket := range all {
		expect(t, "occurrences of "+ticket.FaultCode, ticket.Occurrences, processes)
	}
}

// deskChaos reports findings of many faults from many lanes in random order,
// batches and repetition, while people close tickets and the clock runs. Whatever happens: one open
// ticket per fault, every finding kept once, one line of history for each finding of a ticket, and no severity lost.
func deskChaos(t *testing.T, o *office) {
	const seed, faults, each, lanes = 42, 8, 12, 3
	r := rand.New(rand.NewPCG(seed, seed))
	phases := []detectors.Phase{detectors.Raised, detectors.Raised, detectors.Continued, detectors.Continued, detectors.Cleared}
	var findings []detectors.Finding
	for fault := range faults {
		for i := range each {
			findings = append(findings, o.finding(phases[r.IntN(len(phases))], func(f *detectors.Finding) {
				f.ID = fmt.Sprintf("chaos-%d-%d", fault, i)
				f.Device, f.FaultCode = fmt.Sprintf("d%d", fault%4), fmt.Sprintf("code-%d", fault/4)
				f.Severity = telemetry.Severity(r.IntN(4))
				f.Time += int64(r.IntN(400_000)) * 1000
				f.Onset = f.Time - int64(r.IntN(100))*1000
				f.Arrival = f.Time + int64(r.IntN(2000))
				f.Backfill = r.IntN(10) == 0
				if r.IntN(10) == 0 {
					f.Withheld = "refractory"
				}
			}))
		}
	}
	var wg sync.WaitGroup
	for lane := range lanes {
		r := rand.New(rand.NewPCG(seed, uint64(lane)))
		queue := append(slices.Clone(findings), findings[:len(findings)/3]...)
		r.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
		desk := o.open(t)
		wg.Go(func() { // ended by wg.Wait below
			for len(queue) > 0 {
				n := min(1+r.IntN(12), len(queue))
				err := desk.Report(t.Context(), tickets.Fence{}, queue[:n])
				if errors.Is(err, tickets.ErrUnavailable) {
					continue // as a lane does: the same findings again
				}
				if err != nil {
					t.Errorf("lane %d: %v", lane, err)
					return
				}
				queue = queue[n:]
				o.pass(time.Duration(r.IntN(7200)) * time.Second)
				if r.IntN(12) == 0 {
					someoneCloses(t, o, r)
				}
			}
		})
	}
	wg.Wait()

	stored := o.findings(t, tickets.FindingFilter{})
	expect(t, "findings kept", len(stored), len(findings))
	byTicket := make(map[string][]tickets.Evidence)
	for _, e := range stored {
		if e.Withheld != "" && e.Ticket != "" {
			t.Errorf("withheld finding %s belongs to a ticket", e.ID)
		}
		if e.Ticket != "" {
			byTicket[e.Ticket] = append(byTicket[e.Ticket], e)
		}
	}
	open := make(map[tickets.Key]string)
	all := o.all(t)
	for _, ticket := range all {
		if ticket.Open() {
			if other := open[ticket.Key()]; other != "" {
				t.Errorf("%s and %s are both open for %v", other, ticket.Number, ticket.Key())
			}
			open[ticket.Key()] = ticket.Number
		}
		evidence := byTicket[ticket.ID]
		lines := 0
		closedOnce := false
		for _, e := range o.history(t, ticket.ID) {
			switch e.Kind {
			case "opened", "evidence", "cleared", "reopened", "closed":
				if e.Actor == "presage" {
					lines++
				}
				closedOnce = closedOnce || e.Kind == "closed"
			}
		}
		expect(t, "lines of history for the evidence of "+ticket.Number, lines, len(evidence))
		worst, raised := telemetry.Info, 0
		for _, e := range evidence {
			if e.Device != ticket.Device || e.FaultCode != ticket.FaultCode {
				t.Errorf("finding %s of %s %s belongs to %s of %v", e.ID, e.Device, e.FaultCode, ticket.Number, ticket.Key())
			}
			if e.Phase != detectors.Cleared {
				worst = max(worst, e.Severity)
			}
			if e.Phase == detectors.Raised {
				raised++
			}
		}
		if !closedOnce {
			expect(t, "severity of "+ticket.Number, ticket.Severity, worst)
			if ticket.Occurrences != raised && ticket.Occurrences != raised+1 { // opened by a continued one
				t.Errorf("%s counts %d occurrences of %d raised findings", ticket.Number, ticket.Occurrences, raised)
			}
		}
	}
	technicians, _ := o.loads(t)
	want := make(map[string]int)
	for _, ticket := range all {
		if ticket.Open() && ticket.Assignee != "" {
			want[ticket.Assignee]++
		}
	}
	if !maps.Equal(technicians, want) {
		t.Errorf("loads are %v, the tickets say %v", technicians, want)
	}
	if len(all) < faults || len(open) == 0 {
		t.Errorf("%d tickets, %d of them open: the test did not do what it is for", len(all), len(open))
	}
}

// someoneCloses closes an open ticket; losing a race over it is no error.
func someoneCloses(t *testing.T, o *office, r *rand.Rand) {
	open := true
	page, err := o.store.List(t.Context(), home, tickets.Filter{Open: &open})
	if err != nil {
		t.Error(err)
		return
	}
	if len(page.Tickets) == 0 {
		return
	}
	ticket := page.Tickets[r.IntN(len(page.Tickets))]
	_, err = o.Transition(t.Context(), admin, ticket.ID, tickets.TransitionRequest{To: "closed", Resolution: "repaired", Note: "chaos"})
	if err != nil && !errors.Is(err, tickets.ErrRefused) && !errors.Is(err, tickets.ErrConflict) {
		t.Error(err)
	}
}

// BenchmarkReport opens and assigns a ticket for each of the findings of a
// report, one in a transaction and a hundred.
func BenchmarkReport(b *testing.B) {
	for _, size := range []int{1, 100} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			o := newOffice(b, openSQLite(b))
			f := testFleet()
			for i := range f.Technicians {
				f.Technicians[i].MaxLoad = 1 << 30
			}
			o.directory.Replace(home, f)
			for b.Loop() {
				batch := make([]detectors.Finding, size)
				for i := range batch {
					batch[i] = o.finding(detectors.Raised, func(f *detectors.Finding) { f.Device = fmt.Sprint("new", o.serial) })
				}
				if err := o.Report(b.Context(), tickets.Fence{}, batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "tickets/s")
		})
	}
}
