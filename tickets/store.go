package tickets

import (
	"context"
	"errors"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/fleet/maintenance"
	"github.com/presage-pdm/presage/telemetry"
)

// Errors of a [Store].
var (
	ErrNotFound = errors.New("not found")
	// ErrConflict means that somebody else changed the ticket first.
	ErrConflict = errors.New("changed by somebody else")
	// ErrFenced means that the lane belongs to a newer owner: stop working on it.
	ErrFenced = errors.New("lane has a newer owner")
	// ErrBadFilter is wrapped by errors about a filter, an order or a cursor that cannot be. They are for whoever
	// asked: their message says what is wrong and is fit to be shown.
	ErrBadFilter = errors.New("bad filter")
	// ErrUnavailable means that the store could not be reached or was busy: try again.
	ErrUnavailable = errors.New("ticket store unavailable")
)

// Fence proves that a lane still owns its partition. It is checked inside the
// transaction of every effect of the lane. The zero Fence, with Epoch 0, is not checked: it is
// for people's actions.
type Fence struct {
	Partition int
	Role      string // "detect"
	Epoch     int64  // first is 1
}

// Store keeps tickets, their evidence, history and outbox. It is safe for concurrent use.
type Store interface {
	// Update runs fn in one transaction of a tenant and commits when fn returns
	// nil. It may run fn again after a serialization failure, so fn has no effect but on tx.
	Update(ctx context.Context, tenant string, fence Fence, fn func(ctx context.Context, tx Tx) error) error
	// Ticket returns one ticket by ID or by Number.
	Ticket(ctx context.Context, tenant, id string) (Ticket, error)
	// List returns a page of tickets.
	List(ctx context.Context, tenant string, f Filter) (Page, error)
	// History returns a ticket's entries, oldest first.
	History(ctx context.Context, tenant, ticket string) ([]Entry, error)
	// Findings returns a page of evidence, ticketed or not, newest first.
	Findings(ctx context.Context, tenant string, f FindingFilter) (findings []Evidence, next string, err error)
	// DueHeld returns at most limit faults that maintenance holds and that are to be looked at by now, by device, component and code.
	DueHeld(ctx context.Context, tenant string, now time.Time, limit int) ([]Key, error)
	// Flapping returns the IDs of at most limit flapping tickets that were not seen to come or go after a time, the longest ago first.
	Flapping(ctx context.Context, tenant string, seen time.Time, limit int) ([]string, error)
	// Counts returns how many tickets match f by each value of each facet: "region", "station", "severity", "component", "state", "assignee".
	Counts(ctx context.Context, tenant string, f Filter) (map[string]map[string]int, error)
}

// Tx is one transaction on the tickets of one tenant.
type Tx interface {
	// Ticket returns a ticket by ID, locked for change where the engine locks rows.
	Ticket(ctx context.Context, id string) (Ticket, error)
	// Current returns the open ticket of a fault, else the one closed last, else ErrNotFound.
	Current(ctx context.Context, key Key) (Ticket, error)
	// Insert stores a new ticket and gives it its Number and Revision 1. ErrConflict when the fault has an open one already.
	Insert(ctx context.Context, t *Ticket) error
	// Save stores a changed ticket if its Revision is still the stored one, and raises it; else ErrConflict.
	Save(ctx context.Context, t *Ticket) error
	// Attach stores a finding, for a ticket or none. added is false when its ID was stored before.
	Attach(ctx context.Context, e Evidence) (added bool, err error)
	// Maintenance returns the windows that run at any time from from to to, both included.
	Maintenance(ctx context.Context, from, to time.Time) ([]maintenance.Window, error)
	// Held returns a fault that maintenance holds, or ErrNotFound.
	Held(ctx context.Context, key Key) (Held, error)
	// Hold stores a held fault, replacing an earlier one.
	Hold(ctx context.Context, h Held) error
	// Release forgets a held fault unless it was found again after a time.
	Release(ctx context.Context, key Key, after time.Time) error
	// Adopt gives the findings of a fault that maintenance withheld since a time to a ticket, as if they had not been.
	Adopt(ctx context.Context, key Key, since time.Time, ticket string) error
	// Record appends to the history.
	Record(ctx context.Context, e Entry) error
	// Publish puts an event into the outbox.
	Publish(ctx context.Context, e Event) error
	// Loads returns the number of open tickets by technician and by station.
	Loads(ctx context.Context) (technicians, stations map[string]int, err error)
	// PutDiagnosis stores the sealed diagnosis of a ticket, replacing an earlier one.
	PutDiagnosis(ctx context.Context, ticket string, sealed []byte) error
	// Diagnosis returns it, or ErrNotFound.
	Diagnosis(ctx context.Context, ticket string) ([]byte, error)
}

// Filter selects tickets. Empty fields match everything; values of one field are alternatives.
type Filter struct {
	Device, Customer                            string
	Region, Station, Assignee, Component, State []string
	Severity                                    []telemetry.Severity
	Open                                        *bool
	Text                                        string // in number, device, title, fault code, customer
	OpenedFrom, OpenedTo                        time.Time
	// Sort is "deadline" (default: deadline, then priority, then oldest), "opened" or "updated" (newest first).
	Sort   string
	Cursor string // Page.Next of the page before
	Limit  int    // 1 to 500; 0 means 50
}

// Page is a page of tickets. Next is empty on the last one.
type Page struct {
	Tickets []Ticket `json:"tickets"`
	Next    string   `json:"next,omitempty"`
	Total   int      `json:"total"` // matching tickets, over all pages
}

// FindingFilter selects findings.
type FindingFilter struct {
	Device, Detector, Component, Ticket string
	Withheld                            *bool // only the withheld, or only the others
	Phase                               detectors.Phase
	From, To                            time.Time
	Cursor                              string
	Limit                               int
}
