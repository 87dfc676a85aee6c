package catalog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
)

func layer(t *testing.T, name, text string) *Layer {
	t.Helper()
	l, err := Parse(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func ruleIDs(p *detectors.Plan) string {
	var ids []string
	for _, r := range p.Rules {
		ids = append(ids, r.ID)
	}
	return strings.Join(ids, " ")
}

func TestLayers(t *testing.T) {
	below := layer(t, "below.yaml", `
version: 1
models:
  - match: {kind: tv}
    metrics:
      - {name: "panel_*", unit: °C, component: panel, min: -20, max: 120}
      - {name: uptime, unit: s, watch: rules}
    rules:
      - {id: hot, fault: overheat, metric: "panel_*", limit: {above: 90}}
faults:
  - {code: overheat, severity: major, title: {en: Hot}}
`)
	above := layer(t, "above.yaml", `
version: 1
models:
  - match: {model: "x-*"}
    metrics:
      - {name: panel_temp, max: 100}
    rules:
      - {id: hot, fault: overheat, severity: critical, metric: "panel_*", limit: {above: 80}}
      - {id: silence, disabled: true}
faults:
  - {code: overheat, component: panel, severity: warning, title: {en: Too hot, de: Zu heiß}, parts: [fan]}
`)
	c, err := New(below, above)
	if err != nil {
		t.Fatal(err)
	}
	if got := ruleIDs(c.Plan("", "")); got != "crash-loop silence sensor-stuck sensor-implausible" {
		t.Errorf("a device without a model has the rules %q", got)
	}
	old, young := c.Plan("o-1", "tv"), c.Plan("x-9", "tv")
	if got := ruleIDs(old); got != "crash-loop silence sensor-stuck sensor-implausible hot" {
		t.Errorf("the old model has the rules %q", got)
	}
	if got := ruleIDs(young); got != "crash-loop sensor-stuck sensor-implausible hot" {
		t.Errorf("the young model has the rules %q", got)
	}
	if c.Plan("x-9", "tv") != young || c.Plan("x-8", "tv") == old {
		t.Error("plans of one model have different pointers, or plans of different ones the same")
	}
	hotOld, hotYoung := old.Rules[4], young.Rules[3]
	if hotOld.Severity != telemetry.Warning || hotYoung.Severity != telemetry.Critical || hotYoung.Component != "panel" || hotOld.Fingerprint == hotYoung.Fingerprint {
		t.Errorf("rules %+v and %+v", hotOld, hotYoung)
	}
	m := young.Describe("panel_temp")
	if m.Name != "panel_temp" || m.Unit != "°C" || m.Component != "panel" || *m.Min != -20 || *m.Max != 100 || m.Unwatched {
		t.Errorf("metric %+v", m)
	}
	if !old.Describe("uptime").Unwatched || old.Describe("volume").Unit != "" {
		t.Error("descriptions reach metrics they do not match")
	}
	f, ok := c.Fault("overheat")
	if !ok || f.TitleIn("de") != "Zu heiß" || f.TitleIn("zh") != "Too hot" || len(f.Parts) != 1 {
		t.Errorf("fault %+v", f)
	}
	if _, ok := c.Fault("nothing"); ok {
		t.Error("an unknown fault is described")
	}
}

func TestEveryFaultOfTheEngineHasTitles(t *testing.T) {
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{
		detectors.FaultAbnormal, detectors.FaultClock, detectors.FaultDetectorOff, detectors.FaultTooMany,
		detectors.FaultCrashLoop, detectors.FaultSilence, detectors.FaultStuck, detectors.FaultMissing, detectors.FaultImplausible,
	} {
		f, ok := c.Fault(code)
		for _, language := range []string{"en", "de", "zh"} {
			if !ok || f.Title[language] == "" {
				t.Errorf("%s has no title in %s", code, language)
			}
		}
	}
}

func TestCompileNamesLineAndRemedy(t *testing.T) {
	for _, c := range []struct{ name, rule, want string }{
		{"unknown fault", "{id: a, fault: mystery, metric: x, limit: {above: 1}}", "test.yaml:4: rule \"a\" finds \"mystery\", which no layer describes"},
		{"expression", "{id: a, fault: silence, expression: {when: \"speed >\"}}", "test.yaml:4: rule \"a\": condition"},
		{"expression of no metric", "{id: a, fault: silence, expression: {when: \"1 > 2\"}}", "names no metric"},
		{"expression of a number", "{id: a, fault: silence, expression: {when: \"speed + 1\"}}", "expected bool"},
		{"unknown function", "{id: a, fault: silence, expression: {when: \"explode(speed) > 1\"}}", "test.yaml:4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(layer(t, "test.yaml", "version: 1\nmodels:\n  - rules:\n      - "+c.rule+"\n"))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good.yaml")
	if err := os.WriteFile(good, []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(good); err != nil {
		t.Error(err)
	}
	if _, err := Load(good, filepath.Join(dir, "missing.yaml")); err == nil || !strings.Contains(err.Error(), "missing.yaml") {
		t.Errorf("error %v", err)
	}
}

func TestPlansSwap(t *testing.T) {
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	p := NewPlans(c, func(_, device string) (string, string) { return "model-" + device, "tv" })
	before := p.Plan("default", "1")
	if p.Plan("default", "1") != before || p.Metric("default", "1", "temp").Name != "temp" {
		t.Error("the plan is not stable")
	}
	next, err := New(layer(t, "next.yaml", "version: 1\nmodels:\n  - match: {model: model-1}\n    rules:\n      - {id: silence, disabled: true}\n"))
	if err != nil {
		t.Fatal(err)
	}
	p.Swap(next)
	if p.Plan("default", "1") == before || p.Catalogue() != next || len(p.Plan("default", "1").Rules) != len(before.Rules)-1 {
		t.Error("the new catalogue is not in force")
	}
}
