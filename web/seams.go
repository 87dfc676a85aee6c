package web

import (
	"context"
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

// Stores answer with errors that wrap tickets.ErrNotFound, tickets.ErrConflict
// or tickets.ErrUnavailable where they apply; every other error is a 500 that
// is logged and not shown.

// Tickets reads what the desk keeps; the ticket stores are ones.
type Tickets interface {
	Ticket(ctx context.Context, tenant, id string) (tickets.Ticket, error)
	List(ctx context.Context, tenant string, f tickets.Filter) (tickets.Page, error)
	History(ctx context.Context, tenant, ticket string) ([]tickets.Entry, error)
	Findings(ctx context.Context, tenant string, f tickets.FindingFilter) (findings []tickets.Evidence, next string, err error)
	Counts(ctx context.Context, tenant string, f tickets.Filter) (map[string]map[string]int, error)
	// Telling returns of each ticket that has one the newest finding that says what is wrong.
	Telling(ctx context.Context, tenant string, ids []string) (map[string]detectors.Finding, error)
}

// Diagnoses returns the sealed diagnosis of a ticket.
type Diagnoses interface {
	Diagnosis(ctx context.Context, tenant, ticket string) (diagnosis.Diagnosis, error)
}

// Bands returns the expected range of a metric over time, as the detectors saw it.
type Bands interface {
	Band(ctx context.Context, key series.Key, r series.Range) ([]diagnosis.BandPoint, error)
}

// Wording says in words what a finding says; *diagnosis.Wording is one.
type Wording interface {
	// Reason says why a finding was made, Brief the same in a few words for a fault that lasts so long.
	Reason(f *detectors.Finding) tickets.Text
	Brief(f *detectors.Finding, lasting time.Duration) tickets.Text
	// Unusual says how unusual what a finding saw is; nil when there is nothing to say.
	Unusual(f *detectors.Finding) tickets.Text
	// Describe gives the title of a fault.
	Describe(tenant, device, code string) tickets.FaultInfo
}

// Series reads readings; a series.Store is one.
type Series interface {
	Raw(ctx context.Context, key series.Key, r series.Range, limit int) ([]series.Point, error)
	Windows(ctx context.Context, key series.Key, r series.Range, step time.Duration) ([]series.Window, error)
	Last(ctx context.Context, tenant, device string) (map[string]series.Point, error)
}

// Devices reads the devices and what they said beside samples.
type Devices interface {
	// Device returns one device with its health.
	Device(ctx context.Context, tenant, id string) (fleet.DeviceView, error)
	// Devices returns a page of them.
	Devices(ctx context.Context, tenant string, f fleet.DeviceFilter) (fleet.DevicePage, error)
	// Cells sums the devices up by model and region; now ends the history of the cells.
	Cells(ctx context.Context, tenant string, now time.Time) ([]fleet.Cell, error)
	// State returns what a device last said of itself, or tickets.ErrNotFound.
	State(ctx context.Context, tenant, device string) (telemetry.State, error)
	// Events returns at most limit events of a device in [from, to), oldest first.
	Events(ctx context.Context, tenant, device string, from, to time.Time, limit int) ([]telemetry.Event, error)
}

// Directory lists what devices belong to and who serves them, from memory; *fleet.Directory is the one.
type Directory interface {
	Models(tenant string) []fleet.Model
	Regions(tenant string) []fleet.Region
	Stations(tenant string) []fleet.Station
	Technicians(tenant string) []fleet.Technician
}

// Workflows lists the flows that tickets follow; *workflow.Library is one.
type Workflows interface {
	Flows() []*tickets.Flow
}

// Users keeps the accounts of people.
type Users interface {
	Users(ctx context.Context, tenant string) ([]access.User, error)
	// User returns the account with a sign-in name.
	User(ctx context.Context, tenant, name string) (access.User, error)
	// CreateUser fails with tickets.ErrConflict when the name is taken.
	CreateUser(ctx context.Context, tenant string, u access.User) error
	// CreateFirstUser does the same, and fails with tickets.ErrConflict when the tenant has any user, in one transaction.
	CreateFirstUser(ctx context.Context, tenant string, u access.User) error
	// UpdateUser replaces the account with the ID of u.
	UpdateUser(ctx context.Context, tenant string, u access.User) error
}

// Desk moves tickets on behalf of people; *tickets.Desk is the one.
type Desk interface {
	// MayView reports whether the workflow shows a ticket to somebody.
	MayView(t tickets.Ticket, who access.Principal) bool
	// Actions returns what somebody may do to a ticket now, and for the rest why not.
	Actions(t tickets.Ticket, who access.Principal) ([]tickets.Action, error)
	Transition(ctx context.Context, who access.Principal, id string, req tickets.TransitionRequest) (tickets.Ticket, error)
	Assign(ctx context.Context, who access.Principal, id string, req tickets.AssignRequest) (tickets.Ticket, error)
	Comment(ctx context.Context, who access.Principal, id, comment string) (tickets.Ticket, error)
}

// Sessions keeps who is signed in.
type Sessions interface {
	CreateSession(ctx context.Context, s access.Session) error
	// Session returns a session by ID, also one that has expired.
	Session(ctx context.Context, id string) (access.Session, error)
	// TouchSession moves LastSeen and Expires.
	TouchSession(ctx context.Context, id string, lastSeen, expires time.Time) error
	DeleteSession(ctx context.Context, id string) error
	// DeleteUserSessions signs a user out everywhere.
	DeleteUserSessions(ctx context.Context, tenant, user string) error
	// DeleteExpiredSessions removes what expired before now.
	DeleteExpiredSessions(ctx context.Context, now time.Time) error
}

// Tokens keeps the API tokens.
type Tokens interface {
	Tokens(ctx context.Context, tenant string) ([]access.Token, error)
	// TokenByHash returns the token of any tenant with a hash.
	TokenByHash(ctx context.Context, hash string) (access.Token, error)
	// CreateToken fails with tickets.ErrConflict when the name is taken.
	CreateToken(ctx context.Context, t access.Token) error
	TouchToken(ctx context.Context, id string, lastUsed time.Time) error
	DeleteToken(ctx context.Context, tenant, id string) error
}

// DeviceCredentials keeps the tokens of devices.
type DeviceCredentials interface {
	// DeviceCredentials lists those of a device, the newest first, also those that are not valid any more.
	DeviceCredentials(ctx context.Context, tenant, device string) ([]access.DeviceCredential, error)
	// CreateDeviceCredentials fails with tickets.ErrConflict when a device would have too many.
	CreateDeviceCredentials(ctx context.Context, all []access.DeviceCredential) error
	// RotateDeviceCredentials stores a credential and lets the others of its device end at a time; it returns
	// the credential with the devices of the one before. It fails with tickets.ErrNotFound when there is none.
	RotateDeviceCredentials(ctx context.Context, c access.DeviceCredential, end time.Time) (access.DeviceCredential, error)
	// RevokeDeviceCredentials ends one of a device that is valid, by its id.
	RevokeDeviceCredentials(ctx context.Context, tenant, device, id string, at time.Time) (revoked int, err error)
}

// Passwords makes and checks password hashes; web/password has the one in use.
type Passwords interface {
	Hash(password string) (string, error)
	// Verify reports whether the password belongs to the hash, and whether the hash should be made
	// anew because it was made with other parameters. A hash that cannot be read is an error.
	Verify(hash, password string) (ok, stale bool, err error)
}

// Failures keeps what is known to have failed.
type Failures interface {
	// Failures returns at most limit of them in [from, to), oldest first, of one device or, when it is empty, of all.
	Failures(ctx context.Context, tenant, device string, from, to time.Time, limit int) ([]quality.Failure, error)
	// PutFailures stores all or none and returns how many were not known before.
	PutFailures(ctx context.Context, tenant string, failures []quality.Failure, now time.Time) (added int, err error)
}

// Maintenance keeps the windows during which faults open no tickets.
type Maintenance interface {
	// MaintenanceWindows returns a page of them, the one that begins last first.
	MaintenanceWindows(ctx context.Context, tenant string, f maintenance.Filter) (windows []maintenance.Window, next string, err error)
	// Window returns one and what was done to it.
	Window(ctx context.Context, tenant, id string) (maintenance.Window, []maintenance.Change, error)
	// CreateWindow stores a new one and gives it its ID. It fails with a RejectedError when its scope names what does not exist.
	CreateWindow(ctx context.Context, tenant string, w maintenance.Window) (maintenance.Window, error)
	// ChangeWindow stores what change makes of one; see sqlstore.Store.ChangeWindow.
	ChangeWindow(ctx context.Context, tenant, id string, revision int, by, kind string, now time.Time, change func(*maintenance.Window) error) (maintenance.Window, error)
	// Covering returns the windows that run on a device, or a component of it, at a time.
	Covering(ctx context.Context, tenant, device string, at time.Time) ([]maintenance.Window, error)
}

// Quarantine keeps the payloads that could not be read.
type Quarantine interface {
	// Quarantined returns a page of them, newest first; next is empty on the last.
	Quarantined(ctx context.Context, tenant, cursor string, limit int) (entries []telemetry.Quarantined, next string, err error)
	// Retry puts a payload through the intake again and removes it from the
	// quarantine when it was taken. A payload refused again stays, with a RejectedError.
	Retry(ctx context.Context, tenant, id string) error
	DeleteQuarantined(ctx context.Context, tenant, id string) error
	// QuarantineSize returns how many payloads are kept, and how many gave way to newer ones since ever.
	QuarantineSize(ctx context.Context, tenant string) (kept, dropped int, err error)
}

// Deliveries are the events on their way to webhooks.
type Deliveries interface {
	// Deliveries returns a page of those that were not taken, newest first; an empty state means all of them.
	Deliveries(ctx context.Context, tenant, state, cursor string, limit int) (deliveries []tickets.Delivery, next string, err error)
	// RetryDelivery makes one due at once.
	RetryDelivery(ctx context.Context, tenant, endpoint, event string, now time.Time) error
}

// Catalog is the detector catalogue in force.
type Catalog interface {
	// Effective returns it as YAML.
	Effective(ctx context.Context) ([]byte, error)
	// Reload reads it again from its files; the one in force stays when the new one is not valid.
	Reload(ctx context.Context) error
	// Plan returns how a device is watched and what is known of its metrics; never nil.
	Plan(tenant, device string) *detectors.Plan
}

// Detectors holds the rules to account.
type Detectors interface {
	// Known returns the tickets opened since a time, newest first, the failures since then, and the devices of each model.
	Known(ctx context.Context, tenant string, since time.Time) (*quality.Known, error)
	// Trials returns what rules on trial found since a time.
	Trials(ctx context.Context, tenant string, since time.Time) ([]quality.Trial, error)
	// LevelSteps returns the levels that should follow those in force, by what became known; none when that is turned off.
	LevelSteps(ctx context.Context, tenant string) ([]quality.Setting, error)
	// StageSettings returns the last change of the stage or level of each rule and model that had one.
	StageSettings(ctx context.Context, tenant string) ([]quality.Setting, error)
	// StageChanges returns the newest changes, newest first.
	StageChanges(ctx context.Context, tenant string) ([]quality.Setting, error)
	// Rules returns the rules of the catalogue in force on every model and on devices without one, with the stages of the catalogue.
	Rules(tenant string) []RuleStage
	// SetStage changes the stage or the level of a rule, from the next readings on. It fails with a RejectedError when there is no such
	// rule or model, and with tickets.ErrConflict when somebody changed it later.
	SetStage(ctx context.Context, tenant string, v quality.Setting) error
}

// Scoreboard is the demonstration with its declared faults.
type Scoreboard interface {
	Scoreboard(ctx context.Context, tenant string) (Score, error)
	// Inject starts a fault of a kind on a device that has none and returns it.
	Inject(ctx context.Context, tenant, kind string) (DemoFault, error)
}
