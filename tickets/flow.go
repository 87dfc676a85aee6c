package tickets

import (
	"slices"

	"github.com/presage-pdm/presage/fleet/access"
)

// Workflows is the library of flows that tickets follow. It is implemented by
// tickets/workflow and answers from memory.
type Workflows interface {
	// For returns the newest flow for new tickets of a kind, or nil when the library has none.
	For(kind Kind) *Flow
	// Flow returns a version of a flow, or nil when the library does not hold it.
	Flow(name string, version int) *Flow
}

// Flow is one version of a workflow: the stages a ticket passes through and
// who may move it. A ticket pins the version it began with. Flows are
// immutable and shared.
type Flow struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Label   Text   `json:"label"`
	// Kinds are the kinds of ticket that begin in this flow.
	Kinds []Kind `json:"kinds"`
	// Auto names the stages that automatic steps lead to.
	Auto   Auto    `json:"auto"`
	Stages []Stage `json:"stages"`
}

// Auto names the stages that automatic steps lead to.
type Auto struct {
	Opened    string `json:"opened"`    // a new ticket without an assignee
	Assigned  string `json:"assigned"`  // a ticket that somebody was found for
	Recovered string `json:"recovered"` // a backfilled fault that went away by itself
	Reopened  string `json:"reopened"`  // a closed ticket whose fault came back, without an assignee
}

// Stage is one step of a flow.
type Stage struct {
	ID       string   `json:"id"`
	Category Category `json:"category"`
	Label    Text     `json:"label"`
	// View, Edit and Assign are the roles that may see a ticket here, comment on it, and choose its
	// assignee. Take are the roles that may assign it to themselves.
	View   []access.Role `json:"view"`
	Edit   []access.Role `json:"edit"`
	Assign []access.Role `json:"assign"`
	Take   []access.Role `json:"take"`
	Moves  []Move        `json:"moves"`
}

// Move is a transition that people may make out of a stage.
type Move struct {
	To    string `json:"to"`
	Label Text   `json:"label"`
	// Approve are the roles that may make the move on any ticket, Own those
	// that may make it on tickets assigned to themselves.
	Approve []access.Role `json:"approve"`
	Own     []access.Role `json:"own"`
	// Require are the things that must be there: "note", "resolution", "assignee".
	Require []string `json:"require,omitempty"`
	Guards  []Guard  `json:"guards,omitempty"`
}

// Guard is a condition on the ticket that a move asks for.
type Guard struct {
	// Rule is the condition as the workflow states it.
	Rule string `json:"rule"`
	// Otherwise tells people why the move is not allowed.
	Otherwise Text `json:"otherwise"`
	// Holds evaluates Rule.
	Holds func(t *Ticket) bool `json:"-"`
}

// The things that a move may require.
const (
	RequireNote       = "note"
	RequireResolution = "resolution"
	RequireAssignee   = "assignee"
)

// Stage returns a stage by ID, or nil.
func (f *Flow) Stage(id string) *Stage {
	for i := range f.Stages {
		if f.Stages[i].ID == id {
			return &f.Stages[i]
		}
	}
	return nil
}

// Move returns the move to another stage, or nil.
func (s *Stage) Move(to string) *Move {
	for i := range s.Moves {
		if s.Moves[i].To == to {
			return &s.Moves[i]
		}
	}
	return nil
}

// enter puts a ticket into a stage of its flow.
func (f *Flow) enter(t *Ticket, stage string) {
	t.State = stage
	t.Category = f.Stage(stage).Category
}

// owns reports whether the ticket is assigned to the principal.
func owns(p access.Principal, t *Ticket) bool {
	return p.Technician != "" && p.Technician == t.Assignee
}

// Resolutions are the closing codes, in the order people are offered them.
func Resolutions() []string {
	return []string{ResolutionRepaired, ResolutionRecovered, ResolutionNoFaultFound, ResolutionDuplicate}
}

// The closing codes.
const (
	ResolutionRepaired     = "repaired"
	ResolutionRecovered    = "recovered"
	ResolutionNoFaultFound = "no-fault-found"
	ResolutionDuplicate    = "duplicate"
)

// refuseMove says why a principal may not make a move now, or nil. It does not
// look at what the request still has to bring: see [missing].
func refuseMove(m *Move, t *Ticket, p access.Principal) Text {
	switch {
	case slices.Contains(m.Approve, p.Role):
	case slices.Contains(m.Own, p.Role):
		if !owns(p, t) {
			return refuseNotYours
		}
	default:
		return refuseRole(p.Role)
	}
	for _, g := range m.Guards {
		if !g.Holds(t) {
			return g.Otherwise
		}
	}
	if slices.Contains(m.Require, RequireAssignee) && t.Assignee == "" {
		return refuseNoAssignee
	}
	return nil
}

// missing says what a request lacks for a move, or nil.
func missing(m *Move, note, resolution string) Text {
	if slices.Contains(m.Require, RequireNote) && note == "" {
		return refuseNoNote
	}
	if slices.Contains(m.Require, RequireResolution) && resolution == "" {
		return refuseNoResolution
	}
	return nil
}
