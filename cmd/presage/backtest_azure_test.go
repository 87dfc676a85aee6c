package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/catalog"
	"github.com/presage-pdm/presage/internal/backtest"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/tickets/quality"
)

// azure is the hourly telemetry and the error codes of twenty machines in a quarter. It implements backtest.Readings and Records.
type azure struct {
	points map[string]map[string][]series.Point
	events map[string][]telemetry.Event
}

func (a azure) Last(_ context.Context, _, device string) (map[string]series.Point, error) {
	last := map[string]series.Point{}
	for metric, points := range a.points[device] {
		last[metric] = points[len(points)-1]
	}
	return last, nil
}

func (a azure) Raw(_ context.Context, key series.Key, in series.Range, limit int) ([]series.Point, error) {
	return within(a.points[key.Device][key.Metric], in.From, in.To, limit, func(p series.Point) int64 { return p.Time }), nil
}

func (a azure) Events(_ context.Context, _, device string, from, to time.Time, limit int) ([]telemetry.Event, error) {
	return within(a.events[device], from, to, limit, func(e telemetry.Event) int64 { return e.Time }), nil
}

func (azure) State(context.Context, string, string) (telemetry.State, error) {
	return telemetry.State{}, tickets.ErrNotFound
}

// within returns what lies in a span of a list in rising time.
func within[T any](all []T, from, to time.Time, limit int, at func(T) int64) (out []T) {
	for _, v := range all {
		if t := at(v); t >= from.UnixMilli() && t < to.UnixMilli() && len(out) < limit {
			out = append(out, v)
		}
	}
	return out
}

// azureTable reads a file of the set without its header.
func azureTable(t *testing.T, name string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(testData(t, "azure_pdm"), name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() // only read
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// errorRules open a ticket at every code of a machine that is no part of its normal run, whatever follows: what an operator writes who
// knows nothing but that these codes exist.
func errorRules() string {
	var b strings.Builder
	b.WriteString("version: 1\nfaults:\n")
	for i := 1; i <= 5; i++ {
		fmt.Fprintf(&b, "  - {code: error%d, title: {en: Error %d, de: Fehler %d, zh: 错误 %d}}\n", i, i, i, i)
	}
	b.WriteString("models:\n  - match: {}\n    rules:\n")
	for i := 1; i <= 5; i++ {
		fmt.Fprintf(&b, "      - {id: error%d, fault: error%d, within: {event: error%d, count: 1, window: 24h}}\n", i, i, i)
	}
	return b.String()
}

// The simulated machines of Microsoft: tickets from their telemetry and error codes against their failures, as "presage backtest" judges
// them. Nothing is fitted to the failures.
func TestBacktestOfAzure(t *testing.T) {
	from, to := time.Date(2015, 1, 1, 6, 0, 0, 0, time.UTC), time.Date(2015, 4, 1, 0, 0, 0, 0, time.UTC)
	a := azure{points: map[string]map[string][]series.Point{}, events: map[string][]telemetry.Event{}}
	at := func(text string) time.Time {
		v, err := quality.ParseTime(text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, row := range azureTable(t, "PdM_telemetry_m1-20_2015Q1.csv") {
		machine := "machine-" + row[1]
		if a.points[machine] == nil {
			a.points[machine] = map[string][]series.Point{}
		}
		for i, metric := range []string{"volt", "rotate", "pressure", "vibration"} {
			v, err := strconv.ParseFloat(row[2+i], 64)
			if err != nil {
				t.Fatal(err)
			}
			a.points[machine][metric] = append(a.points[machine][metric], series.Point{Time: at(row[0]).UnixMilli(), Value: v})
		}
	}
	var machines []string
	for machine := range a.points {
		machines = append(machines, machine)
	}
	slices.Sort(machines)
	for i, row := range azureTable(t, "PdM_errors.csv") {
		machine := "machine-" + row[1]
		a.events[machine] = append(a.events[machine], telemetry.Event{Time: at(row[0]).UnixMilli(), Code: row[2], ID: strconv.Itoa(i)})
	}
	var book strings.Builder
	book.WriteString("device,component,failed_at\n")
	for _, row := range azureTable(t, "PdM_failures.csv") {
		if at := at(row[0]); !at.Before(from) && at.Before(to) {
			fmt.Fprintf(&book, "machine-%s,%s,%s\n", row[1], row[2], row[0])
		}
	}
	failures, err := quality.ReadCSV("failures", strings.NewReader(book.String()))
	if err != nil {
		t.Fatal(err)
	}
	layer, err := catalog.Parse("errors.yaml", []byte(errorRules()))
	if err != nil {
		t.Fatal(err)
	}
	cfg := backtest.DefaultConfig()
	cfg.Readings, cfg.Records, cfg.From, cfg.To = a, a, from, to
	plans := make([]detectors.Plans, 2)
	for i, layers := range [][]*catalog.Layer{{layer}, nil} {
		compiled, err := catalog.New(layers...)
		if err != nil {
			t.Fatal(err)
		}
		plans[i] = catalog.NewPlans(compiled, func(_, _ string) (string, string) { return "", "" })
	}
	results, history, err := backtest.Run(t.Context(), cfg, machines, plans...)
	if err != nil {
		t.Fatal(err)
	}
	report, err := backtest.NewReport(&cfg, machines, history, results, backtest.Labels{Failures: failures, Horizon: 7 * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []*backtest.Outcome{&report.Catalogue, report.Against} {
		l := o.Labels
		t.Logf("%d tickets: %d true, %d false, %d unknown; %d of %d failures found", len(o.Tickets), l.True, l.False, l.Unknown, l.Found, l.Failures)
		if l.Failures != 42 {
			t.Errorf("%d failures", l.Failures)
		}
	}
	if l := report.Catalogue.Labels; *l.Precision < 0.37 || *l.Recall < 0.9 || *l.FalsePerDeviceMonth > 2 || l.Lead.Median < 24*3600 {
		t.Errorf("a ticket at every error code: precision %.3f, recall %.3f, %.2f false tickets per machine and month, lead time %s", *l.Precision, *l.Recall, *l.FalsePerDeviceMonth, l.Lead.Median.Duration())
	}
	// The statistical tier needs four blocks of twenty hours: it is blind to what lasts a day, and must be silent about it.
	if n := len(report.Against.Tickets); n > 1 {
		t.Errorf("the built-in catalogue opens %d tickets", n)
	}
}
