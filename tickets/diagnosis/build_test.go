package diagnosis

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
)

var update = flag.Bool("update", false, "write the golden files")

// noon is when the faults of these tests begin.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// world is a device with its peers, readings and events in memory.
type world struct {
	readings map[series.Key][]series.Point
	happened []telemetry.Event
	devices  []fleet.Device
	plan     detectors.Plan
	broken   error // what the series store answers
}

func (w *world) Plan(string, string) *detectors.Plan { return &w.plan }

func (w *world) Raw(_ context.Context, key series.Key, r series.Range, limit int) ([]series.Point, error) {
	var out []series.Point
	for _, p := range w.readings[key] {
		if p.Time >= r.From.UnixMilli() && p.Time < r.To.UnixMilli() && len(out) < limit {
			out = append(out, p)
		}
	}
	return out, w.broken
}

func (w *world) Windows(_ context.Context, key series.Key, r series.Range, step time.Duration) ([]series.Window, error) {
	var out []series.Window
	for _, p := range w.readings[key] {
		if p.Time < r.From.UnixMilli() || p.Time >= r.To.UnixMilli() {
			continue
		}
		start := p.Time - p.Time%step.Milliseconds()
		if n := len(out); n == 0 || out[n-1].Start != start {
			out = append(out, series.Window{Start: start})
		}
		last := &out[len(out)-1]
		last.Mean = (last.Mean*float64(last.Count) + p.Value) / float64(last.Count+1)
		last.Count++
	}
	return out, w.broken
}

func (w *world) Last(_ context.Context, tenant, device string) (map[string]series.Point, error) {
	last := make(map[string]series.Point)
	for key, points := range w.readings {
		if key.Tenant == tenant && key.Device == device && len(points) > 0 {
			last[key.Metric] = points[len(points)-1]
		}
	}
	return last, w.broken
}

func (w *world) Events(_ context.Context, _, _ string, from, to time.Time, limit int) ([]telemetry.Event, error) {
	var out []telemetry.Event
	for _, e := range w.happened {
		if e.Time >= from.UnixMilli() && e.Time < to.UnixMilli() && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, nil
}

func (w *world) Devices(string) iter.Seq[*fleet.Device] {
	return func(yield func(*fleet.Device) bool) {
		for i := range w.devices {
			if !yield(&w.devices[i]) {
				return
			}
		}
	}
}

func (w *world) Model(_, id string) (fleet.Model, bool) {
	return fleet.Model{ID: "bus", Name: "City bus", Components: []fleet.Component{
		{ID: "cooling", Parts: []string{"coolant hose", "coolant, 5 l"}}}}, id == "bus"
}

// fill writes readings of d1 every interval around noon.
func (w *world) fill(metric string, interval time.Duration, value func(t time.Duration) float64) {
	key := series.Key{Tenant: "default", Device: "d1", Metric: metric}
	for t := -6 * time.Hour; t < 3*time.Hour; t += interval {
		w.readings[key] = append(w.readings[key], series.Point{Time: noon.Add(t).UnixMilli(), Value: math.Round(value(t)*10) / 10})
	}
}

func newWorld() *world {
	w := &world{readings: make(map[series.Key][]series.Point)}
	w.plan.Describe = func(metric string) detectors.MetricPlan {
		m := detectors.MetricPlan{}
		m.Name = metric
		switch metric {
		case "coolant_temp", "coolant_level", "coolant_pressure":
			m.Component = "cooling"
		}
		if metric == "coolant_temp" {
			m.Unit = "°C"
		}
		return m
	}
	w.plan.Faults = map[string]detectors.FaultCode{
		"coolant-leak": {Code: "coolant-leak", Parts: []string{"coolant hose", "hose clamp"}, Title: map[string]string{
			"en": "coolant leak", "de": "Kühlmittelverlust", "zh": "冷却液泄漏"}},
		"crash-loop": {Code: "crash-loop", Title: map[string]string{
			"en": "Crashes again and again", "de": "Stürzt immer wieder ab", "zh": "反复崩溃"}},
	}
	for i := range 8 {
		id := fmt.Sprintf("d%d", i)
		w.devices = append(w.devices, fleet.Device{ID: id, Model: "bus"})
		if id != "d1" {
			w.readings[series.Key{Tenant: "default", Device: id, Metric: "coolant_temp"}] = []series.Point{
				{Time: noon.UnixMilli(), Value: 85 + float64(i)}}
		}
	}
	return w
}

func (w *world) diagnoser(t *testing.T) *Diagnoser {
	t.Helper()
	wording, err := NewWording(w)
	if err != nil {
		t.Fatal(err)
	}
	return &Diagnoser{cfg: Config{Readings: w, Events: w, Bands: NewReplay(w, w), Fleet: w, Plans: w, Wording: wording,
		Log: slog.New(slog.DiscardHandler), Now: time.Now}}
}

func number(v float64) *float64 { return &v }

// ticket is one of d1 that was opened at noon.
func ticket(component, code, title string) *tickets.Ticket {
	return &tickets.Ticket{ID: "0190", Number: "T-000001", Tenant: "default", Device: "d1", Component: component, FaultCode: code,
		Severity: telemetry.Major, Title: tickets.Text{"en": title}, OnsetAt: noon, OpenedAt: noon.Add(2 * time.Minute),
		LastSeenAt: noon.Add(10 * time.Minute), Facts: tickets.Facts{Model: "bus", ModelName: "City bus", TimeZone: "Europe/Berlin"}}
}

// raised is a finding of a minute after the onset.
func raised(id, detector string, score float64, reason detectors.Reason, signals ...detectors.Signal) tickets.Evidence {
	return tickets.Evidence{Finding: detectors.Finding{ID: id, Device: "d1", Detector: detector, Rule: detector + "-rule", Version: 1,
		Phase: detectors.Raised, Severity: telemetry.Major, Onset: noon.UnixMilli(), Time: noon.Add(time.Minute).UnixMilli(),
		Arrival: noon.Add(time.Minute).UnixMilli(), Score: score, Signals: signals, Reason: reason}}
}

func leak() (*world, *tickets.Ticket, []tickets.Evidence) {
	w := newWorld()
	w.fill("coolant_temp", time.Minute, func(t time.Duration) float64 {
		return 88 + 2*math.Sin(t.Hours()) + 30*max(0, min(t.Minutes()/20, 1))
	})
	w.fill("coolant_pressure", time.Minute, func(t time.Duration) float64 { return 1.4 - max(0, min(t.Minutes()/60, 1)) })
	w.fill("coolant_level", 10*time.Minute, func(t time.Duration) float64 { return 60 })
	w.fill("cabin_temp", time.Minute, func(time.Duration) float64 { return 21 })
	w.happened = []telemetry.Event{{Time: noon.Add(5 * time.Minute).UnixMilli(), Code: "P0217", Severity: telemetry.Major}}
	worse := raised("f2", "shift", .8, detectors.Reason{Key: detectors.ReasonAbnormalAbove, Params: map[string]string{
		"metric": "coolant_temp", "value": "117.9", "unit": "°C", "expected": "88.2", "seconds": "540", "metrics": "2"}},
		detectors.Signal{Metric: "coolant_temp", Unit: "°C", Actual: 117.9, Expected: 88.2, Low: number(84), High: number(92), Share: .7, Rank: .999},
		detectors.Signal{Metric: "coolant_pressure", Actual: 1.2, Expected: 1.4, Share: .3})
	worse.Phase, worse.Time, worse.PValue = detectors.Continued, noon.Add(10*time.Minute).UnixMilli(), 1e-6
	first := raised("f1", "limit", 1, detectors.Reason{Key: detectors.ReasonLimitAbove, Params: map[string]string{
		"metric": "coolant_temp", "value": "111.2", "unit": "°C", "limit": "110", "seconds": "60"}},
		detectors.Signal{Metric: "coolant_temp", Unit: "°C", Actual: 111.2, Expected: 110, High: number(110), Share: 1})
	return w, ticket("cooling", "coolant-leak", "Coolant leak"), []tickets.Evidence{worse, first}
}

func crashes() (*world, *tickets.Ticket, []tickets.Evidence) {
	w := newWorld()
	var events []telemetry.Event
	for i := range 3 {
		events = append(events, telemetry.Event{Time: noon.Add(time.Duration(i-2) * time.Minute).UnixMilli(), ID: fmt.Sprint(i), Code: "crash"})
	}
	w.happened = append([]telemetry.Event{{Time: noon.Add(-5 * time.Minute).UnixMilli(), Code: "session_ok"}}, events...)
	f := raised("f1", "sequence", 1, detectors.Reason{Key: detectors.ReasonSequence, Params: map[string]string{
		"count": "3", "event": "crash", "healthy": "session_ok"}})
	f.Events = events
	return w, ticket("software", "crash-loop", "Crashes again and again"), []tickets.Evidence{f}
}

func TestGolden(t *testing.T) {
	for name, scene := range map[string]func() (*world, *tickets.Ticket, []tickets.Evidence){
		"coolant-leak": leak,
		"crash-loop":   crashes,
		"series-store-down": func() (*world, *tickets.Ticket, []tickets.Evidence) {
			w, ticket, evidence := leak()
			w.broken = series.ErrUnavailable
			return w, ticket, evidence
		},
		"recovered": func() (*world, *tickets.Ticket, []tickets.Evidence) {
			w, ticket, evidence := leak()
			over := raised("f3", "limit", 1, detectors.Reason{Key: detectors.ReasonCleared, Params: map[string]string{"seconds": "3600"}})
			over.Phase, over.Time = detectors.Cleared, noon.Add(time.Hour).UnixMilli()
			ticket.ClearedAt, ticket.ClosedAt, ticket.Backfill = noon.Add(time.Hour), noon.Add(time.Hour), true
			return w, ticket, append([]tickets.Evidence{over}, evidence...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, ticket, evidence := scene()
			ticket.Title = w.diagnoser(t).cfg.Wording.Describe("default", "d1", ticket.FaultCode).Title
			got, err := w.diagnoser(t).build(t.Context(), "default", ticket, evidence, noon.Add(15*time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			if !got.Intact() {
				t.Error("the seal does not fit")
			}
			again, err := w.diagnoser(t).build(t.Context(), "default", ticket, evidence, noon.Add(15*time.Minute))
			if err != nil || again.Hash != got.Hash {
				t.Errorf("built again the hash is %s (%v), was %s", again.Hash, err, got.Hash)
			}
			compare(t, name, &got)
		})
	}
}

// compare holds a diagnosis to its golden file. The points of charts are a
// line each, so that a difference can be read.
func compare(t *testing.T, name string, d *Diagnosis) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	short := *d
	short.Signals = slices.Clone(d.Signals)
	for i := range short.Signals {
		short.Signals[i].Points, short.Signals[i].Band = nil, nil
	}
	if err := e.Encode(short); err != nil {
		t.Fatal(err)
	}
	for _, c := range d.Signals {
		fmt.Fprintf(&b, "%s: %d points, %d of band\n", c.Metric, len(c.Points), len(c.Band))
		for i, p := range c.Points {
			if i%20 == 0 || i == len(c.Points)-1 {
				fmt.Fprintf(&b, "  %s %v\n", fromMillis(int64(p[0])).Format(time.TimeOnly), p[1])
			}
		}
		for i, p := range c.Band {
			if i%20 == 0 || i == len(c.Band)-1 {
				text, _ := json.Marshal(p)
				fmt.Fprintf(&b, "  %s %s\n", fromMillis(p.Time).Format(time.TimeOnly), text)
			}
		}
	}
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		got := strings.Split(b.String(), "\n")
		for i, line := range strings.Split(string(want), "\n") {
			if i >= len(got) || got[i] != line {
				t.Fatalf("%s:%d differs (run with -update after looking):\n got %s\nwant %s", file, i+1, cmp.Or(append(got, "")[min(i, len(got))], "(nothing)"), line)
			}
		}
		t.Fatalf("%s is longer than the golden file", name)
	}
}

func TestASensorNeedsNoPartsOfTheMachine(t *testing.T) {
	w, _, _ := leak()
	for code, want := range map[string]string{
		"coolant-leak": "[coolant hose hose clamp coolant, 5 l]",
		"sensor-stuck": "[]",
	} {
		if got := fmt.Sprint(w.diagnoser(t).bring("default", ticket("cooling", code, code))); got != want {
			t.Errorf("for %s bring %s, want %s", code, got, want)
		}
	}
}

func TestSealBreaks(t *testing.T) {
	w, ticket, evidence := leak()
	d, err := w.diagnoser(t).build(t.Context(), "default", ticket, evidence, noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var back Diagnosis
	if err := json.Unmarshal(text, &back); err != nil || !back.Intact() {
		t.Errorf("read back (%v), the seal does not fit", err)
	}
	for name, change := range map[string]func(*Diagnosis){
		"a point":    func(d *Diagnosis) { d.Signals[0].Points[3][1] += .1 },
		"a word":     func(d *Diagnosis) { d.Summary["zh"] += "。" },
		"the onset":  func(d *Diagnosis) { d.OnsetAt = d.OnsetAt.Add(time.Millisecond) },
		"a finding":  func(d *Diagnosis) { d.Evidence = d.Evidence[1:] },
		"the hash":   func(d *Diagnosis) { d.Hash = strings.Repeat("0", 64) },
		"no cohort":  func(d *Diagnosis) { d.Cohort = nil },
		"confidence": func(d *Diagnosis) { d.Confidence = .99 },
	} {
		var forged Diagnosis
		if err := json.Unmarshal(text, &forged); err != nil {
			t.Fatal(err)
		}
		if change(&forged); forged.Intact() {
			t.Errorf("%s was changed and the seal fits", name)
		}
	}
}

func TestConfidence(t *testing.T) {
	f := func(detector string, phase detectors.Phase, score float64) detectors.Finding {
		return detectors.Finding{Detector: detector, Phase: phase, Score: score}
	}
	for name, c := range map[string]struct {
		findings []detectors.Finding
		want     float64
	}{
		"none":                       {nil, 0},
		"one that is certain":        {[]detectors.Finding{f("limit", detectors.Raised, 1)}, .9},
		"the same again":             {[]detectors.Finding{f("limit", detectors.Raised, 1), f("limit", detectors.Continued, .5)}, .9},
		"two views":                  {[]detectors.Finding{f("limit", detectors.Raised, .5), f("shift", detectors.Raised, .5)}, 1 - .55*.55},
		"two that are certain":       {[]detectors.Finding{f("limit", detectors.Raised, 1), f("shift", detectors.Raised, 1)}, .99},
		"a clearance says nothing":   {[]detectors.Finding{f("limit", detectors.Cleared, 1)}, 0},
		"scores beyond their bounds": {[]detectors.Finding{f("b", detectors.Raised, -3), f("c", detectors.Raised, 7)}, .9},
	} {
		if got := confidence(c.findings); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestManyReadingsBecomeMeans draws two weeks of a slow fault at one reading a second.
func TestManyReadingsBecomeMeans(t *testing.T) {
	w, ticket, evidence := leak()
	w.readings = make(map[series.Key][]series.Point)
	w.fill("coolant_temp", time.Second, func(time.Duration) float64 { return 90 })
	ticket.OnsetAt = noon.Add(-time.Hour)
	ticket.LastSeenAt = noon.Add(2 * time.Hour)
	d, err := w.diagnoser(t).build(t.Context(), "default", ticket, evidence, noon.Add(3*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	n := len(d.Signals[0].Points)
	if n < fewPoints/2 || n > manyPoints {
		t.Errorf("%d points from %s to %s", n, d.From, d.To)
	}
	for i := 1; i < n; i++ {
		if d.Signals[0].Points[i][0] <= d.Signals[0].Points[i-1][0] {
			t.Fatalf("point %d does not come after the one before", i)
		}
	}
}

func TestStoppedQuestionIsAnError(t *testing.T) {
	w, ticket, evidence := leak()
	w.broken = context.Canceled
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.diagnoser(t).build(ctx, "default", ticket, evidence, noon); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was stopped", err)
	}
}
