package maintenance

import (
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// Window is announced work on devices, from From until To or until it was ended. All times are UTC.
type Window struct {
	ID     string `json:"id"` // UUIDv7
	Name   string `json:"name"`
	Reason string `json:"reason"`
	Scope
	From time.Time `json:"from"`
	To   time.Time `json:"to"` // as planned
	// EndedAt is when somebody ended it before To; at From or earlier it was called off. Zero when nobody did.
	EndedAt time.Time `json:"ended_at,omitzero"`

	CreatedBy string    `json:"created_by"` // sign-in name
	CreatedAt time.Time `json:"created_at"`
	// Revision begins with 1 and grows by one at every change.
	Revision int `json:"revision"`
}

// Scope is what a window is about: what meets every field that is set. The zero Scope is everything.
type Scope struct {
	Device string `json:"device,omitempty"`
	Site   string `json:"site,omitempty"`
	Model  string `json:"model,omitempty"`
	// Region is one with all regions within it.
	Region string `json:"region,omitempty"`
	// Component narrows the window to one part of the devices.
	Component string `json:"component,omitempty"`
}

// Target is a component of a device as far as scopes ask for it.
type Target struct {
	Device, Site, Model, Component string
	Regions                        []string // that of the device and those around it
}

// The limits of a window.
const (
	MaxName   = 120 // characters
	MaxReason = 1000
	// MaxLength keeps a window that nobody ends from hiding faults for ever.
	MaxLength = 90 * 24 * time.Hour
)

// Check tells what is wrong with a window, in words that are fit to be shown.
func (w *Window) Check() error {
	switch {
	case w.Name == "" || utf8.RuneCountInString(w.Name) > MaxName:
		return fmt.Errorf("a window needs a name of at most %d characters", MaxName)
	case utf8.RuneCountInString(w.Reason) > MaxReason:
		return fmt.Errorf("a reason has at most %d characters", MaxReason)
	case w.From.IsZero() || w.To.IsZero():
		return errors.New("a window needs a start and an end")
	case !w.From.Before(w.To):
		return errors.New("the window ends before it begins")
	case w.To.Sub(w.From) > MaxLength:
		return fmt.Errorf("a window lasts at most %d days", MaxLength/(24*time.Hour))
	}
	return nil
}

// Over is when the window ends or has ended.
func (w *Window) Over() time.Time {
	if !w.EndedAt.IsZero() && w.EndedAt.Before(w.To) {
		return w.EndedAt
	}
	return w.To
}

// Runs reports whether the window runs at a time: from From on and before Over.
func (w *Window) Runs(at time.Time) bool { return !at.Before(w.From) && at.Before(w.Over()) }

// Includes reports whether a window with this scope is about a target.
func (s Scope) Includes(t Target) bool {
	meets := func(wanted, is string) bool { return wanted == "" || wanted == is }
	return meets(s.Device, t.Device) && meets(s.Site, t.Site) && meets(s.Model, t.Model) && meets(s.Component, t.Component) &&
		(s.Region == "" || slices.Contains(t.Regions, s.Region))
}

// Change is one line of a window's append-only record.
type Change struct {
	At time.Time `json:"at"`
	By string    `json:"by"`
	// Kind is "created", "changed" or "ended".
	Kind string `json:"kind"`
	// Window is how it was afterwards.
	Window Window `json:"window"`
}

// Status is where a window stands at a time.
type Status string

// The statuses.
const (
	Planned Status = "planned"
	Running Status = "running"
	Past    Status = "over"
)

// StatusAt tells where the window stands.
func (w *Window) StatusAt(at time.Time) Status {
	switch {
	case !at.Before(w.Over()):
		return Past
	case at.Before(w.From):
		return Planned
	}
	return Running
}

// Filter selects windows; empty fields match everything.
type Filter struct {
	Status Status
	Now    time.Time // which Status goes by
	Scope            // exact values
	Cursor string
	Limit  int // 1 to 500; 0 means 50
}
