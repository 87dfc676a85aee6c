package web

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/fleet/maintenance"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/tickets/diagnosis"
	"github.com/presage-pdm/presage/tickets/quality"
)

// world is everything behind the server, in memory. It stands in for stores so that HTTP can be tested by
// itself; the stores have conformance suites of their own, and cmd/presage tests both together.
type world struct {
	mu sync.Mutex

	judged []quality.Ticket
	broke  []quality.ModelFailure
	steps  []quality.Setting
	stages []quality.Setting

	users    map[string]access.User // by name
	sessions map[string]access.Session
	tokens   map[string]access.Token // by hash

	credentials []access.DeviceCredential

	tickets  []tickets.Ticket
	entries  []tickets.Entry
	evidence []tickets.Evidence
	filter   tickets.Filter        // the last one asked for
	findings tickets.FindingFilter // the last one asked for
	devices  fleet.DeviceFilter    // the last one asked for

	points     map[string][]series.Point // by metric
	windowStep time.Duration             // the last one asked for
	events     []telemetry.Event
	rejected   []telemetry.Quarantined
	failures   []quality.Failure
	windows    []maintenance.Window
	asked      maintenance.Filter // the last one asked for
	did        string             // who changed a window how, the last time
	deliveries []tickets.Delivery
	retried    string       // endpoint and event of the last delivery that was retried
	refused    tickets.Text // what the desk answers to every deed, nil: it does it
	reloadErr  error
	retryErr   error
	failWith   error // what every store answers, nil: it works
	panics     bool  // the device store panics
	unready    []Unready
	demoFaults []DemoFault
}

var epoch = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

func newWorld() *world {
	return &world{
		users:    make(map[string]access.User),
		sessions: make(map[string]access.Session),
		tokens:   make(map[string]access.Token),
		points:   map[string][]series.Point{"coolant_temp": {{Time: epoch.UnixMilli(), Value: 91.25}, {Time: epoch.UnixMilli() + 1000, Value: 91.5}}},
		tickets: []tickets.Ticket{{
			ID: "0190-1", Number: "T-000001", Tenant: "default", Kind: tickets.Fault, Device: "car-7", Component: "cooling", FaultCode: "coolant-leak",
			Severity: telemetry.Major, Priority: 2, PriorityReason: tickets.Text{"en": "Major fault."}, Title: tickets.Text{"en": "Coolant leak", "de": "Kühlmittelverlust", "zh": "冷却液泄漏"},
			Workflow: "repair", WorkflowVersion: 1, State: "assigned", Category: tickets.CategoryActive,
			OnsetAt: epoch.Add(-3 * time.Hour), OpenedAt: epoch, RecordedAt: epoch, UpdatedAt: epoch, LastSeenAt: epoch,
			Region: "south", Station: "frankfurt", Assignee: "mira", Occurrences: 3, Revision: 4,
			Facts: tickets.Facts{DeviceName: "Car 7", ModelName: "Model E"},
		}},
		entries: []tickets.Entry{{ID: "h1", Ticket: "0190-1", At: epoch, Actor: "presage", Kind: "opened", Rule: "coolant-loss"}},
		evidence: []tickets.Evidence{{Finding: detectors.Finding{
			ID: "f1", Tenant: "default", Device: "car-7", Component: "cooling", FaultCode: "coolant-leak", Detector: "limit", Rule: "coolant-hot", Version: 1,
			Phase: detectors.Raised, Severity: telemetry.Major, Onset: epoch.UnixMilli(), Time: epoch.UnixMilli(), Arrival: epoch.UnixMilli(), Score: 1,
			Reason: detectors.Reason{Key: "limit.above"},
		}, Ticket: "0190-1", RecordedAt: epoch}},
		windows:  []maintenance.Window{{ID: "m1", Name: "Pump exchange", From: time.Now().Add(-time.Hour), To: time.Now().Add(1000 * time.Hour), Revision: 1}},
		events:   []telemetry.Event{{Time: epoch.UnixMilli(), Code: "P0217", Severity: telemetry.Warning}},
		rejected: []telemetry.Quarantined{{ID: "q1", Rejected: telemetry.Rejected{Tenant: "default", Topic: "presage/v1/x/telemetry", Arrival: epoch.UnixMilli(), Reason: "malformed-json", Detail: "It ends too soon.", Payload: []byte(`{"ts":`)}}},
		deliveries: []tickets.Delivery{
			{Endpoint: "crm.example.com:8443", Event: tickets.Event{ID: "e1", Type: "ticket.opened", Ticket: tickets.Ticket{ID: "0190-1", Number: "T-000001"}},
				State: tickets.DeliveryDead, Attempts: 20, CreatedAt: epoch, NextAt: epoch.Add(time.Hour), LastError: "status 500: out of order"},
			{Endpoint: "erp", Event: tickets.Event{ID: "e2", Type: "ticket.closed", Ticket: tickets.Ticket{ID: "0190-1", Number: "T-000001"}},
				State: tickets.DeliveryPending, Attempts: 1, CreatedAt: epoch, NextAt: epoch.Add(time.Second)},
		},
	}
}

func (w *world) config() Config {
	cfg := DefaultConfig()
	cfg.Tickets, cfg.Desk, cfg.Diagnoses, cfg.Bands, cfg.Wording, cfg.Series, cfg.Devices = w, w, w, w, w, w, w
	cfg.Directory, cfg.Users, cfg.Sessions, cfg.Tokens, cfg.Passwords = w, w, w, w, plain{}
	cfg.Workflows, cfg.DeviceCredentials = w, w
	cfg.Failures, cfg.Maintenance = w, w
	cfg.Quarantine, cfg.Deliveries, cfg.Catalog, cfg.Detectors, cfg.Scoreboard, cfg.Hub = w, w, w, w, w, NewHub()
	cfg.About = func(context.Context) (About, error) {
		return About{Version: "1.2.3", Started: epoch, Database: "sqlite", Series: "embedded", Broker: "embedded"}, w.failWith
	}
	cfg.Ready = func(context.Context) []Unready { w.mu.Lock(); defer w.mu.Unlock(); return slices.Clone(w.unready) }
	cfg.Assets = fstest.MapFS{
		"index.html":       {Data: []byte(`<!doctype html><script nonce="__CSP_NONCE__"></script>`)},
		"assets/app-1a.js": {Data: []byte("console.log(1)")},
		"favicon.svg":      {Data: []byte("<svg/>")},
	}
	return cfg
}

// newServer starts a server over a new world; change adapts its configuration.
func newServer(t testing.TB, change func(*Config)) (*Server, *world) {
	t.Helper()
	w := newWorld()
	cfg := w.config()
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s, w
}

// token makes a bearer token of a role.
func (w *world) token(t testing.TB, role access.Role) string {
	t.Helper()
	token, secret, err := MakeToken("default", "test-"+string(role), role, "test", epoch, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens[token.Hash] = token
	return secret
}

// addUser makes an account whose password is "password of NAME".
func (w *world) addUser(name string, role access.Role) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.users[name] = access.User{ID: "u-" + name, Name: name, Display: strings.ToUpper(name), Role: role, Created: epoch, PasswordHash: "hash of password of " + name}
}

// plain is a hasher whose cost a test can bear.
type plain struct{}

func (plain) Hash(password string) (string, error) { return "hash of " + password, nil }
func (plain) Verify(hash, password string) (ok, stale bool, err error) {
	if !strings.HasPrefix(hash, "hash of ") && !strings.HasPrefix(hash, "old ") {
		return false, false, fmt.Errorf("cannot read %q", hash)
	}
	stale = strings.HasPrefix(hash, "old ")
	return strings.TrimPrefix(hash, "old ") == "hash of "+password, stale, nil
}

func (w *world) fail() error { w.mu.Lock(); defer w.mu.Unlock(); return w.failWith }

func (w *world) Ticket(_ context.Context, tenant, id string) (tickets.Ticket, error) {
	for _, t := range w.tickets {
		if t.Tenant == tenant && (t.ID == id || t.Number == id) {
			return t, w.fail()
		}
	}
	return tickets.Ticket{}, tickets.ErrNotFound
}

func (w *world) List(_ context.Context, _ string, f tickets.Filter) (tickets.Page, error) {
	w.filter = f
	return tickets.Page{Tickets: slices.Clone(w.tickets), Next: "c2", Total: 7}, w.fail()
}

func (w *world) History(context.Context, string, string) ([]tickets.Entry, error) {
	return w.entries, w.fail()
}

func (w *world) Findings(_ context.Context, _ string, f tickets.FindingFilter) ([]tickets.Evidence, string, error) {
	w.findings = f
	return w.evidence, "", w.fail()
}

func (w *world) Telling(_ context.Context, _ string, ids []string) (map[string]detectors.Finding, error) {
	told := make(map[string]detectors.Finding)
	for _, e := range w.evidence {
		if slices.Contains(ids, e.Ticket) && e.Phase != detectors.Cleared {
			told[e.Ticket] = e.Finding
		}
	}
	return told, w.fail()
}

func (w *world) Counts(_ context.Context, _ string, f tickets.Filter) (map[string]map[string]int, error) {
	w.filter = f
	return map[string]map[string]int{"severity": {"major": 1}}, w.fail()
}

func (w *world) MayView(t tickets.Ticket, who access.Principal) bool {
	return t.State != "secret" || who.Role == access.Admin
}

func (w *world) Actions(t tickets.Ticket, who access.Principal) ([]tickets.Action, error) {
	return []tickets.Action{
		{Kind: "transition", To: "in_repair", Label: tickets.Text{"en": "Begin"}, Category: tickets.CategoryActive, Allowed: true},
		{Kind: "transition", To: "closed", Label: tickets.Text{"en": "Close"}, Category: tickets.CategoryDone, Require: []string{"note", "resolution"}, Allowed: who.Role == access.Admin},
	}, w.fail()
}

func (w *world) deed(tenant, id string, revision int, change func(*tickets.Ticket)) (tickets.Ticket, error) {
	if w.refused != nil {
		return tickets.Ticket{}, &tickets.RefusedError{Reason: w.refused}
	}
	for i := range w.tickets {
		t := &w.tickets[i]
		if t.Tenant != tenant || t.ID != id {
			continue
		}
		if revision != 0 && revision != t.Revision {
			return *t, fmt.Errorf("ticket %s: %w", id, tickets.ErrConflict)
		}
		change(t)
		t.Revision++
		return *t, w.fail()
	}
	return tickets.Ticket{}, tickets.ErrNotFound
}

func (w *world) Transition(_ context.Context, who access.Principal, id string, req tickets.TransitionRequest) (tickets.Ticket, error) {
	return w.deed(who.Tenant, id, req.Revision, func(t *tickets.Ticket) { t.State = req.To })
}

func (w *world) Assign(_ context.Context, who access.Principal, id string, req tickets.AssignRequest) (tickets.Ticket, error) {
	return w.deed(who.Tenant, id, req.Revision, func(t *tickets.Ticket) {
		t.Assignee = req.Technician
		if req.Auto {
			t.Assignee = "tom"
		}
	})
}

func (w *world) Comment(_ context.Context, who access.Principal, id, comment string) (tickets.Ticket, error) {
	return w.deed(who.Tenant, id, 0, func(*tickets.Ticket) { w.entries = append(w.entries, tickets.Entry{Kind: "comment", Note: comment}) })
}

func (w *world) Diagnosis(_ context.Context, _, ticket string) (diagnosis.Diagnosis, error) {
	return diagnosis.Diagnosis{Ticket: ticket, Summary: tickets.Text{"en": "The coolant is leaking since 3 h."}, Confidence: 0.9, OnsetAt: epoch, OpenedAt: epoch, From: epoch, To: epoch, BuiltAt: epoch}, w.fail()
}

func (w *world) Band(context.Context, series.Key, series.Range) ([]diagnosis.BandPoint, error) {
	low, high := 80.0, 95.0
	return []diagnosis.BandPoint{{Time: epoch.UnixMilli(), Low: &low, High: &high}}, w.fail()
}

func (w *world) Reason(f *detectors.Finding) tickets.Text {
	return tickets.Text{"en": "Found by " + f.Detector + "."}
}

func (w *world) Brief(f *detectors.Finding, lasting time.Duration) tickets.Text {
	if lasting <= 0 {
		return tickets.Text{"en": "Before it began"}
	}
	return tickets.Text{"en": "By " + f.Detector}
}

func (w *world) Unusual(f *detectors.Finding) tickets.Text {
	return tickets.Text{"en": "Rare for " + f.Device + "."}
}

func (w *world) Describe(_, _, code string) tickets.FaultInfo {
	return tickets.FaultInfo{Title: tickets.Text{"en": "The fault " + code}}
}

func (w *world) Raw(_ context.Context, key series.Key, r series.Range, limit int) ([]series.Point, error) {
	var found []series.Point
	for _, p := range w.points[key.Metric] {
		if p.Time >= r.From.UnixMilli() && p.Time < r.To.UnixMilli() && len(found) < limit {
			found = append(found, p)
		}
	}
	return found, w.fail()
}

func (w *world) Windows(_ context.Context, _ series.Key, r series.Range, step time.Duration) ([]series.Window, error) {
	w.windowStep = step
	return []series.Window{{Start: r.From.UnixMilli(), Mean: 2, Min: 1, Max: 3, Count: 9}}, w.fail()
}

func (w *world) Last(context.Context, string, string) (map[string]series.Point, error) {
	last := make(map[string]series.Point)
	for metric, points := range w.points {
		last[metric] = points[len(points)-1]
	}
	return last, w.fail()
}

func (w *world) Device(_ context.Context, _, id string) (fleet.DeviceView, error) {
	if w.panics {
		panic("the device store fell over")
	}
	if id != "car-7" {
		return fleet.DeviceView{}, fmt.Errorf("device %s: %w", id, tickets.ErrNotFound)
	}
	return fleet.DeviceView{Device: fleet.Device{ID: id, Name: "Car 7", Model: "model-e"}, ModelName: "Model E", Health: fleet.HealthMajor, OpenTickets: 1, LastSeen: epoch}, w.fail()
}

func (w *world) Devices(_ context.Context, _ string, f fleet.DeviceFilter) (fleet.DevicePage, error) {
	w.devices = f
	return fleet.DevicePage{Devices: []fleet.DeviceView{{Device: fleet.Device{ID: "car-7"}, Health: fleet.HealthMajor}}, Total: 1}, w.fail()
}

func (w *world) Cells(context.Context, string, time.Time) ([]fleet.Cell, error) {
	return []fleet.Cell{{Model: "model-e", ModelName: "Model E", Kind: "vehicle", Region: "south", Devices: 200, Unhealthy: 3}}, w.fail()
}

func (w *world) State(context.Context, string, string) (telemetry.State, error) {
	return telemetry.State{Time: epoch.UnixMilli(), Online: true, Attributes: map[string]string{"firmware": "1.4.2"}}, w.fail()
}

func (w *world) Events(_ context.Context, _, _ string, _, _ time.Time, limit int) ([]telemetry.Event, error) {
	return w.events[:min(limit, len(w.events))], w.fail()
}

func (w *world) Models(string) []fleet.Model {
	return []fleet.Model{{ID: "model-e", Name: "Model E", Kind: "vehicle"}}
}

func (w *world) Regions(string) []fleet.Region {
	return []fleet.Region{{ID: "south", Name: "South"}}
}

func (w *world) Stations(string) []fleet.Station {
	return []fleet.Station{{ID: "frankfurt", Name: "Frankfurt", Region: "south"}}
}

func (w *world) Flows() []*tickets.Flow {
	return []*tickets.Flow{{Name: "repair", Version: 1, Label: tickets.Text{"en": "Repair"}, Kinds: []tickets.Kind{tickets.Fault},
		Stages: []tickets.Stage{{ID: "assigned", Category: tickets.CategoryActive, Label: tickets.Text{"en": "Assigned"}, View: access.Roles()}}}}
}

func (w *world) Technicians(string) []fleet.Technician {
	return []fleet.Technician{{ID: "mira", Name: "Mira", Station: "frankfurt"}}
}

func (w *world) Users(context.Context, string) ([]access.User, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []access.User
	for _, u := range w.users {
		all = append(all, u)
	}
	slices.SortFunc(all, func(a, b access.User) int { return strings.Compare(a.Name, b.Name) })
	return all, w.failWith
}

func (w *world) User(_ context.Context, _, name string) (access.User, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if u, ok := w.users[name]; ok {
		return u, w.failWith
	}
	return access.User{}, tickets.ErrNotFound
}

func (w *world) CreateUser(_ context.Context, _ string, u access.User) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.users[u.Name]; ok {
		return tickets.ErrConflict
	}
	w.users[u.Name] = u
	return w.failWith
}

func (w *world) CreateFirstUser(ctx context.Context, tenant string, u access.User) error {
	w.mu.Lock()
	taken := len(w.users) > 0
	w.mu.Unlock()
	if taken {
		return tickets.ErrConflict
	}
	return w.CreateUser(ctx, tenant, u)
}

func (w *world) UpdateUser(_ context.Context, _ string, u access.User) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.users[u.Name] = u
	return w.failWith
}

func (w *world) CreateSession(_ context.Context, s access.Session) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sessions[s.ID] = s
	return w.failWith
}

func (w *world) Session(_ context.Context, id string) (access.Session, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s, ok := w.sessions[id]; ok {
		return s, w.failWith
	}
	return access.Session{}, tickets.ErrNotFound
}

func (w *world) TouchSession(_ context.Context, id string, seen, expires time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.sessions[id]
	s.LastSeen, s.Expires = seen, expires
	w.sessions[id] = s
	return w.failWith
}

func (w *world) DeleteSession(_ context.Context, id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.sessions, id)
	return w.failWith
}

func (w *world) DeleteUserSessions(_ context.Context, _, user string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, s := range w.sessions {
		if s.User == user {
			delete(w.sessions, id)
		}
	}
	return w.failWith
}

func (w *world) DeleteExpiredSessions(_ context.Context, now time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, s := range w.sessions {
		if s.Expires.Before(now) {
			delete(w.sessions, id)
		}
	}
	return w.failWith
}

func (w *world) Tokens(context.Context, string) ([]access.Token, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []access.Token
	for _, t := range w.tokens {
		all = append(all, t)
	}
	return all, w.failWith
}

func (w *world) TokenByHash(_ context.Context, hash string) (access.Token, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t, ok := w.tokens[hash]; ok {
		return t, w.failWith
	}
	return access.Token{}, tickets.ErrNotFound
}

func (w *world) CreateToken(_ context.Context, t access.Token) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, other := range w.tokens {
		if other.Name == t.Name {
			return tickets.ErrConflict
		}
	}
	w.tokens[t.Hash] = t
	return w.failWith
}

func (w *world) TouchToken(_ context.Context, id string, used time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for hash, t := range w.tokens {
		if t.ID == id {
			t.LastUsed = used
			w.tokens[hash] = t
		}
	}
	return nil
}

func (w *world) DeleteToken(_ context.Context, _, id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for hash, t := range w.tokens {
		if t.ID == id {
			delete(w.tokens, hash)
			return w.failWith
		}
	}
	return tickets.ErrNotFound
}

func (w *world) Failures(_ context.Context, _, _ string, _, _ time.Time, limit int) ([]quality.Failure, error) {
	return w.failures[:min(limit, len(w.failures))], w.fail()
}

func (w *world) PutFailures(_ context.Context, _ string, failures []quality.Failure, _ time.Time) (int, error) {
	w.failures = append(w.failures, failures...)
	return len(failures), w.fail()
}

func (w *world) Quarantined(_ context.Context, _, _ string, _ int) ([]telemetry.Quarantined, string, error) {
	return w.rejected, "", w.fail()
}

func (w *world) Retry(context.Context, string, string) error             { return w.retryErr }
func (w *world) DeleteQuarantined(context.Context, string, string) error { return w.fail() }
func (w *world) QuarantineSize(context.Context, string) (kept, dropped int, err error) {
	return len(w.rejected), 7, w.fail()
}

func (w *world) Deliveries(_ context.Context, _, state, _ string, _ int) ([]tickets.Delivery, string, error) {
	var all []tickets.Delivery
	for _, d := range w.deliveries {
		if state == "" || state == d.State {
			all = append(all, d)
		}
	}
	return all, "", w.fail()
}

func (w *world) RetryDelivery(_ context.Context, _, endpoint, event string, _ time.Time) error {
	w.retried = endpoint + " " + event
	return w.retryErr
}

func (w *world) Effective(context.Context) ([]byte, error) {
	return []byte("rules:\n  - id: coolant-hot\n"), w.fail()
}
func (w *world) Reload(context.Context) error { return w.reloadErr }

func (w *world) Plan(_, _ string) *detectors.Plan {
	return &detectors.Plan{
		Rules: []*detectors.Rule{{ID: "coolant-hot", Fault: "coolant-leak", Severity: telemetry.Major, Method: limit{}, Matches: func(m string, _ detectors.MetricPlan) bool { return m == "coolant_temp" }}},
		Describe: func(m string) detectors.MetricPlan {
			return detectors.MetricPlan{Metric: telemetry.Metric{Name: m, Unit: "°C", Component: "cooling"}}
		},
	}
}

func (w *world) Known(context.Context, string, time.Time) (*quality.Known, error) {
	return &quality.Known{Tickets: w.judged, Failures: w.broke, Devices: map[string]int{"X1": 10},
		Span: quality.Span{From: epoch, To: epoch.AddDate(0, 0, 30), Horizon: 24 * time.Hour}}, w.fail()
}
func (w *world) Trials(context.Context, string, time.Time) ([]quality.Trial, error) {
	return []quality.Trial{{Subject: quality.Subject{Rule: "new"}, Raised: 3, Ticketed: 1}}, w.fail()
}
func (w *world) LevelSteps(context.Context, string) ([]quality.Setting, error) {
	return w.steps, w.fail()
}
func (w *world) StageSettings(context.Context, string) ([]quality.Setting, error) {
	return w.stages, w.fail()
}
func (w *world) StageChanges(context.Context, string) ([]quality.Setting, error) {
	return w.stages, w.fail()
}
func (w *world) Rules(string) []RuleStage {
	return []RuleStage{
		{quality.Subject{Rule: "new", Model: "X1"}, detectors.StageCanary, 0.25},
		{quality.Subject{Rule: "hot", Model: "X2"}, detectors.StageLive, 0}, {quality.Subject{Rule: "hot", Model: "X1"}, detectors.StageLive, 0},
	}
}
func (w *world) SetStage(_ context.Context, _ string, v quality.Setting) error {
	w.stages = append(w.stages, v)
	return w.fail()
}

func (w *world) Scoreboard(context.Context, string) (Score, error) {
	return Score{Faults: w.demoFaults, Injected: len(w.demoFaults)}, w.fail()
}

func (w *world) Inject(_ context.Context, _, kind string) (DemoFault, error) {
	if kind != "coolant-leak" {
		return DemoFault{}, &RejectedError{Detail: "There is no fault of this kind."}
	}
	f := DemoFault{ID: "d1", Kind: kind, Device: "car-7"}
	w.demoFaults = append(w.demoFaults, f)
	return f, nil
}

// failing is a device store that fails where the others work.
type failing struct {
	*world
	err error
}

func (f failing) Cells(context.Context, string, time.Time) ([]fleet.Cell, error) { return nil, f.err }

// limit is a method by name.
type limit struct{}

func (limit) Name() string                                        { return "limit" }
func (limit) Version() int                                        { return 1 }
func (limit) New(string, detectors.MetricPlan) detectors.Detector { return nil }
