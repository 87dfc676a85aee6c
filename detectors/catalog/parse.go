package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/multivariate"
	"github.com/presage-pdm/presage/detectors/residual"
	"github.com/presage-pdm/presage/telemetry"
)

// Limits of one catalogue file, so that a mistake in a generator does not take the service down.
const (
	MaxFileSize = 4 << 20 // bytes
	MaxRules    = 10000
	MaxFaults   = 10000
	MaxMetrics  = 10000
	maxDepth    = 32 // of lists and mappings in each other; a catalogue needs seven
)

// Parse reads one catalogue file. name is for messages. It fails with every mistake it finds, each with its line.
func Parse(name string, data []byte) (*Layer, error) {
	if len(data) > MaxFileSize {
		return nil, fmt.Errorf("%s: %d bytes are more than the %d a catalogue may have: split it into several files", name, len(data), MaxFileSize)
	}
	l, err := decode(name, data)
	if err != nil {
		return nil, err
	}
	l.Name, l.source = name, data
	if err := l.check(); err != nil {
		return nil, err
	}
	return l, nil
}

// decode reads the YAML. The library crashes on some malformed documents, mostly tags with nothing behind them, and takes time with the
// square of the depth of nesting: the first becomes an error, the second is bounded before.
func decode(name string, data []byte) (l *Layer, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			l, err = nil, fmt.Errorf("%s: is no YAML that can be read (%v): look for a tag (!...) or a bracket that should not be there", name, cause)
		}
	}()
	if line := tooDeep(lexer.Tokenize(string(data))); line > 0 {
		return nil, fmt.Errorf("%s:%d: lists and mappings are nested more than %d deep: look for a bracket that is not closed", name, line, maxDepth)
	}
	l = new(Layer)
	dec := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict())
	if err := dec.Decode(l); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %s", name, yaml.FormatError(err, false, true))
	}
	if err := dec.Decode(new(Layer)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: holds more than one YAML document: put each into a file of its own", name)
	}
	return l, nil
}

// tooDeep returns the line on which a document is nested deeper than [maxDepth], 0 when it is not.
func tooDeep(tokens token.Tokens) (line int) {
	brackets, columns := 0, []int(nil)
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		case token.SequenceEntryType, token.MappingValueType: // the dash of a list, the colon of a mapping
			if brackets > 0 {
				continue
			}
			column := t.Position.IndentNum
			if t.Type == token.SequenceEntryType {
				column = t.Position.Column
			}
			for len(columns) > 0 && columns[len(columns)-1] >= column {
				columns = columns[:len(columns)-1]
			}
			columns = append(columns, column)
		default:
			continue
		}
		if brackets > maxDepth || len(columns) > maxDepth {
			return t.Position.Line
		}
	}
	return 0
}

// check returns every mistake that the YAML decoder cannot see.
func (l *Layer) check() error {
	var errs []error
	bad := func(line int, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s:%d: %s", l.Name, line, fmt.Sprintf(format, args...)))
	}
	if l.Version != FormatVersion {
		bad(max(1, l.line), "version is %d: write \"version: %d\" at the top", l.Version, FormatVersion)
	}
	faults := map[string]bool{}
	for i := range l.Faults {
		f := &l.Faults[i]
		if i == MaxFaults {
			bad(f.line, "this is one fault more than the %d a file may describe: split it into several files", MaxFaults)
		}
		switch {
		case !slug(f.Code):
			bad(f.line, "fault code %q: use 1 to 64 of a-z, A-Z, 0-9, '-', '_' and '.'", f.Code)
		case faults[f.Code]:
			bad(f.line, "fault code %q is described twice in this file: remove one", f.Code)
		case f.Title["en"] == "":
			bad(f.line, "fault %q has no title in English: add title: {en: ...}", f.Code)
		}
		faults[f.Code] = true
	}
	rules, metrics := 0, 0
	for _, s := range l.Models {
		s.Match.check(bad)
		for i := range s.Metrics {
			if metrics++; metrics == MaxMetrics+1 {
				bad(s.Metrics[i].line, "this is one metric more than the %d a file may describe: use globs, or split it into several files", MaxMetrics)
			}
			s.Metrics[i].check(bad)
		}
		ids := map[string]bool{}
		for i := range s.Rules {
			r := &s.Rules[i]
			if rules++; rules == MaxRules+1 {
				bad(r.line, "this is one rule more than the %d a file may have: use globs, or split it into several files", MaxRules)
			}
			if ids[r.ID] {
				bad(r.line, "rule %q stands twice in this section: give one another id", r.ID)
			}
			ids[r.ID] = true
			r.check(bad)
		}
	}
	return errors.Join(errs...)
}

type complain func(line int, format string, args ...any)

func (m *Match) check(bad complain) {
	for _, glob := range []struct {
		key, pattern string
		line         int
	}{{"model", m.Model, m.modelLine}, {"kind", m.Kind, m.kindLine}} {
		if !validGlob(glob.pattern) {
			bad(glob.line, "match: %s %q is not a glob: use *, ? and [...]", glob.key, glob.pattern)
		}
	}
}

func (m *Metric) check(bad complain) {
	switch {
	case m.Name == "" || !validGlob(m.Name):
		bad(m.line, "metric name %q is not a name or glob", m.Name)
	case m.Min != nil && m.Max != nil && *m.Min >= *m.Max:
		bad(m.line, "metric %q: min %v is not below max %v", m.Name, *m.Min, *m.Max)
	case !finite(m.Min, m.Max):
		bad(m.line, "metric %q: min and max must be finite numbers; leave out what is open", m.Name)
	case m.Watch != "" && m.Watch != "all" && m.Watch != "rules":
		bad(m.line, "metric %q: watch %q is neither all nor rules", m.Name, m.Watch)
	case len(m.Unit) > 32:
		bad(m.line, "metric %q: the unit %q is longer than 32 bytes", m.Name, m.Unit)
	case m.Component != "" && !slug(m.Component):
		bad(m.line, "metric %q: component %q: use 1 to 64 of a-z, A-Z, 0-9, '-', '_' and '.'", m.Name, m.Component)
	}
}

func (r *Rule) check(bad complain) {
	if !slug(r.ID) {
		bad(r.line, "rule id %q: use 1 to 64 of a-z, A-Z, 0-9, '-', '_' and '.'", r.ID)
		return
	}
	methods := r.methods()
	if r.Disabled {
		if len(methods) > 0 {
			bad(r.line, "rule %q is disabled and has a method too: keep only id and disabled", r.ID)
		}
		return
	}
	if len(methods) != 1 {
		var names []string
		for _, m := range r.known() {
			names = append(names, m.name)
		}
		bad(r.line, "rule %q has %d methods %v: give it exactly one of %s", r.ID, len(methods), methods, strings.Join(names, ", "))
		return
	}
	if !slug(r.Fault) {
		bad(r.line, "rule %q: fault %q: name the fault code that the rule finds", r.ID, r.Fault)
	}
	if r.Component != "" && !slug(r.Component) {
		bad(r.line, "rule %q: component %q: use 1 to 64 of a-z, A-Z, 0-9, '-', '_' and '.'", r.ID, r.Component)
	}
	if r.Shadow {
		bad(r.line, "rule %q: shadow is one of three stages now: write stage: shadow", r.ID)
	}
	if r.ID == detectors.BaseRule {
		bad(r.line, "rule id %q stands for the statistical tier: give the rule another id", r.ID)
	}
	switch r.Stage {
	case "", detectors.StageShadow, detectors.StageLive:
		if r.Canary != 0 {
			bad(r.line, "rule %q: canary is a share for stage canary: add stage: canary, or take the share away", r.ID)
		}
	case detectors.StageCanary:
		if r.Canary == 0 {
			bad(r.line, "rule %q: stage canary needs the share of the devices on which it is live: add canary: 10%%", r.ID)
		}
	default:
		bad(r.line, "rule %q: stage %q is none of shadow, canary, live", r.ID, r.Stage)
	}
	perMetric := slices.Contains([]string{"limit", "rate", "duration", "stuck", "implausible", "changepoint"}, methods[0])
	switch {
	case perMetric && (r.Metric == "" || !validGlob(r.Metric)):
		bad(r.line, "rule %q: %s needs a metric (a name or glob), not %q", r.ID, methods[0], r.Metric)
	case !perMetric && r.Metric != "":
		bad(r.line, "rule %q: %s watches the whole device: remove metric", r.ID, methods[0])
	}
	if problem := r.problem(); problem != "" {
		bad(r.line, "rule %q: %s", r.ID, problem)
	}
}

// problem returns what is wrong with the settings of the one method, or "".
func (r *Rule) problem() string {
	oneBound := func(above, below *float64) string {
		if (above == nil) == (below == nil) {
			return "give exactly one of above and below"
		}
		if !finite(above, below) {
			return "above and below must be finite numbers"
		}
		return ""
	}
	switch {
	case r.Limit != nil:
		l := r.Limit
		if p := oneBound(l.Above, l.Below); p != "" {
			return p
		}
		if !finite(l.Clear) || l.Clear != nil && (l.Above != nil && *l.Clear > *l.Above || l.Below != nil && *l.Clear < *l.Below) {
			return "clear must lie on the healthy side of the limit"
		}
	case r.Rate != nil:
		return oneBound(r.Rate.Above, r.Rate.Below)
	case r.Duration != nil:
		if r.Duration.Equals == nil || !finite(r.Duration.Equals) || r.Duration.Longer == 0 {
			return "duration needs equals (a value) and longer (a duration)"
		}
	case r.Sequence != nil:
		s := r.Sequence
		if !eventCode(s.Event) || s.Count < 1 || s.Count > maxCount || s.Healthy != "" && !eventCode(s.Healthy) {
			return fmt.Sprintf("sequence needs event (a code) and count (1 to %d), and may have healthy (another code)", maxCount)
		}
		if s.Healthy == s.Event {
			return "the healthy event cannot be the event itself"
		}
	case r.Within != nil:
		if w := r.Within; !eventCode(w.Event) || w.Count < 1 || w.Count > maxCount || w.Window == 0 {
			return fmt.Sprintf("within needs event (a code), count (1 to %d) and window (a duration)", maxCount)
		}
	case r.Expression != nil:
		if r.Expression.When == "" {
			return "expression needs when"
		}
	case r.Changepoint != nil:
		c := r.Changepoint
		if c.Shift != nil && !(*c.Shift >= 0.1 && *c.Shift <= 8) {
			return "changepoint: shift must be between 0.1 and 8 standard deviations"
		}
		if c.Between != nil && !(*c.Between >= 100 && *c.Between <= 1e12) {
			return "changepoint: between must be between 100 and 1e12 readings"
		}
	case r.Residual != nil:
		return r.Residual.problem()
	case r.Multivariate != nil:
		return r.Multivariate.problem()
	case r.Silence != nil:
		s := r.Silence
		if s.Factor != 0 && !(s.Factor >= 1 && s.Factor <= 1e6) {
			return "silence: factor must be between 1 and 1e6"
		}
		if s.Offline != "" && s.Offline != "excused" && s.Offline != "counts" {
			return fmt.Sprintf("silence: offline %q is neither excused nor counts", s.Offline)
		}
	}
	return ""
}

// problem returns what is wrong with the settings, or "".
func (r *Residual) problem() string {
	if r.On == "" || len(r.Given) > residual.MostGiven {
		return fmt.Sprintf("residual needs on (a metric), and given may have up to %d metrics that say what it should read", residual.MostGiven)
	}
	for i, name := range r.Given {
		if name == "" || name == r.On || slices.Contains(r.Given[:i], name) {
			return fmt.Sprintf("residual: given: %q is empty, named twice, or the metric that is judged", name)
		}
	}
	return ""
}

// problem returns what is wrong with the settings, or "".
func (m *Multivariate) problem() string {
	if len(m.Metrics) < multivariate.LeastMetrics || len(m.Metrics) > multivariate.MostMetrics {
		return fmt.Sprintf("multivariate needs metrics, %d to %d of them", multivariate.LeastMetrics, multivariate.MostMetrics)
	}
	for i, name := range m.Metrics {
		if name == "" || slices.Contains(m.Metrics[:i], name) {
			return fmt.Sprintf("multivariate: metrics: %q is empty or named twice", name)
		}
	}
	for _, name := range m.Drives {
		if !slices.Contains(m.Metrics, name) {
			return fmt.Sprintf("multivariate: drives: %q is not among metrics", name)
		}
	}
	if m.WarmUp != nil && (*m.WarmUp < multivariate.LeastWarmUp || *m.WarmUp > 1_000_000) {
		return fmt.Sprintf("multivariate: warm_up must be between %d and 1,000,000 moments", multivariate.LeastWarmUp)
	}
	if m.Between != nil && !(*m.Between >= 100 && *m.Between <= 1e12) {
		return "multivariate: between must be between 100 and 1e12 moments"
	}
	return ""
}

// maxCount bounds the events that a rule remembers.
const maxCount = 64

// known lists the methods that there are, and whether the rule has them.
func (r *Rule) known() []struct {
	name string
	set  bool
} {
	return []struct {
		name string
		set  bool
	}{
		{"limit", r.Limit != nil}, {"rate", r.Rate != nil}, {"duration", r.Duration != nil}, {"sequence", r.Sequence != nil},
		{"within", r.Within != nil}, {"expression", r.Expression != nil}, {"stuck", r.Stuck != nil},
		{"implausible", r.Implausible != nil}, {"silence", r.Silence != nil}, {"changepoint", r.Changepoint != nil}, {"residual", r.Residual != nil},
		{"multivariate", r.Multivariate != nil},
	}
}

// methods names the methods that are set.
func (r *Rule) methods() []string {
	var set []string
	for _, m := range r.known() {
		if m.set {
			set = append(set, m.name)
		}
	}
	return set
}

func slug(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

// eventCode reports whether s can be the code of an event; devices choose them more freely than we choose ids.
func eventCode(s string) bool { return telemetry.ValidMetricName(s) == nil }

func validGlob(p string) bool {
	_, err := path.Match(p, "")
	return err == nil && len(p) <= telemetry.MaxMetricName
}

func finite(vs ...*float64) bool {
	for _, v := range vs {
		if v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0)) {
			return false
		}
	}
	return true
}
