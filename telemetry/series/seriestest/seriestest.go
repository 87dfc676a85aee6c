// Package seriestest is the conformance suite of series.Store. Every
// implementation passes all of it.
package seriestest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
)

// Harness makes stores for the suite.
type Harness struct {
	// Open opens an empty store, and called again after the store was closed, the same
	// store with its data. The suite closes what it opens.
	Open func(t testing.TB) series.Store
}

// Run runs the suite. fresh is called once per test and returns a harness whose store is empty.
func Run(t *testing.T, fresh func(t *testing.T) Harness) {
	tests := []struct {
		name string
		run  func(t *testing.T, h Harness)
	}{
		{"append and read back", appendAndReadBack},
		{"values come back exactly", exactValues},
		{"duplicates change nothing", duplicates},
		{"same time, another value", conflicting},
		{"any order", anyOrder},
		{"readings of years ago beside live ones", oldReadings},
		{"ranges are half-open", halfOpen},
		{"raw limit", rawLimit},
		{"windows are aligned and gaps stay gaps", windows},
		{"window steps", windowSteps},
		{"windows over a long range", longRange},
		{"odd names", oddNames},
		{"tenants do not see each other", tenants},
		{"last", last},
		{"nothing there", nothing},
		{"many series in one call", manySeries},
		{"empty batches", emptyBatches},
		{"concurrent use", concurrent},
		{"close and reopen", reopen},
		{"cancelled context", cancelled},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, fresh(t)) })
	}
}

// base is a time in the past that is no multiple of any round step.
var base = time.Date(2026, 3, 2, 10, 7, 13, 421e6, time.UTC)

const minute = int64(time.Minute / time.Millisecond)

func open(t testing.TB, h Harness) series.Store {
	t.Helper()
	s := h.Open(t)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// put appends points of one series and fails the test when any is dropped.
func put(t testing.TB, s series.Store, k series.Key, points ...series.Point) {
	t.Helper()
	dropped, err := s.Append(t.Context(), []telemetry.Batch{batch(k, points...)})
	if err != nil {
		t.Fatalf("append %v: %v", k, err)
	}
	if dropped != 0 {
		t.Fatalf("append %v: %d of %d readings dropped", k, dropped, len(points))
	}
}

func batch(k series.Key, points ...series.Point) telemetry.Batch {
	b := telemetry.Batch{Tenant: k.Tenant, Device: k.Device, Arrival: base.UnixMilli()}
	for _, p := range points {
		b.Samples = append(b.Samples, telemetry.Sample{Metric: k.Metric, Time: p.Time, Value: p.Value})
	}
	return b
}

func key(device, metric string) series.Key {
	return series.Key{Tenant: telemetry.DefaultTenant, Device: device, Metric: metric}
}

// at returns the range of milliseconds [from, to).
func at(from, to int64) series.Range {
	return series.Range{From: time.UnixMilli(from), To: time.UnixMilli(to)}
}

func raw(t testing.TB, s series.Store, k series.Key, r series.Range) []series.Point {
	t.Helper()
	got, err := s.Raw(t.Context(), k, r, 1_000_000)
	if err != nil {
		t.Fatalf("raw %v: %v", k, err)
	}
	return got
}

func wantPoints(t testing.TB, got, want []series.Point) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d points, want %d\n got %v\nwant %v", len(got), len(want), head(got), head(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("point %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func head(p []series.Point) []series.Point { return p[:min(len(p), 8)] }

// ramp returns n points, one every step milliseconds from start, valued 0, 1, 2...
func ramp(start, step int64, n int) []series.Point {
	points := make([]series.Point, n)
	for i := range points {
		points[i] = series.Point{Time: start + int64(i)*step, Value: float64(i)}
	}
	return points
}

func appendAndReadBack(t *testing.T, h Harness) {
	s := open(t, h)
	start := base.UnixMilli()
	a, b := key("car-1", "coolant_temp"), key("car-1", "rpm")
	wantA, wantB := ramp(start, 1000, 600), ramp(start+500, 1000, 600)
	dropped, err := s.Append(t.Context(), []telemetry.Batch{batch(a, wantA[:300]...), batch(b, wantB...), batch(a, wantA[300:]...)})
	if err != nil || dropped != 0 {
		t.Fatalf("append: dropped %d, err %v", dropped, err)
	}
	wantPoints(t, raw(t, s, a, at(start, start+3600e3)), wantA)
	wantPoints(t, raw(t, s, b, at(start, start+3600e3)), wantB)
	if err := s.Sync(t.Context()); err != nil {
		t.Fatalf("sync: %v", err)
	}
}

func exactValues(t *testing.T, h Harness) {
	s := open(t, h)
	values := []float64{0, 1, -1, 0.1, -273.15, math.Pi, 1e-300, -1e-300, 1e300, -1e300, math.MaxFloat64, -math.MaxFloat64,
		math.SmallestNonzeroFloat64, 1 << 53, 1<<53 - 1, -(1 << 53), 123456789.123456789, 1e21, 1e-7}
	k := key("car-1", "value")
	var want []series.Point
	for i, v := range values {
		want = append(want, series.Point{Time: base.UnixMilli() + int64(i), Value: v})
	}
	put(t, s, k, want...)
	wantPoints(t, raw(t, s, k, at(base.UnixMilli(), base.UnixMilli()+1000)), want)
}

func duplicates(t *testing.T, h Harness) {
	s := open(t, h)
	k, start := key("car-1", "rpm"), base.UnixMilli()
	want := ramp(start, 1000, 500)
	put(t, s, k, want...)
	put(t, s, k, want...)
	put(t, s, k, want[100:200]...)
	put(t, s, k, want[3], want[3], want[3])
	wantPoints(t, raw(t, s, k, at(start, start+3600e3)), want)
	w, err := s.Windows(t.Context(), k, at(start, start+3600e3), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var count int64
	for _, w := range w {
		count += w.Count
	}
	if count != 500 {
		t.Fatalf("windows count %d readings, want 500", count)
	}
}

func conflicting(t *testing.T, h Harness) {
	s := open(t, h)
	k, start := key("car-1", "rpm"), base.UnixMilli()
	put(t, s, k, ramp(start, 1000, 10)...)
	put(t, s, k, series.Point{Time: start + 9000, Value: 77}, series.Point{Time: start + 4000, Value: 77})
	got := raw(t, s, k, at(start, start+3600e3))
	if len(got) != 10 {
		t.Fatalf("got %d points, want 10: %v", len(got), got)
	}
	for i, p := range got {
		if p.Value != float64(i) && (p.Value != 77 || i != 9 && i != 4) {
			t.Errorf("point %d is %v: neither the first nor the second value", i, p)
		}
	}
}

func anyOrder(t *testing.T, h Harness) {
	s := open(t, h)
	k, start := key("car-1", "rpm"), base.UnixMilli()
	want := ramp(start, minute, 14*24*60) // two weeks
	shuffled := append([]series.Point(nil), want...)
	rng := rand.New(rand.NewPCG(1, 2))
	rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for len(shuffled) > 0 {
		n := min(len(shuffled), 1000)
		put(t, s, k, shuffled[:n]...)
		shuffled = shuffled[n:]
	}
	wantPoints(t, raw(t, s, k, at(start, start+15*24*60*minute)), want)
}

func oldReadings(t *testing.T, h Harness) {
	s := open(t, h)
	live := key("car-1", "rpm")
	now := ramp(base.UnixMilli(), 1000, 100)
	put(t, s, live, now...)
	for _, year := range []int{2020, 2013, 1999, 2020} { // a skab replay, a NAB replay, an archive, and again
		start := time.Date(year, 3, 9, 10, 14, 33, 0, time.UTC).UnixMilli()
		for _, k := range []series.Key{live, key("pump-1", "pressure")} {
			want := ramp(start, 1000, 1200)
			put(t, s, k, want[:700]...)
			put(t, s, k, want[600:]...)
			wantPoints(t, raw(t, s, k, at(start, start+3600e3)), want)
		}
	}
	wantPoints(t, raw(t, s, live, at(now[0].Time, now[0].Time+3600e3)), now)
	got, err := s.Last(t.Context(), live.Tenant, live.Device)
	if err != nil || got["rpm"] != now[99] {
		t.Fatalf("last is %v, %v; want %v", got, err, now[99])
	}
}

func halfOpen(t *testing.T, h Harness) {
	s := open(t, h)
	k, start := key("car-1", "rpm"), base.UnixMilli()
	points := ramp(start, 10, 10)
	put(t, s, k, points...)
	for _, test := range []struct {
		from, to time.Time
		want     []series.Point
	}{
		{time.UnixMilli(start), time.UnixMilli(start + 10), points[:1]},
		{time.UnixMilli(start), time.UnixMilli(start + 11), points[:2]},
		{time.UnixMilli(start + 1), time.UnixMilli(start + 10), nil},
		{time.UnixMilli(start).Add(time.Microsecond), time.UnixMilli(start + 11), points[1:2]},
		{time.UnixMilli(start), time.UnixMilli(start + 10).Add(time.Microsecond), points[:2]},
		{time.UnixMilli(start), time.UnixMilli(start), nil},
		{time.UnixMilli(start + 50), time.UnixMilli(start), nil},
	} {
		wantPoints(t, raw(t, s, k, series.Range{From: test.from, To: test.to}), test.want)
	}
}

func rawLimit(t *testing.T, h Harness) {
	s := open(t, h)
	k, start := key("car-1", "rpm"), base.UnixMilli()
	want := ramp(start, 1000, 100)
	put(t, s, k, want...)
	for _, limit := range []int{1, 7, 100, 1000} {
		got, err := s.Raw(t.Context(), k, at(start, start+3600e3), limit)
		if err != nil {
			t.Fatal(err)
		}
		wantPoints(t, got, want[:min(limit, 100)])
	}
	for _, limit := range []int{0, -1} {
		if got, err := s.Raw(t.Context(), k, at(start, start+3600e3), limit); err != nil || len(got) != 0 {
			t.Fatalf("limit %d: %v, %v; want nothing", limit, got, err)
		}
	}
}

func windows(t *testing.T, h Harness) {
	s := open(t, h)
	k := key("car-1", "coolant_temp")
	hour := base.Truncate(time.Hour).UnixMilli()
	put(t, s, k,
		series.Point{Time: hour, Value: -4},
		series.Point{Time: hour + 1, Value: 8},
		series.Point{Time: hour + 5*minute - 1, Value: 2},
		// [5, 10) stays empty
		series.Point{Time: hour + 10*minute, Value: -1},
		series.Point{Time: hour + 15*minute, Value: 1e9},
		series.Point{Time: hour + 16*minute, Value: 3e9},
	)
	want := []series.Window{
		{Start: hour, Mean: 2, Min: -4, Max: 8, Count: 3},
		{Start: hour + 10*minute, Mean: -1, Min: -1, Max: -1, Count: 1},
		{Start: hour + 15*minute, Mean: 2e9, Min: 1e9, Max: 3e9, Count: 2},
	}
	wantWindows(t, s, k, at(hour-60*minute, hour+60*minute), 5*time.Minute, want)
	// A range that cuts a window summarises what lies inside, and keeps the start of the window.
	want[0] = series.Window{Start: hour, Mean: 5, Min: 2, Max: 8, Count: 2}
	want[2] = series.Window{Start: hour + 15*minute, Mean: 1e9, Min: 1e9, Max: 1e9, Count: 1}
	wantWindows(t, s, k, at(hour+1, hour+16*minute), 5*time.Minute, want)
}

func wantWindows(t testing.TB, s series.Store, k series.Key, r series.Range, step time.Duration, want []series.Window) {
	t.Helper()
	got, err := s.Windows(t.Context(), k, r, step)
	if err != nil {
		t.Fatalf("windows: %v", err)
	}
	if len(got) != len(want) {
		t.Fatalf("got %d windows, want %d\n got %v\nwant %v", len(got), len(want), got, want)
	}
	for i := range want {
		if !same(got[i], want[i]) {
			t.Errorf("window %d is %+v, want %+v", i, got[i], want[i])
		}
	}
}

func same(a, b series.Window) bool {
	return a.Start == b.Start && a.Count == b.Count && a.Min == b.Min && a.Max == b.Max &&
		math.Abs(a.Mean-b.Mean) <= 1e-9*max(1, math.Abs(b.Mean))
}

func windowSteps(t *testing.T, h Harness) {
	s := open(t, h)
	k, start := key("car-1", "rpm"), base.UnixMilli()
	points := ramp(start, 777, 3000)
	put(t, s, k, points...)
	for _, step := range []time.Duration{time.Millisecond * 250, time.Second, 7 * time.Second, time.Minute, 17 * time.Minute, time.Hour, 24 * time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			wantWindows(t, s, k, at(start, start+3600e3), step, summarise(points, step.Milliseconds()))
		})
	}
	for _, step := range []time.Duration{0, -time.Second, time.Microsecond, 1500 * time.Microsecond} {
		if _, err := s.Windows(t.Context(), k, at(start, start+3600e3), step); err == nil {
			t.Errorf("step %v is not refused", step)
		}
	}
}

// summarise is the plain definition of windows.
func summarise(points []series.Point, step int64) []series.Window {
	var out []series.Window
	for _, p := range points {
		start := p.Time - p.Time%step
		if len(out) == 0 || out[len(out)-1].Start != start {
			out = append(out, series.Window{Start: start, Min: p.Value, Max: p.Value})
		}
		w := &out[len(out)-1]
		w.Mean = (w.Mean*float64(w.Count) + p.Value) / float64(w.Count+1)
		w.Count++
		w.Min, w.Max = min(w.Min, p.Value), max(w.Max, p.Value)
	}
	return out
}

func longRange(t *testing.T, h Harness) {
	s := open(t, h)
	k := key("car-1", "rpm")
	old := ramp(time.Date(2014, 5, 1, 3, 0, 0, 0, time.UTC).UnixMilli(), minute, 120)
	now := ramp(base.UnixMilli(), minute, 120)
	put(t, s, k, now...)
	put(t, s, k, old...)
	all := append(append([]series.Point(nil), old...), now...)
	r := series.Range{From: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), To: base.AddDate(1, 0, 0)}
	wantWindows(t, s, k, r, time.Hour, summarise(all, 60*minute))
	wantPoints(t, raw(t, s, k, r), all)
}

func oddNames(t *testing.T, h Harness) {
	s := open(t, h)
	start := base.UnixMilli()
	names := []string{
		"plain", "with space", "comma,name", "equals=name", "quote\"name", "single'quote", `back\slash`, `ends in \`, "a\\,b", `\"`,
		"öltemperatur °C", "冷却液温度", "🚗", "dollar$name", "$tag", "a.b.c", "a:b", "{curly}", "(paren)", "semi;colon", "--comment", "/*", "/regex/",
		"time", "value", "device", "metric", "__name__", "tenant", "select", "_measurement", "_field", "null", "true", "1", "1i", "%d", "#hash", "`tick`", "|pipe",
	}
	for i, name := range names {
		put(t, s, key("plain device", name), series.Point{Time: start, Value: float64(i)})
		if telemetry.ValidDeviceID(name) == nil {
			put(t, s, key(name, "plain metric"), series.Point{Time: start, Value: float64(-i)})
		}
		put(t, s, series.Key{Tenant: name, Device: "d", Metric: "m"}, series.Point{Time: start, Value: float64(1000 + i)})
	}
	r := at(start, start+1)
	for i, name := range names {
		wantPoints(t, raw(t, s, key("plain device", name), r), []series.Point{{Time: start, Value: float64(i)}})
		if telemetry.ValidDeviceID(name) == nil {
			wantPoints(t, raw(t, s, key(name, "plain metric"), r), []series.Point{{Time: start, Value: float64(-i)}})
			wantWindows(t, s, key(name, "plain metric"), r, time.Second,
				[]series.Window{{Start: start - start%1000, Mean: float64(-i), Min: float64(-i), Max: float64(-i), Count: 1}})
			wantLast(t, s, telemetry.DefaultTenant, name, map[string]series.Point{"plain metric": {Time: start, Value: float64(-i)}})
		}
		wantPoints(t, raw(t, s, series.Key{Tenant: name, Device: "d", Metric: "m"}, r), []series.Point{{Time: start, Value: float64(1000 + i)}})
	}
	want := map[string]series.Point{}
	for i, name := range names {
		want[name] = series.Point{Time: start, Value: float64(i)}
	}
	wantLast(t, s, telemetry.DefaultTenant, "plain device", want)
}

func wantLast(t testing.TB, s series.Store, tenant, device string, want map[string]series.Point) {
	t.Helper()
	got, err := s.Last(t.Context(), tenant, device)
	if err != nil {
		t.Fatalf("last of %s: %v", device, err)
	}
	if len(got) != len(want) {
		t.Errorf("last of %s has %d metrics, want %d: %v", device, len(got), len(want), got)
	}
	for name, p := range want {
		if got[name] != p {
			t.Errorf("last of %s, %s is %v, want %v", device, name, got[name], p)
		}
	}
}

func tenants(t *testing.T, h Harness) {
	s := open(t, h)
	start := base.UnixMilli()
	for i, tenant := range []string{"acme", "acme2", "default"} {
		put(t, s, series.Key{Tenant: tenant, Device: "car-1", Metric: "rpm"}, series.Point{Time: start, Value: float64(i)})
	}
	for i, tenant := range []string{"acme", "acme2", "default"} {
		k := series.Key{Tenant: tenant, Device: "car-1", Metric: "rpm"}
		p := series.Point{Time: start, Value: float64(i)}
		wantPoints(t, raw(t, s, k, at(start, start+1000)), []series.Point{p})
		wantLast(t, s, tenant, "car-1", map[string]series.Point{"rpm": p})
	}
	wantPoints(t, raw(t, s, series.Key{Tenant: "other", Device: "car-1", Metric: "rpm"}, at(start, start+1000)), nil)
	wantLast(t, s, "other", "car-1", nil)
}

func last(t *testing.T, h Harness) {
	s := open(t, h)
	start := base.UnixMilli()
	rpm, temp, silent := key("car-1", "rpm"), key("car-1", "temp"), key("car-1", "silent")
	put(t, s, silent, series.Point{Time: start - 400*24*60*minute, Value: 5})
	put(t, s, rpm, ramp(start, 1000, 10)...)
	put(t, s, temp, ramp(start-3600e3, 1000, 5)...)
	put(t, s, key("car-2", "rpm"), ramp(start+60e3, 1000, 5)...)
	want := map[string]series.Point{
		"rpm":    {Time: start + 9000, Value: 9},
		"temp":   {Time: start - 3600e3 + 4000, Value: 4},
		"silent": {Time: start - 400*24*60*minute, Value: 5},
	}
	wantLast(t, s, telemetry.DefaultTenant, "car-1", want)
	// A late reading is not the last one; a newer one is.
	put(t, s, rpm, series.Point{Time: start + 8500, Value: 77})
	wantLast(t, s, telemetry.DefaultTenant, "car-1", want)
	want["rpm"] = series.Point{Time: start + 20e3, Value: 20}
	put(t, s, rpm, want["rpm"])
	wantLast(t, s, telemetry.DefaultTenant, "car-1", want)
}

func nothing(t *testing.T, h Harness) {
	s := open(t, h)
	start := base.UnixMilli()
	k := key("car-1", "rpm")
	for _, stage := range []string{"empty store", "other series"} {
		wantPoints(t, raw(t, s, k, at(start, start+3600e3)), nil)
		wantWindows(t, s, k, at(start, start+3600e3), time.Minute, nil)
		wantLast(t, s, telemetry.DefaultTenant, "car-1", nil)
		if t.Failed() {
			t.Fatal(stage)
		}
		put(t, s, key("car-2", "rpm"), ramp(start, 1000, 10)...)
		put(t, s, key("car-2", "temp"), ramp(start, 1000, 10)...)
	}
	wantPoints(t, raw(t, s, key("car-2", "rpm"), at(start+3600e3, start+7200e3)), nil)
	wantPoints(t, raw(t, s, key("car-2", "oil"), at(start, start+7200e3)), nil)
}

func manySeries(t *testing.T, h Harness) {
	s := open(t, h)
	start := base.UnixMilli()
	const devices, metrics = 200, 50
	var batches []telemetry.Batch
	for d := range devices {
		b := telemetry.Batch{Tenant: telemetry.DefaultTenant, Device: fmt.Sprintf("car-%d", d)}
		for m := range metrics {
			b.Samples = append(b.Samples, telemetry.Sample{Metric: fmt.Sprintf("m%d", m), Time: start, Value: float64(d*metrics + m)})
		}
		batches = append(batches, b)
	}
	if dropped, err := s.Append(t.Context(), batches); err != nil || dropped != 0 {
		t.Fatalf("append: dropped %d, err %v", dropped, err)
	}
	for _, d := range []int{0, 1, 99, 199} {
		got, err := s.Last(t.Context(), telemetry.DefaultTenant, fmt.Sprintf("car-%d", d))
		if err != nil || len(got) != metrics {
			t.Fatalf("car-%d has %d metrics, want %d (%v)", d, len(got), metrics, err)
		}
		for m := range metrics {
			if got[fmt.Sprintf("m%d", m)].Value != float64(d*metrics+m) {
				t.Fatalf("car-%d m%d is %v", d, m, got[fmt.Sprintf("m%d", m)])
			}
		}
	}
}

func emptyBatches(t *testing.T, h Harness) {
	s := open(t, h)
	for _, batches := range [][]telemetry.Batch{nil, {}, {{Tenant: "default", Device: "car-1"}},
		{{Tenant: "default", Device: "car-1", Events: []telemetry.Event{{Code: "crash", Time: base.UnixMilli()}}}}} {
		if dropped, err := s.Append(t.Context(), batches); err != nil || dropped != 0 {
			t.Fatalf("append %v: dropped %d, err %v", batches, dropped, err)
		}
	}
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantLast(t, s, "default", "car-1", nil)
}

func concurrent(t *testing.T, h Harness) {
	s := open(t, h)
	start := base.UnixMilli()
	const writers, rounds, per = 4, 20, 25
	var wg sync.WaitGroup
	for w := range writers {
		k := key(fmt.Sprintf("car-%d", w), "rpm")
		points := ramp(start, 1000, rounds*per)
		wg.Go(func() {
			for r := range rounds {
				chunk := points[r*per : (r+1)*per]
				if _, err := s.Append(t.Context(), []telemetry.Batch{batch(k, chunk...)}); err != nil {
					t.Errorf("append: %v", err)
					return
				}
				// What Append returned for can be read back at once.
				got, err := s.Raw(t.Context(), k, at(chunk[0].Time, chunk[per-1].Time+1), per)
				if err != nil || len(got) != per {
					t.Errorf("read %d of %d readings back: %v", len(got), per, err)
					return
				}
				if newest, err := s.Last(t.Context(), k.Tenant, k.Device); err != nil || newest["rpm"] != chunk[per-1] {
					t.Errorf("last is %v, want %v: %v", newest, chunk[per-1], err)
					return
				}
			}
		})
		wg.Go(func() {
			for range rounds {
				if _, err := s.Windows(t.Context(), k, at(start, start+3600e3), time.Minute); err != nil {
					t.Errorf("windows: %v", err)
				}
				if err := s.Sync(t.Context()); err != nil {
					t.Errorf("sync: %v", err)
				}
			}
		})
	}
	wg.Wait()
	for w := range writers {
		wantPoints(t, raw(t, s, key(fmt.Sprintf("car-%d", w), "rpm"), at(start, start+3600e3)), ramp(start, 1000, rounds*per))
	}
}

func reopen(t *testing.T, h Harness) {
	start := base.UnixMilli()
	k, other := key("car-1", "rpm"), key("car-2", "rpm")
	now, old := ramp(start, 1000, 500), ramp(start-14*24*60*minute, minute, 500)
	s := h.Open(t)
	put(t, s, k, now...)
	put(t, s, other, old...)
	put(t, s, k, old...)
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	s = open(t, h)
	week := series.Range{From: base.AddDate(0, -1, 0), To: base.AddDate(0, 1, 0)}
	wantPoints(t, raw(t, s, other, week), old)
	wantPoints(t, raw(t, s, k, week), append(append([]series.Point(nil), old...), now...))
	wantLast(t, s, k.Tenant, k.Device, map[string]series.Point{"rpm": now[499]})
	wantLast(t, s, k.Tenant, other.Device, map[string]series.Point{"rpm": old[499]})
	// The replay of a journal appends again what is stored.
	put(t, s, k, now[400:]...)
	next := series.Point{Time: start + 500e3, Value: 500}
	put(t, s, k, next)
	wantPoints(t, raw(t, s, k, at(start, start+3600e3)), append(now, next))
}

func cancelled(t *testing.T, h Harness) {
	s := open(t, h)
	k, start := key("car-1", "rpm"), base.UnixMilli()
	put(t, s, k, ramp(start, 1000, 10)...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Append(ctx, []telemetry.Batch{batch(k, series.Point{Time: start + 60e3, Value: 1})}); err == nil {
		t.Error("append with a cancelled context succeeds")
	}
	if _, err := s.Raw(ctx, k, at(start, start+3600e3), 10); err == nil {
		t.Error("raw with a cancelled context succeeds")
	}
	if _, err := s.Windows(ctx, k, at(start, start+3600e3), time.Minute); err == nil {
		t.Error("windows with a cancelled context succeeds")
	}
	if err := s.Sync(ctx); err == nil {
		t.Error("sync with a cancelled context succeeds")
	}
	wantPoints(t, raw(t, s, k, at(start, start+3600e3)), ramp(start, 1000, 10))
}
