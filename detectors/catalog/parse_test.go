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
		{"no version", "models: []\n", "version is 0"},
		{"two methods", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, metric: x, limit: {above: 3}, stuck: {}}\n", ":4: rule \"a\" has 2 methods"},
		{"both bounds", "version: 1\nmodels:\n  - rules:\n      - id: a\n        fault: b\n        metric: x\n        limit: {above: 3, below: 1}\n", ":4: rule \"a\": give exactly one"},
		{"clear on the wrong side", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, metric: x, limit: {above: 3, clear: 4}}\n", "healthy side"},
		{"no metric", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, limit: {above: 3}}\n", "needs a metric"},
		{"metric of an event rule", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, metric: x, sequence: {event: c, count: 2}}\n", "remove metric"},
		{"bad duration", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, metric: x, stuck: {for: soon}}\n", "line 4: \"soon\""},
		{"negative duration", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, metric: x, stuck: {for: -3s}}\n", "line 4"},
		{"same id twice", "version: 1\nmodels:\n  - rules:\n      - {id: a, disabled: true}\n      - {id: a, disabled: true}\n", ":5: rule \"a\" stands twice"},
		{"no title", "version: 1\nfaults:\n  - {code: a}\n", ":3: fault \"a\" has no title"},
		{"min above max", "version: 1\nmodels:\n  - metrics:\n      - {name: a, min: 3, max: 2}\n", ":4: metric \"a\": min 3"},
		{"severity", "version: 1\nfaults:\n  - {code: a, severity: awful, title: {en: A}}\n", "unknown severity"},
		{"huge count", "version: 1\nmodels:\n  - rules:\n      - {id: a, fault: b, sequence: {event: c, count: 2000}}\n", "1 to 64"},
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

func FuzzParse(f *testing.F) {
	f.Add([]byte("version: 1\nmodels:\n  - match: {kind: tv}\n    rules:\n      - {id: a, fault: b, metric: x, limit: {above: 3, for: 3d}}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Parse("fuzz", data)
		if (l == nil) == (err == nil) {
			t.Fatalf("layer %v and error %v", l, err)
		}
	})
}
