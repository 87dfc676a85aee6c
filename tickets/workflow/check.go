package workflow

import (
	"errors"
	"fmt"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/presage-pdm/presage/tickets"
)

// check turns a document into a flow and collects every mistake on the way.
type check struct {
	name  string
	file  *ast.File
	stage string // the stage being read, for the errors
	errs  []error
}

func (c *check) errorf(path, format string, args ...any) {
	where := fmt.Sprintf("%s:%d: ", c.name, lineOf(c.file, path))
	if c.stage != "" {
		where += fmt.Sprintf("stage %q: ", c.stage)
	}
	c.errs = append(c.errs, errors.New(where+fmt.Sprintf(format, args...)))
}

func (c *check) err() error { return errors.Join(c.errs...) }

var categories = []tickets.Category{tickets.CategoryNew, tickets.CategoryActive, tickets.CategoryWaiting,
	tickets.CategoryVerifying, tickets.CategoryDone}

var requirements = []string{tickets.RequireNote, tickets.RequireResolution, tickets.RequireAssignee}

func (c *check) flow(d *document) *tickets.Flow {
	f := &tickets.Flow{Name: d.Workflow, Version: d.Version, Label: c.text("$.label", d.Label)}
	if d.Workflow == "" {
		c.errorf("$.workflow", "the workflow has no name; write \"workflow: some-name\"")
	}
	if d.Version < 1 {
		c.errorf("$.version", "version %d; count versions from 1", d.Version)
	}
	for i, k := range d.Kinds {
		if k != string(tickets.Fault) {
			c.errorf(fmt.Sprintf("$.kinds[%d]", i), "unknown kind of ticket %q; use %q", k, tickets.Fault)
		}
		f.Kinds = append(f.Kinds, tickets.Kind(k))
	}
	if len(d.Stages) == 0 || len(d.Stages) > MaxStages {
		c.errorf("$.stages", "%d stages; a workflow has 1 to %d", len(d.Stages), MaxStages)
		return f
	}
	for i := range d.Stages {
		c.readStage(f, d, i)
	}
	c.stage = ""
	f.Auto = tickets.Auto{Opened: d.Auto.Opened, Assigned: d.Auto.Assigned, Recovered: d.Auto.Recovered, Reopened: d.Auto.Reopened}
	c.auto(f, "opened", f.Auto.Opened, tickets.CategoryNew)
	c.auto(f, "assigned", f.Auto.Assigned, tickets.CategoryNew, tickets.CategoryActive)
	c.auto(f, "recovered", f.Auto.Recovered, tickets.CategoryDone)
	c.auto(f, "reopened", f.Auto.Reopened, tickets.CategoryNew)
	if len(c.errs) == 0 {
		c.reach(f)
	}
	return f
}

func (c *check) readStage(f *tickets.Flow, d *document, i int) {
	in, at := &d.Stages[i], fmt.Sprintf("$.stages[%d]", i)
	c.stage = in.ID
	if in.ID == "" {
		c.errorf(at, "stage %d has no id", i+1)
	}
	if f.Stage(in.ID) != nil {
		c.errorf(at+".id", "the id is used twice")
	}
	if !slices.Contains(categories, tickets.Category(in.Category)) {
		c.errorf(at+".category", "unknown category %q; use one of %v", in.Category, categories)
	}
	s := tickets.Stage{
		ID:       in.ID,
		Category: tickets.Category(in.Category),
		Label:    c.text(at+".label", in.Label),
		View:     c.roles(at+".view", in.View),
		Edit:     c.roles(at+".edit", in.Edit),
		Assign:   c.roles(at+".assign", in.Assign),
		Take:     c.roles(at+".take", in.Take),
	}
	if len(in.View) == 0 {
		c.errorf(at, "no role may view the stage; add \"view: [...]\"")
	}
	if len(in.Moves) > MaxMoves {
		c.errorf(at+".moves", "%d moves; a stage has at most %d", len(in.Moves), MaxMoves)
		return
	}
	for j := range in.Moves {
		s.Moves = append(s.Moves, c.readMove(d, i, j))
	}
	f.Stages = append(f.Stages, s)
}

func (c *check) readMove(d *document, i, j int) tickets.Move {
	stage, in, at := &d.Stages[i], &d.Stages[i].Moves[j], fmt.Sprintf("$.stages[%d].moves[%d]", i, j)
	m := tickets.Move{
		To:      in.To,
		Label:   c.text(at+".label", in.Label),
		Approve: c.roles(at+".approve", in.Approve),
		Own:     c.roles(at+".own", in.Own),
		Require: in.Require,
	}
	target := -1
	for k := range d.Stages {
		if d.Stages[k].ID == in.To {
			target = k
		}
	}
	switch {
	case target < 0:
		c.errorf(at+".to", "there is no stage %q to move to", in.To)
	case target == i:
		c.errorf(at+".to", "the move leads to its own stage")
	}
	for k := range j {
		if stage.Moves[k].To == in.To {
			c.errorf(at+".to", "there is a second move to %q", in.To)
		}
	}
	if len(in.Approve)+len(in.Own) == 0 {
		c.errorf(at, "nobody may make the move to %q; add \"approve: [...]\" or \"own: [...]\"", in.To)
	}
	for k, r := range in.Require {
		if !slices.Contains(requirements, r) {
			c.errorf(fmt.Sprintf("%s.require[%d]", at, k), "unknown requirement %q; use one of %v", r, requirements)
		}
	}
	if target >= 0 && d.Stages[target].Category == string(tickets.CategoryDone) && !slices.Contains(in.Require, tickets.RequireResolution) {
		c.errorf(at, "the move to %q closes the ticket; add \"require: [resolution]\"", in.To)
	}
	if len(in.Guards) > MaxGuards {
		c.errorf(at+".guards", "%d guards; a move has at most %d", len(in.Guards), MaxGuards)
		return m
	}
	for k, g := range in.Guards {
		path := fmt.Sprintf("%s.guards[%d]", at, k)
		holds, err := compile(g.Rule)
		if err != nil {
			c.errorf(path+".rule", "%v", err)
		}
		m.Guards = append(m.Guards, tickets.Guard{Rule: g.Rule, Otherwise: c.text(path+".otherwise", g.Otherwise), Holds: holds})
	}
	return m
}

// text reads a text by language; English is the one that has to be there.
func (c *check) text(path string, t map[string]string) tickets.Text {
	if t["en"] == "" {
		c.errorf(path, "the English text is missing; write \"{en: ...}\"")
	}
	return t
}

func (c *check) auto(f *tickets.Flow, step, stage string, allowed ...tickets.Category) {
	path := "$.auto." + step
	s := f.Stage(stage)
	switch {
	case s == nil:
		c.errorf(path, "auto.%s: there is no stage %q", step, stage)
	case !slices.Contains(allowed, s.Category):
		c.errorf(path, "auto.%s: stage %q has category %q; it must be one of %v", step, stage, s.Category, allowed)
	}
}

// reach finds stages that no ticket can get to, and stages from which none can be closed.
func (c *check) reach(f *tickets.Flow) {
	begin := map[string]bool{f.Auto.Opened: true, f.Auto.Assigned: true, f.Auto.Recovered: true, f.Auto.Reopened: true}
	finish := make(map[string]bool)
	for _, s := range f.Stages {
		if s.Category == tickets.CategoryDone {
			finish[s.ID] = true
		}
	}
	for range f.Stages {
		for _, s := range f.Stages {
			for _, m := range s.Moves {
				begin[m.To] = begin[m.To] || begin[s.ID]
				finish[s.ID] = finish[s.ID] || finish[m.To]
			}
		}
	}
	for i, s := range f.Stages {
		c.stage = s.ID
		at := fmt.Sprintf("$.stages[%d]", i)
		if !begin[s.ID] {
			c.errorf(at, "no moves lead here")
		}
		if !finish[s.ID] {
			c.errorf(at, "no moves lead from here to a stage of category %q", tickets.CategoryDone)
		}
	}
	c.stage = ""
}
