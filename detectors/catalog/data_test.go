package catalog

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
)

// recording is one CSV file of the test data: rows of readings taken together.
type recording struct {
	name    string
	metrics []string
	times   []int64 // Unix milliseconds
	rows    [][]float64
	faulty  []bool // labels, for judging only
}

// dataDir returns a folder of the test data: PRESAGE_TEST_DATA, or shared/data beside the module.
func dataDir(t testing.TB, sub string) string {
	t.Helper()
	root := os.Getenv("PRESAGE_TEST_DATA")
	if root == "" {
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for ; ; dir = filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				break
			}
			if dir == filepath.Dir(dir) {
				t.Fatal("no go.mod above the test")
			}
		}
		root = filepath.Join(dir, "..", "shared", "data")
	}
	path := filepath.Join(root, sub)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("test data is missing: %v", err)
		}
		t.Skipf("test data is missing (set PRESAGE_TEST_DATA): %v", err)
	}
	return path
}

// readSKAB reads a recording of the pump test bed: one reading of every sensor a second.
func readSKAB(t testing.TB, name string) recording {
	rows := readCSV(t, name, ';')
	r := recording{name: filepath.Base(name)}
	for i, c := range rows[0] {
		if i > 0 && c != "anomaly" && c != "changepoint" {
			r.metrics = append(r.metrics, c)
		}
	}
	for _, row := range rows[1:] {
		at, err := time.Parse(time.DateTime, row[0])
		if err != nil {
			t.Fatal(err)
		}
		r.add(t, at.UnixMilli(), row[1:1+len(r.metrics)], len(row) > len(r.metrics)+1 && number(t, row[len(r.metrics)+1]) == 1)
	}
	return r
}

// readCar reads a trip. It has no time stamps: either rows are taken to be half a second apart, as they were recorded, or, with
// runTime, its seconds since the engine started are, which several rows share: the first of them counts.
func readCar(t testing.TB, name string, runTime bool) recording {
	rows := readCSV(t, name, ',')
	r := recording{name: filepath.Base(name), metrics: rows[0][1:]}
	start := time.Date(2020, 6, 1, 8, 0, 0, 0, time.UTC).UnixMilli()
	for i, row := range rows[1:] {
		at := start + int64(i)*500
		if runTime {
			at = start + int64(1000*number(t, row[0]))
		}
		r.add(t, at, row[1:], false)
	}
	return r
}

func (r *recording) add(t testing.TB, at int64, cells []string, faulty bool) {
	values := make([]float64, len(cells))
	for i, c := range cells {
		values[i] = number(t, c)
	}
	r.times, r.rows, r.faulty = append(r.times, at), append(r.rows, values), append(r.faulty, faulty)
}

func number(t testing.TB, s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func readCSV(t testing.TB, name string, comma rune) [][]string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = comma
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return rows
}

func glob(t testing.TB, dir, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("no %s in %s (%v)", pattern, dir, err)
	}
	sort.Strings(names)
	return names
}

// batch returns row i as a message.
func (r *recording) batch(device string, i int) telemetry.Batch {
	b := telemetry.Batch{Tenant: telemetry.DefaultTenant, Device: device, Arrival: r.times[i] + 50}
	for j, m := range r.metrics {
		b.Samples = append(b.Samples, telemetry.Sample{Metric: m, Time: r.times[i], Value: r.rows[i][j]})
	}
	return b
}

// replay feeds a recording to an engine, ticks included, and returns the findings that may open tickets.
func (r *recording) replay(e *detectors.Engine, device string) []detectors.Finding {
	return slices.DeleteFunc(r.replayAll(e, device), func(f detectors.Finding) bool { return f.Phase != detectors.Raised })
}

// replayAll does the same and returns what adds to tickets too.
func (r *recording) replayAll(e *detectors.Engine, device string) []detectors.Finding {
	var found []detectors.Finding
	keep := func(fs []detectors.Finding) {
		for _, f := range fs {
			if f.Withheld == "" && f.Phase != detectors.Cleared {
				found = append(found, f)
			}
		}
	}
	next := r.times[0]
	for i := range r.rows {
		for ; next <= r.times[i]; next += 1000 {
			keep(e.Tick(next))
		}
		b := r.batch(device, i)
		keep(e.Apply(&b))
	}
	return found
}

func newEngine(t testing.TB) *detectors.Engine {
	t.Helper()
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return detectors.NewEngine(detectors.DefaultConfig(), NewPlans(c, func(string, string) (string, string) { return "", "" }))
}
