package diagnosis

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry/series"
)

func TestEveryContextIsWordedInEveryLanguage(t *testing.T) {
	for _, l := range words(t).languages {
		var table struct {
			Context map[string]string `yaml:"context"`
			Views   map[string]string `yaml:"views"`
			Reasons map[string]string `yaml:"reasons"`
			Brief   map[string]string `yaml:"brief"`
			Summary map[string]string `yaml:"summary"`
			Unknown string            `yaml:"unknown"`
		}
		if err := readTable(l.tag, &table); err != nil {
			t.Fatal(err)
		}
		if got, want := slices.Sorted(maps.Keys(table.Context)), slices.Sorted(maps.Keys(contextKeys)); !slices.Equal(got, want) {
			t.Errorf("%s words %v, the diagnosis says %v", l.tag, got, want)
		}
		if got, want := slices.Sorted(maps.Keys(table.Views)), slices.Sorted(slices.Values(detectors.Views())); !slices.Equal(got, want) {
			t.Errorf("%s words the views %v, the detectors know %v", l.tag, got, want)
		}
		for key, tmpl := range l.context {
			var said []string
			for _, p := range tmpl.pieces {
				if p.param != "" {
					said = append(said, p.param)
				}
			}
			want := strings.Fields(contextKeys[key])
			slices.Sort(said)
			slices.Sort(want)
			if !slices.Equal(said, want) {
				t.Errorf("%s: %s says %v, want %v", l.tag, key, said, want)
			}
		}
	}
}

// TestContextGolden words what can be said of a signal and of its peers.
func TestContextGolden(t *testing.T) {
	w := words(t)
	since := noon.Add(-40 * 24 * time.Hour).UnixMilli()
	off := Chart{Unit: "°C", Share: 1, Actual: 118, Expected: 88.2, Onset: noon.UnixMilli(), Low: number(81), High: number(94)}
	var b strings.Builder
	say := func(title string, said map[string]string) {
		fmt.Fprintln(&b, title)
		for _, l := range w.languages {
			fmt.Fprintf(&b, "  %s  %s\n", l.tag, strings.ReplaceAll(said[l.tag], noBreak, "_"))
		}
	}
	for _, c := range []struct {
		title  string
		change func(*Chart)
	}{
		{"between, by day", func(c *Chart) { c.Season = "day" }},
		{"between, by week", func(c *Chart) { c.Season = "week" }},
		{"at most", func(c *Chart) { c.Low = nil }},
		{"at least", func(c *Chart) { c.High, c.Low, c.Actual = nil, number(-5), -12345.6 }},
		{"expected", func(c *Chart) { c.Low, c.High = nil, nil }},
		{"as expected", func(c *Chart) { c.Actual = 90 }},
		{"of no concern", func(c *Chart) { c.Share = 0 }},
		{"highest", func(c *Chart) { c.History = &History{Readings: 41200, Since: since, Below: 41200} }},
		{"higher than all but one", func(c *Chart) { c.History = &History{Readings: 41200, Since: since, Below: 41199, Above: 1} }},
		{"reached once", func(c *Chart) { c.History = &History{Readings: 41200, Since: since, Below: 41199} }},
		{"higher than half", func(c *Chart) { c.History = &History{Readings: 1000, Since: since, Below: 505, Above: 495} }},
		{"lower", func(c *Chart) { c.History = &History{Readings: 1000, Since: since, Below: 2, Above: 998} }},
		{"lowest", func(c *Chart) { c.History = &History{Readings: 1000, Since: since, Above: 1000} }},
		{"usual", func(c *Chart) { c.History = &History{Readings: 1000, Since: since} }},
	} {
		chart := off
		c.change(&chart)
		say(c.title, w.context(&chart, "Europe/Berlin"))
	}
	for _, p := range []float64{0, .25, .0104, 1e-4, 1e-12} {
		f := detectors.Finding{Phase: detectors.Raised, PValue: p, Signals: []detectors.Signal{{Unit: "°C", Actual: 118, Expected: 88, Low: number(81), High: number(94), Share: 1}}}
		say(fmt.Sprintf("unusual, p-value %g", p), w.Unusual(&f))
		f.Signals[0].Actual = 90
		say("within its range", w.Unusual(&f))
	}
	if said := w.Unusual(&detectors.Finding{Reason: detectors.Reason{Params: map[string]string{"limit": "94"}},
		Signals: []detectors.Signal{{Actual: 118, High: number(94), Share: 1}}}); said != nil {
		t.Errorf("of a limit is said again %v", said)
	}
	for phase, signals := range map[detectors.Phase][]detectors.Signal{detectors.Cleared: {{Actual: 1, Share: 1}}, detectors.Raised: nil} {
		if said := w.Unusual(&detectors.Finding{Phase: phase, PValue: .01, Signals: signals}); said != nil {
			t.Errorf("of a finding that is %s with signals %+v is said %v", phase, signals, said)
		}
	}
	ofReason := detectors.Finding{Reason: detectors.Reason{Params: map[string]string{"metric": "oil_temp"}}, Signals: []detectors.Signal{
		{Metric: "coolant_temp", Actual: 118, Expected: 90, Share: 0.7}, {Metric: "oil_temp", Actual: 140, Expected: 95, Share: 0.3},
	}}
	if said := w.Unusual(&ofReason)["en"]; !strings.Contains(said, "140") {
		t.Errorf("beside a reason that speaks of the second signal stands %q", said)
	}
	for _, c := range []Cohort{{Below: 412, Above: 3, Size: 415}, {Above: 90, Size: 100}, {Below: 7, Size: 7}, {Above: 1415, Size: 1415}, {Size: 9}} {
		c.Name = "City bus"
		say(fmt.Sprintf("peers: %d lower, %d higher of %d", c.Below, c.Above, c.Size), w.peers(&c))
	}
	golden(t, "context", b.String())
}

func TestPercentNeverRoundsUpToTheWhole(t *testing.T) {
	for _, c := range []struct {
		part, whole int
		want        string
	}{
		{0, 7, "0"}, {1, 3, "33"}, {98, 100, "98"}, {99, 100, "99"}, {995, 1000, "99.5"}, {999, 1000, "99.9"},
		{41199, 41200, "99.997"}, {49_999, 50_000, "99.998"}, {7, 7, "100"},
	} {
		if got := floorPercent(c.part, c.whole); got != c.want {
			t.Errorf("%d of %d is %s %%, want %s %%", c.part, c.whole, got, c.want)
		}
	}
}

// TestHistoryIsCausal counts the readings before the onset and none after, however many there are.
func TestHistoryIsCausal(t *testing.T) {
	for name, interval := range map[string]time.Duration{"few": time.Minute, "more than are counted": 200 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.fill("coolant_temp", interval, func(t time.Duration) float64 {
				if t >= 0 {
					return 500
				}
				return 80 + 10*math.Sin(t.Hours())
			})
			p := &picture{d: w.diagnoser(t), tenant: "default", ticket: ticket("cooling", "coolant-leak", "")}
			c := Chart{Metric: "coolant_temp", Actual: 85}
			if err := p.history(t.Context(), &c, interval); err != nil {
				t.Fatal(err)
			}
			h := c.History
			if h == nil {
				t.Fatal("no history")
			}
			var want History
			for _, pt := range w.readings[series.Key{Tenant: "default", Device: "d1", Metric: "coolant_temp"}] {
				if pt.Time >= h.Since && pt.Time < noon.UnixMilli() {
					want.Readings++
					if pt.Value < 85 {
						want.Below++
					} else if pt.Value > 85 {
						want.Above++
					}
				}
			}
			if h.Readings != want.Readings || h.Below != want.Below || h.Above != want.Above || h.Greatest > 90 || h.Readings > mostHistory {
				t.Errorf("got %+v, want %+v", *h, want)
			}
			if h.Readings < 360 {
				t.Errorf("%d readings are too few of what is stored", h.Readings)
			}
		})
	}
	t.Run("reported less often before", func(t *testing.T) {
		w := newWorld()
		w.fill("coolant_temp", time.Minute, func(time.Duration) float64 { return 80 })
		p := &picture{d: w.diagnoser(t), tenant: "default", ticket: ticket("cooling", "coolant-leak", "")}
		c := Chart{Metric: "coolant_temp", Actual: 85}
		if err := p.history(t.Context(), &c, 10*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if c.History == nil || c.History.Readings != 360 {
			t.Errorf("counted %+v, want all 360 readings of six hours", c.History)
		}
	})
	few := []series.Point{{Time: 1, Value: 1}, {Time: 2, Value: math.NaN()}}
	if h := rank(few, 1); h != nil {
		t.Errorf("two readings make the history %+v", h)
	}
}

// TestAnOlderDiagnosisKeepsItsSeal: what was sealed before words, history and peers' range were told must not look forged.
func TestAnOlderDiagnosisKeepsItsSeal(t *testing.T) {
	w, ticket, evidence := leak()
	d, err := w.diagnoser(t).build(t.Context(), "default", ticket, evidence, noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var old map[string]any
	if err := decoder.Decode(&old); err != nil {
		t.Fatal(err)
	}
	drop := func(of any, names ...string) {
		for _, name := range names {
			delete(of.(map[string]any), name)
		}
	}
	for _, c := range old["signals"].([]any) {
		drop(c, "onset", "low", "high", "season", "history", "words")
	}
	for _, f := range old["evidence"].([]any) {
		drop(f, "words")
	}
	drop(old["cohort"], "below", "above", "low", "high", "words")
	delete(old, "hash")
	var canonical bytes.Buffer
	encoder := json.NewEncoder(&canonical)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(old); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(bytes.TrimSuffix(canonical.Bytes(), []byte("\n")))
	old["hash"] = hex.EncodeToString(sum[:])
	sealed, err := json.Marshal(old)
	if err != nil {
		t.Fatal(err)
	}
	var back Diagnosis
	if err := json.Unmarshal(sealed, &back); err != nil || !back.Intact() {
		t.Errorf("read back (%v), the seal does not fit", err)
	}
}
