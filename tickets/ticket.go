package tickets

import (
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// Kind is why a ticket exists.
type Kind string

// The kinds.
const (
	Fault Kind = "fault" // a detector found something wrong
)

// Category is what a stage of any workflow means to clocks, counts and colours.
type Category string

// The categories of stages.
const (
	CategoryNew       Category = "new"
	CategoryActive    Category = "active"
	CategoryWaiting   Category = "waiting"
	CategoryVerifying Category = "verifying"
	CategoryDone      Category = "done"
)

// Key names a fault: at most one open ticket has it.
type Key struct {
	Tenant, Device, Component, FaultCode string
}

// Ticket is one fault of one device, from detection to closing. All times are UTC.
type Ticket struct {
	ID     string `json:"id"`     // UUIDv7
	Number string `json:"number"` // "T-000042", unique in the tenant
	Tenant string `json:"-"`
	Kind   Kind   `json:"kind"`

	Device    string             `json:"device"`
	Component string             `json:"component"`
	FaultCode string             `json:"fault_code"`
	Severity  telemetry.Severity `json:"severity"` // only ever rises while open
	Priority  int                `json:"priority"` // 1 (now) to 4 (when convenient)
	// PriorityReason explains Priority in words, by language.
	PriorityReason Text `json:"priority_reason"`
	// Title is the fault in plain words, by language.
	Title Text `json:"title"`

	Workflow        string   `json:"workflow"`
	WorkflowVersion int      `json:"workflow_version"`
	State           string   `json:"state"` // stage of the workflow
	Category        Category `json:"category"`

	// OnsetAt is when the fault began and OpenedAt when it was noticed, both in
	// the device's event time for a backfilled ticket; RecordedAt is when the row was written.
	OnsetAt    time.Time `json:"onset_at"`
	OpenedAt   time.Time `json:"opened_at"`
	RecordedAt time.Time `json:"recorded_at"`
	UpdatedAt  time.Time `json:"updated_at"`
	LastSeenAt time.Time `json:"last_seen_at"`        // of the newest evidence
	ClearedAt  time.Time `json:"cleared_at,omitzero"` // the signal is back to normal since then
	ClosedAt   time.Time `json:"closed_at,omitzero"`
	// Deadline is when the ticket must be resolved by, zero when nothing asks for it.
	Deadline time.Time `json:"deadline,omitzero"`

	// Region, Station and Assignee are where dispatch put it; Assignee is a fleet.Technician.ID.
	Region   string `json:"region"`
	Station  string `json:"station"`
	Assignee string `json:"assignee"`

	// Occurrences counts how often the fault was raised while the ticket was
	// open, and each reopening; further evidence of one occurrence does not count.
	Occurrences int `json:"occurrences"`
	Reopened    int `json:"reopened"`
	// PreviousID is the closed ticket of the same fault that this one recurs from.
	PreviousID string `json:"previous_id,omitempty"`
	// Backfill marks a ticket opened from readings that were already old: it paged nobody.
	Backfill bool `json:"backfill,omitempty"`
	// Flap is nil as long as the fault never came back.
	Flap *Flap `json:"flap,omitempty"`
	// Resolution is the closing code: "repaired", "recovered", "no-fault-found", "duplicate".
	Resolution string `json:"resolution,omitempty"`

	// Facts is what was known of the device when the ticket opened.
	Facts Facts `json:"facts"`
	// Revision grows by one at every change; a transition names the one it saw.
	Revision int `json:"revision"`
}

// Open reports whether the ticket still needs somebody.
func (t *Ticket) Open() bool { return t.Category != CategoryDone }

// Key returns the fault the ticket is about.
func (t *Ticket) Key() Key { return Key{t.Tenant, t.Device, t.Component, t.FaultCode} }

// Text is a sentence by language: "en", "de", "zh".
type Text map[string]string

// In returns the sentence in the language, else in English.
func (t Text) In(language string) string {
	if s, ok := t[language]; ok {
		return s
	}
	return t["en"]
}

// Facts is the snapshot of the device that travels with its ticket.
type Facts struct {
	DeviceName   string    `json:"device_name,omitempty"`
	Model        string    `json:"model,omitempty"`
	ModelName    string    `json:"model_name,omitempty"`
	DeviceKind   string    `json:"device_kind,omitempty"`
	Firmware     string    `json:"firmware,omitempty"`
	Serial       string    `json:"serial,omitempty"`
	Site         string    `json:"site,omitempty"`
	SiteName     string    `json:"site_name,omitempty"`
	TimeZone     string    `json:"time_zone,omitempty"` // of the site
	Customer     string    `json:"customer,omitempty"`
	CustomerName string    `json:"customer_name,omitempty"`
	CustomerTier string    `json:"customer_tier,omitempty"`
	Language     string    `json:"language,omitempty"` // of the customer
	Purchased    time.Time `json:"purchased,omitzero"`
	Warranty     string    `json:"warranty,omitempty"` // "in", "out" or "unknown"
	Lat          float64   `json:"lat,omitempty"`
	Lon          float64   `json:"lon,omitempty"`
}
