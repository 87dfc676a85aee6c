package catalog

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
)

// FormatVersion is the version of the YAML form that this package reads.
const FormatVersion = 1

// Layer is one catalogue file as written.
type Layer struct {
	Name    string    `yaml:"-"` // of the file, for messages
	Version int       `yaml:"version"`
	Models  []Section `yaml:"models"`
	Faults  []Fault   `yaml:"faults"`

	source []byte // as written
	line   int    // of the version
}

// Section is what applies to the devices of some models.
type Section struct {
	Match   Match    `yaml:"match"`
	Metrics []Metric `yaml:"metrics"`
	Rules   []Rule   `yaml:"rules"`
}

// Match selects models by globs ("*" and "?"); an empty glob matches every model, also that of a device without one.
type Match struct {
	Model string `yaml:"model"`
	Kind  string `yaml:"kind"`

	modelLine, kindLine int
}

// Metric describes the metrics whose name matches the glob Name.
type Metric struct {
	Name      string   `yaml:"name"`
	Unit      string   `yaml:"unit"`
	Component string   `yaml:"component"`
	Min       *float64 `yaml:"min"`
	Max       *float64 `yaml:"max"`
	// Watch is "all" (default) or "rules", which keeps the statistical tier off the metric.
	Watch string `yaml:"watch"`

	line int
}

// Rule is one readable rule. Exactly one method is set, unless it is Disabled. Its JSON is what fingerprints are made of: a field that
// is new stays out of it, or every detector would lose its state.
type Rule struct {
	ID        string              `yaml:"id"`
	Fault     string              `yaml:"fault"`
	Component string              `yaml:"component"`       // default: that of the fault, else of the metric, else "device"
	Severity  *telemetry.Severity `yaml:"severity"`        // default: that of the fault
	Metric    string              `yaml:"metric"`          // glob
	Stage     detectors.Stage     `yaml:"stage" json:"-"`  // shadow, canary or live, the default
	Shadow    bool                `yaml:"shadow"`          // the former way to say stage: shadow; check refuses it and says so
	Canary    Share               `yaml:"canary" json:"-"` // the share of the devices on which a rule in stage canary is live
	Disabled  bool                `yaml:"disabled"`        // takes away the rule of an earlier layer

	Limit       *Limit       `yaml:"limit"`
	Rate        *Rate        `yaml:"rate"`
	Duration    *Lasting     `yaml:"duration"`
	Sequence    *Sequence    `yaml:"sequence"`
	Within      *Within      `yaml:"within"`
	Expression  *Expression  `yaml:"expression"`
	Stuck       *Stuck       `yaml:"stuck"`
	Implausible *Implausible `yaml:"implausible"`
	Silence     *Silence     `yaml:"silence"`
	// Changepoint came later than the others: left out of the fingerprint where it is not set, it leaves theirs as they were.
	Changepoint  *Changepoint  `yaml:"changepoint" json:",omitempty"`
	Residual     *Residual     `yaml:"residual" json:",omitempty"`     // the same
	Multivariate *Multivariate `yaml:"multivariate" json:",omitempty"` // the same

	line int
}

// Limit holds while the value is above or below a bound for a time.
type Limit struct {
	Above *float64 `yaml:"above"`
	Below *float64 `yaml:"below"`
	// Clear is where the condition ends: on the healthy side of the bound; default the bound itself.
	Clear *float64 `yaml:"clear"`
	For   Duration `yaml:"for"`
}

// Rate holds while the value changes faster than a bound. Above and Below are changes per Per (default 1 s).
type Rate struct {
	Above *float64 `yaml:"above"`
	Below *float64 `yaml:"below"` // negative: a fall
	Per   Duration `yaml:"per"`
	For   Duration `yaml:"for"` // the change is taken over at least this span; default Per
}

// Lasting holds while a metric keeps a value longer than allowed.
type Lasting struct {
	Equals *float64 `yaml:"equals"`
	Longer Duration `yaml:"longer"`
}

// Sequence holds after Count events in a row without a Healthy one between them.
type Sequence struct {
	Event   string `yaml:"event"`
	Healthy string `yaml:"healthy"`
	Count   int    `yaml:"count"`
}

// Within holds while Count events lie within Window.
type Within struct {
	Event  string   `yaml:"event"`
	Count  int      `yaml:"count"`
	Window Duration `yaml:"window"`
}

// Expression holds while an expression over metrics is true, for a time.
type Expression struct {
	// When is in the language of expr-lang; metrics are variables, those with other characters m["..."].
	When string   `yaml:"when"`
	For  Duration `yaml:"for"`
	// MaxAge is how much older than the newest reading a value may be and still count; default 1m.
	MaxAge Duration `yaml:"max_age"`
}

// Stuck holds while a metric that usually moves does not.
type Stuck struct {
	For Duration `yaml:"for"` // default 10m
}

// Implausible holds while a value is outside the metric's min and max.
type Implausible struct{}

// Changepoint holds while the level of a metric is another than it was.
type Changepoint struct {
	// Shift is the change to be found, in standard deviations; default 1.
	Shift *float64 `yaml:"shift"`
	// Between is how many readings lie between two false alarms on average; default 10 million.
	Between *float64 `yaml:"between"`
}

// Residual holds while a metric does not read what other metrics of the device call for, by what the devices of its model have shown.
type Residual struct {
	On    string   `yaml:"on"`    // the metric that is judged
	Given []string `yaml:"given"` // those that say what it should read; with none, the metric is compared with that of other devices as it is
	// Lag is how long the metric takes to follow them; default 5m.
	Lag Duration `yaml:"lag"`
	// MaxAge is how much older than a reading the values of the others may be; default 1m.
	MaxAge Duration `yaml:"max_age"`
}

// Multivariate holds while metrics of a device do not stand to each other, or to their levels, as they did.
type Multivariate struct {
	Metrics []string `yaml:"metrics"`
	// Drives are those that say what is asked of the machine: another range of them is another operating regime. Default: told by their names.
	Drives []string `yaml:"drives" json:",omitempty"`
	// WarmUp is how many first moments of a regime are taken as healthy; default 400.
	WarmUp *int `yaml:"warm_up" json:",omitempty"`
	// Between is how many moments lie between two false alarms on average; default 10 million.
	Between *float64 `yaml:"between" json:",omitempty"`
}

// Silence holds while nothing is heard for Factor times the usual interval (default 10) and AtLeast (default 5m).
type Silence struct {
	Factor  float64  `yaml:"factor"`
	AtLeast Duration `yaml:"at_least"`
	// Offline is "excused" (default: a device that said it goes offline, or whose last will was
	// published, is not silent) or "counts".
	Offline string `yaml:"offline"`
}

// Fault describes a fault code.
type Fault struct {
	Code      string             `yaml:"code"`
	Component string             `yaml:"component"`
	Severity  telemetry.Severity `yaml:"severity"`
	Title     map[string]string  `yaml:"title"`
	Parts     []string           `yaml:"parts"`
	Inhibits  []string           `yaml:"inhibits"`

	line int
}

// Share is a part of a whole, above 0 and below 1, written like "10%".
type Share float64

// UnmarshalYAML implements [yaml.NodeUnmarshaler].
func (s *Share) UnmarshalYAML(n ast.Node) error {
	text := strings.Trim(n.String(), `"' `)
	number, ok := strings.CutSuffix(text, "%")
	percent, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || !(percent > 0 && percent < 100) {
		return at(n, fmt.Errorf("%q is not a share between 0%% and 100%%: write it like 10%%", text))
	}
	*s = Share(percent / 100)
	return nil
}

// Duration is a span of time written like "90s", "10m", "2h" or "3d".
type Duration time.Duration

// UnmarshalYAML implements [yaml.NodeUnmarshaler].
func (d *Duration) UnmarshalYAML(n ast.Node) error {
	v, err := ParseDuration(strings.Trim(n.String(), `"' `))
	if err != nil {
		return at(n, err)
	}
	*d = Duration(v)
	return nil
}

// ParseDuration reads a span of time as a catalogue writes it.
func ParseDuration(s string) (time.Duration, error) {
	var v time.Duration
	var err error
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n float64
		n, err = strconv.ParseFloat(days, 64)
		v = time.Duration(n * 24 * float64(time.Hour))
	} else {
		v, err = time.ParseDuration(s)
	}
	if err != nil || v <= 0 || v > 366*24*time.Hour {
		return 0, fmt.Errorf("%q is not a duration between 0 and 366 days: write it like 90s, 10m, 2h or 3d", s)
	}
	return v, nil
}

// UnmarshalYAML implements [yaml.NodeUnmarshaler]; it keeps the line for messages.
func (l *Layer) UnmarshalYAML(n ast.Node) error {
	type plain Layer
	l.line = lineOf(n, "version")
	return yaml.NodeToValue(n, (*plain)(l), yaml.Strict())
}

// UnmarshalYAML implements [yaml.NodeUnmarshaler]; it keeps the lines for messages.
func (m *Match) UnmarshalYAML(n ast.Node) error {
	type plain Match
	m.modelLine, m.kindLine = lineOf(n, "model"), lineOf(n, "kind")
	return yaml.NodeToValue(n, (*plain)(m), yaml.Strict())
}

// UnmarshalYAML implements [yaml.NodeUnmarshaler]; it keeps the line for messages.
func (r *Rule) UnmarshalYAML(n ast.Node) error {
	type plain Rule
	r.line = line(n)
	return yaml.NodeToValue(n, (*plain)(r), yaml.Strict())
}

// UnmarshalYAML implements [yaml.NodeUnmarshaler]; it keeps the line for messages.
func (m *Metric) UnmarshalYAML(n ast.Node) error {
	type plain Metric
	m.line = line(n)
	return yaml.NodeToValue(n, (*plain)(m), yaml.Strict())
}

// UnmarshalYAML implements [yaml.NodeUnmarshaler]; it keeps the line for messages.
func (f *Fault) UnmarshalYAML(n ast.Node) error {
	type plain Fault
	f.line = line(n)
	return yaml.NodeToValue(n, (*plain)(f), yaml.Strict())
}

// line returns the first line of a node. The token of a mapping is the colon
// after its first key, which is on that line too.
func line(n ast.Node) int { return n.GetToken().Position.Line }

// lineOf returns the line of a key in a mapping, else the first line of the node.
func lineOf(n ast.Node, key string) int {
	if m, ok := n.(ast.MapNode); ok {
		for i := m.MapRange(); i.Next(); {
			if t := i.Key().GetToken(); t != nil && t.Value == key {
				return t.Position.Line
			}
		}
	}
	return line(n)
}

func at(n ast.Node, err error) error { return fmt.Errorf("line %d: %w", line(n), err) }
