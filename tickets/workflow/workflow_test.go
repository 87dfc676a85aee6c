package workflow

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

func repair(t *testing.T) *tickets.Flow {
	t.Helper()
	flows, err := Bundled()
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLibrary(flows...)
	if err != nil {
		t.Fatal(err)
	}
	f := l.For(tickets.Fault)
	if f == nil || f != l.Flow("equipment-repair", 1) {
		t.Fatalf("faults begin in %v, want equipment-repair version 1", f)
	}
	return f
}

func TestBundledSpeaksEveryLanguage(t *testing.T) {
	f := repair(t)
	texts := []tickets.Text{f.Label}
	for _, s := range f.Stages {
		texts = append(texts, s.Label)
		for _, m := range s.Moves {
			texts = append(texts, m.Label)
			for _, g := range m.Guards {
				texts = append(texts, g.Otherwise)
			}
		}
	}
	for _, text := range texts {
		for _, language := range []string{"en", "de", "zh"} {
			if text[language] == "" {
				t.Errorf("%v has no %s", text, language)
			}
		}
	}
}

func TestGuardOfCriticalFault(t *testing.T) {
	move := repair(t).Stage("verifying").Move("closed")
	for name, c := range map[string]struct {
		ticket tickets.Ticket
		holds  bool
	}{
		"critical and still off":    {tickets.Ticket{Severity: telemetry.Critical}, false},
		"critical and back":         {tickets.Ticket{Severity: telemetry.Critical, ClearedAt: tickets.Ticket{}.ClearedAt.AddDate(1, 0, 0)}, true},
		"only major, and still off": {tickets.Ticket{Severity: telemetry.Major}, true},
	} {
		if got := move.Guards[0].Holds(&c.ticket); got != c.holds {
			t.Errorf("%s: holds %v, want %v", name, got, c.holds)
		}
	}
}

const small = `workflow: small
version: 1
label: {en: Small}
kinds: [fault]
auto: {opened: new, assigned: work, recovered: done, reopened: new}
stages:
  - id: new
    category: new
    label: {en: New}
    view: [viewer]
    moves:
      - {to: work, label: {en: Go}, approve: [admin]}
  - id: work
    category: active
    label: {en: Work}
    view: [viewer]
    moves:
      - to: done
        label: {en: Close}
        own: [technician]
        require: [resolution]
  - id: done
    category: done
    label: {en: Done}
    view: [viewer]
`

func TestErrorsNameLineAndStage(t *testing.T) {
	if _, err := Parse("small.yaml", []byte(small)); err != nil {
		t.Fatalf("the document to break is broken already: %v", err)
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"unknown stage":       {"to: done", "to: gone", `small.yaml:18: stage "work": there is no stage "gone" to move to`},
		"own stage":           {"to: done", "to: work", `small.yaml:18: stage "work": the move leads to its own stage`},
		"unknown category":    {"category: active", "category: busy", `small.yaml:14: stage "work": unknown category "busy"`},
		"unknown role":        {"own: [technician]", "own: [wizard]", `small.yaml:20: stage "work": unknown role "wizard"`},
		"nobody":              {"        own: [technician]\n", "", `small.yaml:18: stage "work": nobody may make the move to "done"`},
		"no resolution":       {"        require: [resolution]\n", "", `stage "work": the move to "done" closes the ticket`},
		"unknown requirement": {"[resolution]", "[resolution, cake]", `small.yaml:21: stage "work": unknown requirement "cake"`},
		"no English":          {"{en: Work}", "{de: Arbeit}", `small.yaml:15: stage "work": the English text is missing`},
		"twice":               {"id: work", "id: new", `small.yaml:13: stage "new": the id is used twice`},
		"unknown key":         {"category: active", "categorie: active", `line 14, column 5: unknown field "categorie"`},
		"no YAML":             {"label: {en: Small}", "label: {en: Small", `small.yaml: line `},
		"decoder panic":       {"kinds: [fault]", "kinds: !fault]", `small.yaml: this is not valid YAML`},
		"bad auto":            {"opened: new", "opened: done", `small.yaml:5: auto.opened: stage "done" has category "done"`},
		"unreachable":         {"assigned: work", "assigned: new", ``},
		"version":             {"version: 1", "version: 0", `small.yaml:2: version 0; count versions from 1`},
		"kind":                {"kinds: [fault]", "kinds: [party]", `small.yaml:4: unknown kind of ticket "party"`},
		"bad guard": {"        require: [resolution]", "        require: [resolution]\n        guards: [{rule: severity + 1, otherwise: {en: No}}]",
			`small.yaml:22: stage "work": rule "severity + 1"`},
	} {
		source := strings.Replace(small, c.old, c.new, 1)
		if source == small {
			t.Fatalf("%s: nothing to replace", name)
		}
		_, err := Parse("small.yaml", []byte(source))
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v, want no error", name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestUnreachableAndEndless(t *testing.T) {
	island := strings.Replace(small, "  - id: done\n", "  - id: island\n    category: waiting\n    label: {en: Island}\n    view: [viewer]\n  - id: done\n", 1)
	_, err := Parse("small.yaml", []byte(island))
	for _, want := range []string{`small.yaml:22: stage "island": no moves lead here`, `stage "island": no moves lead from here`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestLibraryKeepsVersions(t *testing.T) {
	folder := fstest.MapFS{
		"a.yaml": {Data: []byte(small)},
		"b.yaml": {Data: []byte(strings.Replace(small, "version: 1", "version: 2", 1))},
	}
	flows, err := Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLibrary(flows[1], flows[0])
	if err != nil {
		t.Fatal(err)
	}
	if got := l.For(tickets.Fault).Version; got != 2 {
		t.Errorf("new tickets begin in version %d, want 2", got)
	}
	if l.Flow("small", 1) == nil || l.Flow("small", 3) != nil {
		t.Error("the library does not hold exactly the versions it was given")
	}
	if _, err := NewLibrary(flows[0], flows[0]); err == nil {
		t.Error("the same version twice was accepted")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("stages: [{moves: [{to: x}]}]"))
	f.Add([]byte("kinds: !fault]"))
	f.Fuzz(func(t *testing.T, source []byte) {
		flow, err := Parse("fuzz.yaml", source)
		if err != nil {
			return
		}
		for _, stage := range []string{flow.Auto.Opened, flow.Auto.Assigned, flow.Auto.Recovered, flow.Auto.Reopened} {
			if flow.Stage(stage) == nil {
				t.Errorf("accepted a flow without its stage %q", stage)
			}
		}
	})
}
