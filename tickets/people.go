package tickets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/presage-pdm/presage/fleet/access"
)

// TransitionRequest is a person's wish to move a ticket to another stage.
type TransitionRequest struct {
	To         string `json:"to"` // Stage.ID
	Note       string `json:"note,omitempty"`
	Resolution string `json:"resolution,omitempty"` // see Resolutions
	// Revision is the ticket's that the person saw; another one is an
	// ErrConflict. 0 takes the ticket as it is.
	Revision int `json:"revision,omitempty"`
}

// AssignRequest is a person's wish to give a ticket to somebody.
type AssignRequest struct {
	// Technician is a fleet.Technician.ID. Empty takes the ticket away from its assignee.
	Technician string `json:"technician,omitempty"`
	// Auto asks dispatch to choose instead.
	Auto     bool   `json:"auto,omitempty"`
	Note     string `json:"note,omitempty"`
	Revision int    `json:"revision,omitempty"` // as in TransitionRequest
}

// Transition moves a ticket to another stage of its workflow for a person and
// returns it as it is then; a stage of category "new" has no assignee. It fails with a [*RefusedError] when the workflow
// does not let the person, with [ErrConflict] when the ticket has changed
// since the person saw it, and with [ErrNotFound].
func (d *Desk) Transition(ctx context.Context, p access.Principal, id string, req TransitionRequest) (Ticket, error) {
	req.Note = strings.TrimSpace(req.Note)
	what := Entry{Kind: "transition", To: req.To, Note: req.Note}
	return d.act(ctx, p, id, req.Revision, what, func(ctx context.Context, w *work, s *sheet) (Text, error) {
		t := &s.ticket
		stage, target := s.flow.Stage(t.State), s.flow.Stage(req.To)
		move := stage.Move(req.To)
		if move == nil {
			return refuseNoMove(stage, target, req.To), nil
		}
		if no := refuseMove(move, t, p); no != nil {
			return no, nil
		}
		if no := missing(move, req.Note, req.Resolution); no != nil {
			return no, nil
		}
		closing := target.Category == CategoryDone
		if closing && req.Resolution == "" {
			return refuseNoResolution, nil
		}
		if req.Resolution != "" && !slices.Contains(Resolutions(), req.Resolution) {
			return refuseResolution(req.Resolution), nil
		}
		e := Entry{Actor: p.User, Kind: "transition", From: t.State, To: req.To, Note: req.Note}
		wasOpen := t.Open()
		s.flow.enter(t, req.To)
		if target.Category == CategoryNew {
			t.Assignee = ""
		}
		s.event("ticket.transitioned", true)
		switch {
		case closing && wasOpen:
			t.ClosedAt, t.Resolution = w.now, req.Resolution
			e.Kind, e.Rule = "closed", "resolution/"+req.Resolution
			s.event("ticket.closed", true)
		case !closing && !wasOpen:
			if taken, err := w.anotherOpen(ctx, t); err != nil {
				return nil, err
			} else if taken {
				return refuseAnotherOpen, nil
			}
			t.ClosedAt, t.Resolution, t.Deadline = time.Time{}, "", time.Time{}
			t.Reopened++
			e.Kind = "reopened"
			w.prioritise(t, w.desk.look(w.tenant, t.Device, t.Component, w.now))
			s.event("ticket.reopened", true)
		default:
			w.takeUp(t)
		}
		s.note(e)
		return nil, nil
	})
}

// Assign gives a ticket to a technician, takes it away from one, or has
// dispatch choose. It fails as [Desk.Transition] does.
func (d *Desk) Assign(ctx context.Context, p access.Principal, id string, req AssignRequest) (Ticket, error) {
	req.Note = strings.TrimSpace(req.Note)
	what := Entry{Kind: "assigned", To: req.Technician, Note: req.Note}
	return d.act(ctx, p, id, req.Revision, what, func(ctx context.Context, w *work, s *sheet) (Text, error) {
		t := &s.ticket
		if no := refuseAssign(s.flow.Stage(t.State), t, p, req); no != nil {
			return no, nil
		}
		if req.Auto {
			subject := w.desk.look(w.tenant, t.Device, t.Component, w.now)
			found, err := w.find(ctx, t, subject, "")
			if err != nil {
				return nil, err
			}
			if found.Technician == "" {
				return refuseNobody, nil
			}
			w.takeUp(t)
			w.settle(s, found, p.User)
			return nil, nil
		}
		w.takeUp(t)
		e := Entry{Actor: p.User, Kind: "assigned", From: t.Assignee, To: req.Technician, Note: req.Note}
		if req.Technician == "" {
			t.Assignee = ""
			if t.State == s.flow.Auto.Assigned {
				s.flow.enter(t, s.flow.Auto.Opened)
			}
			s.event("ticket.updated", true)
			s.note(e)
			return nil, nil
		}
		technician, ok := w.desk.cfg.Fleet.Technician(w.tenant, req.Technician)
		if !ok || technician.Inactive {
			return refuseTechnician(req.Technician), nil
		}
		t.Assignee, t.Station = technician.ID, technician.Station
		if t.State == s.flow.Auto.Opened {
			s.flow.enter(t, s.flow.Auto.Assigned)
		}
		s.event("ticket.assigned", true)
		s.note(e)
		return nil, nil
	})
}

// Comment adds a person's words to the history of a ticket. It fails as [Desk.Transition] does.
func (d *Desk) Comment(ctx context.Context, p access.Principal, id, comment string) (Ticket, error) {
	comment = strings.TrimSpace(comment)
	what := Entry{Kind: "comment", Note: comment}
	return d.act(ctx, p, id, 0, what, func(_ context.Context, _ *work, s *sheet) (Text, error) {
		switch {
		case !slices.Contains(s.flow.Stage(s.ticket.State).Edit, p.Role):
			return refuseRole(p.Role), nil
		case comment == "":
			return refuseNoComment, nil
		}
		s.event("ticket.updated", false)
		s.note(Entry{Actor: p.User, Kind: "comment", Note: comment})
		return nil, nil
	})
}

// act runs one deed of a person on one ticket. A deed that is refused leaves
// the ticket as it was and an entry in its history.
func (d *Desk) act(ctx context.Context, p access.Principal, id string, revision int, what Entry,
	deed func(context.Context, *work, *sheet) (Text, error)) (Ticket, error) {
	if utf8.RuneCountInString(what.Note) > MaxText {
		return Ticket{}, &RefusedError{Reason: refuseLong(MaxText)}
	}
	seen, err := d.cfg.Store.Ticket(ctx, p.Tenant, id)
	if err != nil {
		return Ticket{}, fmt.Errorf("ticket %s: %w", id, err)
	}
	var result Ticket
	var refused Text
	err = d.cfg.Store.Update(ctx, p.Tenant, Fence{}, func(ctx context.Context, tx Tx) error {
		result, refused = Ticket{}, nil
		w := d.newWork(tx, p.Tenant)
		s, err := w.byID(ctx, seen.ID)
		if err != nil {
			return err
		}
		if revision != 0 && revision != s.ticket.Revision {
			return ErrConflict
		}
		original := s.ticket
		if refused, err = deed(ctx, w, s); err != nil {
			return err
		}
		if refused != nil {
			s.ticket, s.dirty, s.entries, s.events = original, false, nil, nil
			s.note(Entry{Actor: p.User, Kind: "refused", From: original.State, To: what.To, Rule: what.Kind, Note: refused.In("en")})
		} else {
			s.dirty = true
		}
		if err := w.finish(ctx); err != nil {
			return err
		}
		result = s.ticket
		return nil
	})
	if err != nil {
		return Ticket{}, fmt.Errorf("ticket %s: %w", seen.Number, err)
	}
	if refused != nil {
		return result, &RefusedError{Reason: refused}
	}
	return result, nil
}

// takeUp makes a backfilled ticket a live one, because somebody works on it.
func (w *work) takeUp(t *Ticket) {
	if t.Backfill {
		t.Backfill = false
		w.prioritise(t, w.desk.look(w.tenant, t.Device, t.Component, w.now))
	}
}

// anotherOpen reports whether the fault of t has an open ticket beside it.
func (w *work) anotherOpen(ctx context.Context, t *Ticket) (bool, error) {
	other, err := w.tx.Current(ctx, t.Key())
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil && other.ID != t.ID && other.Open(), err
}

// refuseAssign says why a principal may not change the assignee so, or nil.
func refuseAssign(s *Stage, t *Ticket, p access.Principal, req AssignRequest) Text {
	if !t.Open() {
		return refuseClosed
	}
	if slices.Contains(s.Assign, p.Role) {
		return nil
	}
	takes := !req.Auto && p.Technician != "" && req.Technician == p.Technician
	if takes && slices.Contains(s.Take, p.Role) {
		return nil
	}
	return refuseRole(p.Role)
}

// Action is something a person might do to a ticket now.
type Action struct {
	// Kind is "transition", "assign", "take" or "comment".
	Kind string `json:"kind"`
	// To is the stage of a transition; Label its name, or what the action is called.
	To       string   `json:"to,omitempty"`
	Label    Text     `json:"label"`
	Category Category `json:"category,omitempty"` // of To
	// Require are what the request must bring: "note", "resolution".
	Require []string `json:"require,omitempty"`
	Allowed bool     `json:"allowed"`
	Why     Text     `json:"why,omitempty"` // why not
}

// Actions returns what a principal may do to a ticket now, and for the rest why not.
func (d *Desk) Actions(t Ticket, p access.Principal) ([]Action, error) {
	flow, err := d.flow(&t)
	if err != nil {
		return nil, err
	}
	stage := flow.Stage(t.State)
	var actions []Action
	add := func(a Action, no Text) {
		a.Allowed, a.Why = no == nil, no
		actions = append(actions, a)
	}
	for i := range stage.Moves {
		m := &stage.Moves[i]
		target := flow.Stage(m.To)
		a := Action{Kind: "transition", To: m.To, Label: m.Label, Category: target.Category}
		for _, r := range m.Require {
			if r != RequireAssignee {
				a.Require = append(a.Require, r)
			}
		}
		if target.Category == CategoryDone && !slices.Contains(a.Require, RequireResolution) {
			a.Require = append(a.Require, RequireResolution)
		}
		add(a, refuseMove(m, &t, p))
	}
	add(Action{Kind: "assign", Label: labelAssign}, refuseAssign(stage, &t, p, AssignRequest{Auto: true}))
	if p.Technician != "" && p.Technician != t.Assignee {
		add(Action{Kind: "take", Label: labelTake}, refuseAssign(stage, &t, p, AssignRequest{Technician: p.Technician}))
	}
	var no Text
	if !slices.Contains(stage.Edit, p.Role) {
		no = refuseRole(p.Role)
	}
	add(Action{Kind: "comment", Label: labelComment}, no)
	return actions, nil
}

// MayView reports whether the workflow shows a ticket to a principal.
func (d *Desk) MayView(t Ticket, p access.Principal) bool {
	flow, err := d.flow(&t)
	if err != nil {
		return p.Role == access.Admin
	}
	return slices.Contains(flow.Stage(t.State).View, p.Role)
}

var (
	labelAssign  = Text{"en": "Assign", "de": "Zuweisen", "zh": "指派"}
	labelTake    = Text{"en": "Take the ticket", "de": "Ticket übernehmen", "zh": "接单"}
	labelComment = Text{"en": "Comment", "de": "Kommentieren", "zh": "评论"}
)
