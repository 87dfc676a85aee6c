package catalog

import (
	"os"
	"strings"
	"testing"
)

func TestDefaultParses(t *testing.T) {
	data, err := os.ReadFile("default.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse("default.yaml", data); err != nil {
		t.Fatal(err)
	}
}

func TestParseNamesLineAndRemedy(t *testing.T) {
	for _, c := range []struct{ name, yaml, want string }{
		{"unknown key", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, metric: x, limit: {abovee: 3}}\n", "[4:"},
		{"no version", "models: []\n", "f.yaml:1: version is 0"},
		{"wrong version", "models: []\nversion: 3\n", "f.yaml:2: version is 3"},
		{"nothing", "", "f.yaml:1: version is 0"},
		{"kind is no glob", "version: 1\nmodels:\n  - match: {}\n  - match:\n      model: x\n      kind: \"[a\"\n", "f.yaml:6: match: kind \"[a\" is not a glob"},
		{"model is no glob", "version: 1\nmodels:\n  - match: {model: \"[a\"}\n", "f.yaml:3: match: model \"[a\" is not a glob"},
		{"unknown key of match", "version: 1\nmodels:\n  - match: {maker: a}\n", "[3:"},
		{"unknown key at the top", "version: 1\nkinds: []\n", "[2:"},
		{"a tag with nothing behind it", "version: 1\nmodels:\n  - rules: !0 #\n", "f.yaml: is no YAML that can be read"},
		{"tag and stray bracket", "kinds: !fault]", "f.yaml"},
		{"one rule too many", "version: 1\nmodels:\n  - rules:\n" + strings.Repeat("    - {id: a, disabled: true}\n", MaxRules+1), "f.yaml:10004: this is one rule more"},
		{"one metric too many", "version: 1\nmodels:\n  - metrics:\n" + strings.Repeat("    - {name: a}\n", MaxMetrics+1), "f.yaml:10004: this is one metric more"},
		{"one fault too many", "version: 1\nfaults:\n" + strings.Repeat("  - {code: a, title: {en: A}}\n", MaxFaults+1), "f.yaml:10003: this is one fault more"},
		{"too large", strings.Repeat("#", MaxFileSize+1), "f.yaml: 4194305 bytes are more"},
		{"brackets in brackets", "version: 1\nmodels: " + strings.Repeat("[", 1_000_000), "f.yaml:2: lists and mappings are nested"},
		{"lists in lists", "version: 1\nmodels:\n" + strings.Repeat("- ", 100_000), "f.yaml:3: lists and mappings are nested"},
		{"mappings in mappings", "version: 1\nmodels:\n" + staircase(40), "f.yaml:34: lists and mappings are nested"},
		{"two methods", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, metric: x, limit: {above: 3}, stuck: {}}\n", ":4: rule \"a\" has 2 methods"},
		{"both bounds", "version: 1\nmodels:\n  - rules:\n      - id: a\n        fault: b\n        metric: x\n        limit: {above: 3, below: 1}\n", ":4: rule \"a\": give exactly one"},
		{"clear on the wrong side", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, metric: x, limit: {above: 3, clear: 4}}\n", "healthy side"},
		{"no metric", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, limit: {above: 3}}\n", "needs a metric"},
		{"metric of an event rule", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, metric: x, sequence: {event: c, count: 2}}\n", "remove metric"},
		{"bad duration", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, metric: x, stuck: {for: soon}}\n", "line 4: \"soon\""},
		{"negative duration", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, metric: x, stuck: {for: -3s}}\n", "line 4"},
		{"same id twice", "version: 1\nmodels:\n  - rules:\n      - {id: a, disabled: true}\n      - {id: a, disabled: true}\n", ":5: rule \"a\" stands twice"},
		{"change of nothing", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, metric: x, changepoint: {shift: 0}}\n", "shift must be between 0.1 and 8"},
		{"false alarms all the time", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, metric: x, changepoint: {between: .nan}}\n", "between must be between 100 and 1e12"},
		{"change of no metric", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, changepoint: {}}\n", "changepoint needs a metric"},
		{"residual of nothing", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, residual: {given: [x]}}\n", "residual needs on (a metric)"},
		{"residual given too much", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, residual: {on: x, given: [a, b, c, d, e, f, g]}}\n", "given may have up to 6 metrics"},
		{"residual given itself", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, residual: {on: x, given: [y, x]}}\n", "given: \"x\" is empty, named twice, or the metric that is judged"},
		{"multivariate of one", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, multivariate: {metrics: [x]}}\n", "multivariate needs metrics, 2 to 64"},
		{"multivariate named twice", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, multivariate: {metrics: [x, x]}}\n", "\"x\" is empty or named twice"},
		{"multivariate driven by another", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, multivariate: {metrics: [x, y], drives: [z]}}\n", "drives: \"z\" is not among metrics"},
		{"multivariate with a short warm-up", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, multivariate: {metrics: [x, y], warm_up: 10}}\n", "warm_up must be between 60"},
		{"multivariate that alarms all the time", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, multivariate: {metrics: [x, y], between: 1}}\n", "between must be between 100"},
		{"residual with a metric", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, metric: x, residual: {on: x, given: [y]}}\n", "residual watches the whole device: remove metric"},
		{"no title", "version: 1\nfaults:\n  - {code: a}\n", ":3: fault \"a\" has no title"},
		{"min above max", "version: 1\nmodels:\n  - metrics:\n      - {name: a, min: 3, max: 2}\n", ":4: metric \"a\": min 3"},
		{"severity", "version: 1\nfaults:\n  - {code: a, severity: awful, title: {en: A}}\n", "unknown severity"},
		{"huge count", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, sequence: {event: c, count: 2000}}\n", "1 to 64"},
		{"the former shadow", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, metric: x, shadow: true, limit: {above: 3}}\n", ":4: rule \"a\": shadow is one of three stages now: write stage: shadow"},
		{"unknown stage", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, metric: x, stage: test, limit: {above: 3}}\n", ":4: rule \"a\": stage \"test\" is none of"},
		{"canary without a share", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, metric: x, stage: canary, limit: {above: 3}}\n", "add canary: 10%"},
		{"share without canary", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, metric: x, canary: 10%, limit: {above: 3}}\n", "add stage: canary"},
		{"share of everything", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, metric: x, stage: canary, canary: 100%, limit: {above: 3}}\n", "line 4: \"100%\" is not a share"},
		{"id of the statistical tier", "version: 1\nmodels:\n  - rules:\n      - {id: base, fault: b, metric: x, limit: {above: 3}}\n", "stands for the statistical tier"},
		{"two documents", "version: 1\n---\nversion: 1\n", "more than one YAML document"},
		{"not YAML", "version: [1\n", "f.yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("f.yaml", []byte(c.yaml))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// staircase nests mappings, one on each line.
func staircase(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i+1) + "a:\n")
	}
	return b.String()
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("version: 1\nmodels:\n  - match: {kind: tv}\n    rules:\n      - {id: a, fault: b, metric: x, limit: {above: 3, for: 3d}}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Parse("fuzz", data)
		if (l == nil) == (err == nil) {
			t.Fatalf("layer %v and error %v", l, err)
		}
		if l == nil {
			return
		}
		if c, err := New(l); (c == nil) == (err == nil) {
			t.Fatalf("catalogue %v and error %v", c, err)
		}
	})
}
