package diagnosis

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
)

// TestReasonsGolden words every reason with all its blanks filled, and with as few as a detector may fill, in every language.
func TestReasonsGolden(t *testing.T) {
	full := map[string]string{"metric": "coolant_temp", "value": "121.5", "unit": "°C", "limit": "110", "seconds": "3725", "rate": "12", "per": "60",
		"count": "3", "event": "crash", "healthy": "session_ok", "expression": "rpm > 0", "usual": "10", "expected": "88.2", "metrics": "3", "devices": "24", "same": "3", "firmware": "4.2.1",
		"year": "1970", "detector": "limit", "rule": "coolant-hot", "view": detectors.ViewShape,
		"over": "11.5", "percent": "10", "readings": "372", "most": "12"}
	bare := map[string]string{"metric": "coolant_temp", "value": "-12345.6", "limit": "1", "seconds": "0", "rate": "12", "per": "1",
		"count": "1", "event": "crash", "expression": "rpm > 0", "expected": "0", "metrics": "2", "devices": "8", "year": "1970",
		"detector": "limit", "rule": "coolant-hot", "view": detectors.ViewSeason}
	signals := []detectors.Signal{{Metric: "coolant_temp", Share: .996}, {Metric: "oil_pressure", Share: .003}, {Metric: "x_y", Share: .001}}
	w := words(t)
	var b strings.Builder
	say := func(title string, f detectors.Finding) {
		fmt.Fprintln(&b, title)
		said := w.Reason(&f)
		for _, l := range w.languages {
			fmt.Fprintf(&b, "  %s  %s\n", l.tag, strings.ReplaceAll(said[l.tag], noBreak, "_"))
			if strings.ContainsAny(said[l.tag], "{}[]") {
				t.Errorf("%s in %s has a blank left: %s", title, l.tag, said[l.tag])
			}
		}
	}
	for _, key := range detectors.ReasonKeys() {
		say(key, detectors.Finding{Reason: detectors.Reason{Key: key, Params: full}, Signals: signals,
			Events: []telemetry.Event{{Time: 0}, {Time: 120_000}}})
		say(key+", bare", detectors.Finding{Reason: detectors.Reason{Key: key, Params: bare}, Signals: signals[:2]})
	}
	for _, number := range []string{"1", "2"} {
		for _, key := range []string{detectors.ReasonChangeUp, detectors.ReasonChangeDown, detectors.ReasonStuck, detectors.ReasonOffTogether, detectors.ReasonTooMany} {
			counts := maps.Clone(full)
			for _, name := range []string{"count", "readings", "most", "metrics", "limit"} {
				counts[name] = number
			}
			say(key+", "+number, detectors.Finding{Reason: detectors.Reason{Key: key, Params: counts}, Signals: signals})
		}
	}
	for _, view := range detectors.Views() {
		full["view"] = view
		say("view "+view, detectors.Finding{Reason: detectors.Reason{Key: detectors.ReasonNewPattern, Params: full}})
	}
	golden(t, "reasons", b.String())
}

// TestBriefGolden words every reason in a few words, with all its blanks filled and with few.
func TestBriefGolden(t *testing.T) {
	params := map[string]string{"metric": "coolant_temp", "value": "121.5", "unit": "°C", "limit": "110", "seconds": "3725", "rate": "12", "per": "60",
		"count": "3", "event": "crash", "expression": "coolant_temp > 120", "usual": "10", "expected": "88.2", "metrics": "3",
		"year": "1970", "detector": "limit", "rule": "coolant-hot", "view": detectors.ViewShape}
	low, high := 82.0, 95.0
	ranged := []detectors.Signal{{Metric: "coolant_temp", Unit: "°C", Actual: 121.5, Expected: 88.2, Low: &low, High: &high, Share: 1}}
	open := []detectors.Signal{{Metric: "coolant_temp", Unit: "°C", Actual: 121.5, Expected: 88.2, Share: 1}}
	w := words(t)
	var b strings.Builder
	say := func(title string, f detectors.Finding, lasting time.Duration) {
		fmt.Fprintln(&b, title)
		said := w.Brief(&f, lasting)
		for _, l := range w.languages {
			fmt.Fprintf(&b, "  %s  %s\n", l.tag, strings.ReplaceAll(said[l.tag], noBreak, "_"))
			if strings.ContainsAny(said[l.tag], "{}[]") {
				t.Errorf("%s in %s has a blank left: %s", title, l.tag, said[l.tag])
			}
		}
	}
	for _, key := range append(detectors.ReasonKeys(), "something-new") {
		say(key, detectors.Finding{Detector: "limit", Reason: detectors.Reason{Key: key, Params: params}, Signals: ranged}, 12*time.Minute+40*time.Second)
	}
	off := detectors.Reason{Key: detectors.ReasonAbnormalAbove, Params: params}
	say("no range, at once", detectors.Finding{Reason: off, Signals: open}, 0)
	say("no range, two days", detectors.Finding{Reason: off, Signals: open}, 51*time.Hour)
	say("no signal, a clock that is ahead", detectors.Finding{Reason: off}, -time.Second)
	golden(t, "brief", b.String())
}

// golden holds a text to its golden file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(want), "\n") {
		if lines := strings.Split(got, "\n"); i >= len(lines) || lines[i] != line {
			t.Fatalf("%s:%d differs (run with -update after looking): want %s, got\n%s", file, i+1, line, got)
		}
	}
	if got != string(want) {
		t.Fatalf("%s is longer than the golden file", name)
	}
}
