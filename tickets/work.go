package tickets

import (
	"context"
	"errors"
	"time"
)

// work is one transaction at the desk. It reads each ticket once, changes it
// in memory, and writes it once at the end with one event of each type, so
// that a burst of findings about one fault costs one row and pages once.
type work struct {
	desk   *Desk
	tx     Tx
	tenant string
	now    time.Time
	byKey  map[Key]*sheet // open ticket of the fault or the one closed last; nil when there is none
	order  []*sheet       // in the order of first touch
	loads  *Loads         // read at the first dispatch, then kept up to date
	made   []made         // what is counted after the commit
	held   *Held          // the fault that maintenance held and that is taken now
}

// sheet is a ticket that the transaction works on.
type sheet struct {
	ticket  Ticket
	flow    *Flow
	dirty   bool    // changed since it was read or inserted
	entries []Entry // for the history, without identity and time
	events  []pendingEvent
}

type pendingEvent struct {
	kind string
	loud bool
}

func (d *Desk) newWork(tx Tx, tenant string) *work {
	return &work{desk: d, tx: tx, tenant: tenant, now: d.now(), byKey: make(map[Key]*sheet)}
}

// current returns the ticket of a fault, or nil.
func (w *work) current(ctx context.Context, key Key) (*sheet, error) {
	if s, ok := w.byKey[key]; ok {
		return s, nil
	}
	t, err := w.tx.Current(ctx, key)
	if errors.Is(err, ErrNotFound) {
		w.byKey[key] = nil
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return w.sheet(t)
}

// byID returns a ticket by its ID.
func (w *work) byID(ctx context.Context, id string) (*sheet, error) {
	t, err := w.tx.Ticket(ctx, id)
	if err != nil {
		return nil, err
	}
	return w.sheet(t)
}

func (w *work) sheet(t Ticket) (*sheet, error) {
	flow, err := w.desk.flow(&t)
	if err != nil {
		return nil, err
	}
	s := &sheet{ticket: t, flow: flow}
	w.add(s)
	return s, nil
}

// add makes s the ticket of its fault.
func (w *work) add(s *sheet) {
	w.byKey[s.ticket.Key()] = s
	w.order = append(w.order, s)
}

// event notes that the ticket is to be told of; a loud one pages.
func (s *sheet) event(kind string, loud bool) {
	for i := range s.events {
		if s.events[i].kind == kind {
			s.events[i].loud = s.events[i].loud || loud
			return
		}
	}
	s.events = append(s.events, pendingEvent{kind, loud})
}

// note appends a step to the history of the ticket, by Presage itself when e names no actor.
func (s *sheet) note(e Entry) {
	if e.Actor == "" {
		e.Actor = presage
	}
	s.entries = append(s.entries, e)
}

// dispatch looks for somebody to take the ticket, preferably not avoid, and
// notes the outcome: an assignment, or that the ticket waits for one.
func (w *work) dispatch(ctx context.Context, s *sheet, subject subject, avoid string) error {
	found, err := w.find(ctx, &s.ticket, subject, avoid)
	if err != nil {
		return err
	}
	w.settle(s, found, presage)
	return nil
}

// find asks dispatch who should take the ticket; its present assignee counts as free of it.
func (w *work) find(ctx context.Context, t *Ticket, subject subject, avoid string) (Dispatch, error) {
	if err := w.readLoads(ctx); err != nil {
		return Dispatch{}, err
	}
	w.weigh(t, -1)
	need := subject.need
	need.Severity, need.Avoid = t.Severity, avoid
	found := w.desk.cfg.Dispatcher.Dispatch(need, *w.loads, w.now)
	w.weigh(t, +1)
	return found, nil
}

// settle puts the ticket where dispatch says.
func (w *work) settle(s *sheet, found Dispatch, actor string) {
	t := &s.ticket
	from := t.Assignee
	w.weigh(t, -1)
	t.Station, t.Assignee = found.Station, found.Technician
	w.weigh(t, +1)
	if found.Region != "" {
		t.Region = found.Region
	}
	if t.Assignee != "" {
		if t.Category == CategoryNew {
			s.flow.enter(t, s.flow.Auto.Assigned)
		}
		s.event("ticket.assigned", true)
	}
	s.dirty = true
	s.note(Entry{Actor: actor, Kind: "assigned", From: from, To: t.Assignee, Rule: "dispatch", Dispatch: &found})
}

func (w *work) readLoads(ctx context.Context) error {
	if w.loads != nil {
		return nil
	}
	technicians, stations, err := w.tx.Loads(ctx)
	if err != nil {
		return err
	}
	if technicians == nil {
		technicians = make(map[string]int)
	}
	if stations == nil {
		stations = make(map[string]int)
	}
	w.loads = &Loads{Technicians: technicians, Stations: stations}
	return nil
}

// weigh adds a ticket to the loads of its assignee and station, or takes it off.
func (w *work) weigh(t *Ticket, by int) {
	if w.loads == nil {
		return
	}
	if t.Assignee != "" {
		w.loads.Technicians[t.Assignee] += by
	}
	if t.Station != "" {
		w.loads.Stations[t.Station] += by
	}
}

// finish writes the changed tickets, their history and what there is to tell of them.
func (w *work) finish(ctx context.Context) error {
	for _, s := range w.order {
		if err := w.write(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) write(ctx context.Context, s *sheet) error {
	if s.dirty {
		s.ticket.UpdatedAt = w.now
		if err := w.tx.Save(ctx, &s.ticket); err != nil {
			return err
		}
	}
	for _, e := range s.entries {
		id, err := newID()
		if err != nil {
			return err
		}
		e.ID, e.Ticket, e.At = id, s.ticket.ID, w.now
		if err := w.tx.Record(ctx, e); err != nil {
			return err
		}
	}
	for _, e := range s.events {
		id, err := newID()
		if err != nil {
			return err
		}
		event := Event{ID: id, Tenant: w.tenant, Type: e.kind, At: w.now, Ticket: s.ticket, Quiet: !e.loud}
		if err := w.tx.Publish(ctx, event); err != nil {
			return err
		}
	}
	s.dirty, s.entries, s.events = false, nil, nil
	return nil
}
