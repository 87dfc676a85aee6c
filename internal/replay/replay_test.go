package replay

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/presage-pdm/presage/internal/realserver"
)

// patience bounds how long a test waits for what must come.
const patience = 20 * time.Second

// reading is a payload of one row as a receiver reads it.
type reading struct {
	TS     int64              `json:"ts"`
	Values map[string]float64 `json:"values"`
	Code   string             `json:"code"`
	topic  string
}

// receiver is a durable session that keeps what it gets.
type receiver struct {
	mu   sync.Mutex
	cond sync.Cond
	got  []reading
}

func listen(t *testing.T, url string) *receiver {
	t.Helper()
	r := &receiver{}
	r.cond.L = &r.mu
	o := mqtt.NewClientOptions().AddBroker(url).SetClientID("receiver").SetCleanSession(false).
		SetMaxReconnectInterval(100 * time.Millisecond).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
			var rows []reading
			payload := m.Payload()
			if payload[0] != '[' {
				payload = slices.Concat([]byte{'['}, payload, []byte{']'})
			}
			if err := json.Unmarshal(payload, &rows); err != nil {
				t.Errorf("payload %q: %v", m.Payload(), err)
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, row := range rows {
				row.topic = m.Topic()
				r.got = append(r.got, row)
			}
			r.cond.Broadcast()
		})
	client := mqtt.NewClient(o)
	if token := client.Connect(); !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	t.Cleanup(func() { client.Disconnect(0) })
	if token := client.Subscribe("#", 1, nil); !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	return r
}

// await returns what came when ok is true of it.
func (r *receiver) await(t *testing.T, ok func([]reading) bool) []reading {
	t.Helper()
	late := false
	timer := time.AfterFunc(patience, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		late = true
		r.cond.Broadcast()
	})
	defer timer.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for !ok(r.got) {
		if late {
			t.Fatalf("%d rows came within %s", len(r.got), patience)
		}
		r.cond.Wait()
	}
	return slices.Clone(r.got)
}

func (r *receiver) rows(t *testing.T, n int) []reading {
	t.Helper()
	return r.await(t, func(got []reading) bool { return len(got) >= n })
}

func testConfig(url string) Config {
	c := DefaultConfig()
	c.Broker, c.Device, c.Patience = url, "dev", patience
	return c
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// data returns a file of the shared test data.
func data(t *testing.T, name ...string) string {
	t.Helper()
	root := os.Getenv("PRESAGE_TEST_DATA")
	if root == "" {
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				break
			}
			if dir == filepath.Dir(dir) {
				t.Fatal("the module's root is not above the test")
			}
			dir = filepath.Dir(dir)
		}
		root = filepath.Join(dir, "..", "shared", "data")
	}
	path := filepath.Join(append([]string{root}, name...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("test data is missing: %v", err)
		}
		t.Skipf("test data is missing, set PRESAGE_TEST_DATA to its folder: %v", err)
	}
	return path
}

// TestWaterPump replays a recording with semicolons and labels, and compares all of it.
func TestWaterPump(t *testing.T) {
	path := data(t, "skab", "valve1", "0.csv")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	reader := csv.NewReader(bytes.NewReader(raw))
	reader.Comma = ';'
	want, err := reader.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	m := realserver.Mosquitto(t)
	r := listen(t, m.URL)
	c := testConfig(m.URL)
	c.TimeColumn, c.Ignore = "datetime", []string{"anomaly", "changepoint"}
	var bar bytes.Buffer
	c.Progress = &bar
	result, err := Run(t.Context(), c, []string{path})
	if err != nil {
		t.Fatal(err)
	}
	rows := len(want) - 1
	messages := int64((rows + c.Batch - 1) / c.Batch)
	if result != (Result{Rows: int64(rows), Sent: messages, Acked: messages}) {
		t.Errorf("got %+v, want %d rows in %d messages", result, rows, messages)
	}
	if !strings.Contains(bar.String(), "replay") {
		t.Errorf("the progress bar shows %q", bar.String())
	}
	for i, got := range r.rows(t, rows) {
		at, err := time.Parse(time.DateTime, want[i+1][0])
		if err != nil {
			t.Fatal(err)
		}
		// The recording has one row a second, some of them doubled.
		if d := got.TS - at.UnixMilli(); d < 0 || d >= 1000 || got.topic != "presage/v1/dev/telemetry" {
			t.Fatalf("row %d: got time %d on %s, want %d", i, got.TS, got.topic, at.UnixMilli())
		}
		if len(got.Values) != 8 {
			t.Fatalf("row %d: got %v", i, got.Values)
		}
		for j, name := range want[0][1:9] {
			if v, err := strconv.ParseFloat(want[i+1][j+1], 64); err != nil || got.Values[name] != v {
				t.Fatalf("row %d, %s: got %v, want %v", i, name, got.Values[name], want[i+1][j+1])
			}
		}
	}
}

// TestCar replays a trip whose clock has whole seconds at two rows a second.
func TestCar(t *testing.T) {
	path := data(t, "car_obd", "drive1.csv")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows := bytes.Count(bytes.TrimSpace(raw), []byte("\n"))
	m := realserver.Mosquitto(t)
	r := listen(t, m.URL)
	c := testConfig(m.URL)
	c.TimeColumn, c.Start = "ENGINE_RUN_TIME", time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	result, err := Run(t.Context(), c, []string{path})
	if err != nil || result.Rows != int64(rows) || result.Acked != result.Sent {
		t.Fatalf("got %+v, %v, want %d rows", result, err, rows)
	}
	got := r.rows(t, rows)
	if got[0].TS != c.Start.UnixMilli() || got[0].Values["COOLANT_TEMPERATURE"] != 81 {
		t.Errorf("the first row is %v", got[0])
	}
	for i := 1; i < len(got); i++ {
		if got[i].TS <= got[i-1].TS {
			t.Fatalf("row %d has time %d after %d", i, got[i].TS, got[i-1].TS)
		}
	}
}

// TestBrokerGoesAway stops the broker for a moment in the middle: everything arrives, and is counted once.
func TestBrokerGoesAway(t *testing.T) {
	m := realserver.Mosquitto(t)
	r := listen(t, m.URL)
	var text strings.Builder
	text.WriteString("time,a\n")
	const rows = 20_000
	for i := range rows {
		fmt.Fprintf(&text, "%d,%d\n", 1_700_000_000_000+int64(i)*10, i)
	}
	c := testConfig(m.URL)
	c.Batch = 1
	var restart sync.WaitGroup
	restart.Go(func() {
		r.await(t, func(got []reading) bool { return len(got) > rows/10 })
		m.Stop()
		m.Start()
	})
	result, err := Run(t.Context(), c, []string{file(t, "a.csv", text.String())})
	restart.Wait()
	if err != nil || result != (Result{Rows: rows, Sent: rows, Acked: rows}) {
		t.Fatalf("got %+v, %v", result, err)
	}
	r.await(t, func(got []reading) bool {
		if len(got) < rows {
			return false
		}
		seen := map[int64]bool{}
		for _, g := range got {
			seen[g.TS] = true
		}
		return len(seen) == rows
	})
}

func TestOwnFormat(t *testing.T) {
	m := realserver.Mosquitto(t)
	r := listen(t, m.URL)
	c := testConfig(m.URL)
	c.Format = FormatPresage
	jsonl := file(t, "a.jsonl", `{"ts": 1700000000000, "values": {"a": 1.5, "b": null}}
{"ts":1700000001000,"values":{"a":2}}

{"ts":1700000001500,"code":"crash","severity":"major"}
{"ts":1700000002000,"values":{"a":3}}`)
	long := file(t, "b.csv", "timestamp,metric,value\n1700000003000,a,4\n1700000003000,b,5\n1700000003000,b,6\n1700000004000,a,NaN\n1700000004000,b,7\n")
	result, err := Run(t.Context(), c, []string{jsonl, long})
	if err != nil || result != (Result{Rows: 9, Sent: 4, Acked: 4, Skipped: 1}) {
		t.Errorf("got %+v, %v", result, err)
	}
	got := r.rows(t, 7)
	var lines []string
	for _, g := range got {
		lines = append(lines, fmt.Sprint(strings.TrimPrefix(g.topic, "presage/v1/dev/"), " ", g.TS-1_700_000_000_000, " ", g.Code, g.Values))
	}
	want := []string{
		"telemetry 0 map[a:1.5 b:0]", "telemetry 1000 map[a:2]", "event 1500 crashmap[]", "telemetry 2000 map[a:3]",
		"telemetry 3000 map[a:4 b:5]", "telemetry 3000 map[b:6]", "telemetry 4000 map[b:7]",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got  %q\nwant %q", lines, want)
	}
}

// play reads recordings without a broker.
func play(t *testing.T, c Config, texts ...string) (rows []string, result Result, err error) {
	t.Helper()
	p := &player{config: &c, clock: newClock(&c)}
	for i, text := range texts {
		path := file(t, fmt.Sprintf("f%d.csv", i), text)
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		records, err := p.open(filepath.Base(path), newReader(f))
		if err != nil {
			return rows, p.result, err
		}
		for r, err := range records {
			if err != nil {
				return rows, p.result, err
			}
			rows = append(rows, string(appendRecord(nil, r)))
		}
		p.clock.next()
	}
	return rows, p.result, nil
}

func TestCSV(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		change  func(*Config)
		texts   []string
		want    []string
		skipped int64
	}{
		{"tabs and Unix seconds", nil, []string{"ts\ta\n1700000000.5\t1\n"}, []string{`{"ts":1700000000500,"values":{"a":1}}`}, 0},
		{"RFC 3339", nil, []string{"when,Time,a\nx,2026-03-09T10:14:33.25+01:00,1\n"}, []string{`{"ts":1773047673250,"values":{"a":1}}`}, 1},
		{"a zone", func(c *Config) { c.TimeZone = berlin }, []string{"date,a\n2026-07-01 12:00:00,1\n"}, []string{`{"ts":1782900000000,"values":{"a":1}}`}, 0},
		{"byte order mark and spaces", nil, []string{"\ufefftime; a \r\n1700000000000; 1.5 \r\n"}, []string{`{"ts":1700000000000,"values":{"a":1.5}}`}, 0},
		{"quoted names", nil, []string{"time,\"a \"\"b\"\", c\"\n1700000000000,1\n"}, []string{`{"ts":1700000000000,"values":{"a \"b\", c":1}}`}, 0},
		{"cells without a number", nil, []string{"time,a,b\n1700000000000,,x\n1700000001000,NaN,2\n1700000002000,Inf,-3e2\n"},
			[]string{`{"ts":1700000001000,"values":{"b":2}}`, `{"ts":1700000002000,"values":{"b":-300}}`}, 5},
		{"same times are spread", nil, []string{"time,a\n1700000000,1\n1700000000,2\n1700000000,3\n1700000000,4\n1700000002,5\n1700000002,6\n"},
			[]string{`{"ts":1700000000000,"values":{"a":1}}`, `{"ts":1700000000250,"values":{"a":2}}`, `{"ts":1700000000500,"values":{"a":3}}`,
				`{"ts":1700000000750,"values":{"a":4}}`, `{"ts":1700000002000,"values":{"a":5}}`, `{"ts":1700000002500,"values":{"a":6}}`}, 0},
		{"same times, next one near", nil, []string{"time,a\n1700000000000,1\n1700000000000,2\n1700000000010,3\n"},
			[]string{`{"ts":1700000000000,"values":{"a":1}}`, `{"ts":1700000000005,"values":{"a":2}}`, `{"ts":1700000000010,"values":{"a":3}}`}, 0},
		{"seconds since a start, started anew, and another file", func(c *Config) { c.Start = at("2026-01-05T08:00:00Z") },
			[]string{"time,a\n0,1\n2.5,2\n0,3\n1,4\n", "time,a\n0,5\n"},
			[]string{`{"ts":1767600000000,"values":{"a":1}}`, `{"ts":1767600002500,"values":{"a":2}}`, `{"ts":1767600003500,"values":{"a":3}}`,
				`{"ts":1767600004500,"values":{"a":4}}`, `{"ts":1767600005500,"values":{"a":5}}`}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := testConfig("")
			if c.change != nil {
				c.change(&config)
			}
			got, result, err := play(t, config, c.texts...)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if result.Skipped != c.skipped {
				t.Errorf("%d skipped, want %d", result.Skipped, c.skipped)
			}
		})
	}
}

func TestErrorsNameThePlace(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
		text   string
		want   string
	}{
		{"empty", nil, "", "f0.csv: the file is empty"},
		{"no time column", nil, "a,b\n1,2\n", "f0.csv:1: no column looks like a time: name it with --time-column; the columns are a, b"},
		{"unknown time column", func(c *Config) { c.TimeColumn = "t" }, "a,b\n1,2\n", `f0.csv:1: there is no column "t"`},
		{"unknown column to ignore", func(c *Config) { c.Ignore = []string{"label"} }, "time,b\n1,2\n", `f0.csv:1: there is no column "label"`},
		{"nothing left", nil, "time\n1700000000\n", "f0.csv:1: no column is left"},
		{"bad name", nil, "time,\n1700000000,1\n", "f0.csv:1: column 2:"},
		{"needs a start", nil, "time,a\n0,1\n", `f0.csv:2: column "time": the first time is "0": when these are seconds since a start, say when it was with --start`},
		{"no time", nil, "time,a\nnow,1\n", `f0.csv:2: column "time": "now" is no time`},
		{"another form", nil, "time,a\n1700000000,1\n\n2026-01-01,2\n", `f0.csv:4: column "time": "2026-01-01" is no time like the first one, which was Unix seconds`},
		{"too few cells", nil, "time,a\n1700000000,1\n1700000001\n", "f0.csv:3: wrong number of fields"},
		{"bad quotes", nil, "time,a\n1700000000,\"1\"x\n", "f0.csv:2:"},
		{"time beyond the years", nil, "time,a\n1700000000,1\n1e30,1\n", "f0.csv:3:"},
		{"own format, other columns", func(c *Config) { c.Format = FormatPresage }, "time,metric,value\n", `f0.csv:1: there is no column "timestamp"`},
		{"own format, bad metric", func(c *Config) { c.Format = FormatPresage }, "timestamp,metric,value\n1700000000000,,1\n", `f0.csv:2: column "metric":`},
		{"lines, no JSON", func(c *Config) { c.Format = FormatPresage }, "{\"ts\":1,\"values\":{}}\n{\"ts\":\n", "f0.csv:2: no JSON object"},
		{"lines, two objects", func(c *Config) { c.Format = FormatPresage }, "{\"ts\":1,\"values\":{}}{}\n", "f0.csv:1: something follows"},
		{"lines, no time", func(c *Config) { c.Format = FormatPresage }, "{\"values\":{}}\n", `f0.csv:1: "ts" is missing`},
		{"lines, bad time", func(c *Config) { c.Format = FormatPresage }, "{\"ts\":\"x\",\"values\":{}}\n", `f0.csv:1: "ts" is "x"`},
		{"lines, neither", func(c *Config) { c.Format = FormatPresage }, "{\"ts\":1}\n", `f0.csv:1: give either "values" or "code"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := testConfig("")
			if c.change != nil {
				c.change(&config)
			}
			if _, _, err := play(t, config, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestRunRefuses(t *testing.T) {
	path := file(t, "a.csv", "time,a\n1700000000,1\n")
	for _, c := range []struct {
		change func(*Config)
		files  []string
		want   string
	}{
		{func(c *Config) { c.Format = "xml" }, []string{path}, "format"},
		{func(c *Config) { c.Device = "a/b" }, []string{path}, "device"},
		{func(c *Config) { c.Speed = math.NaN() }, []string{path}, "speed"},
		{func(c *Config) { c.Batch = 0 }, []string{path}, "batch"},
		{func(c *Config) { c.InFlight = 70_000 }, []string{path}, "in flight"},
		{func(c *Config) { c.Patience = 0 }, []string{path}, "patience"},
		{func(c *Config) { c.Broker = "localhost" }, []string{path}, "mqtt://127.0.0.1:1883"},
		{func(c *Config) {}, nil, "no file"},
		{func(c *Config) {}, []string{path + ".missing"}, "a.csv.missing"},
		{func(c *Config) {}, []string{filepath.Dir(path)}, "folder"},
		{func(c *Config) { c.Patience = time.Millisecond }, []string{path}, "connect to"},
	} {
		config := testConfig(fmt.Sprintf("mqtt://user:secret@127.0.0.1:%d", realserver.FreePort(t)))
		c.change(&config)
		_, err := Run(t.Context(), config, c.files)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace{speed: 60}
		began := time.Now()
		for _, minute := range []float64{0, 1, 5, 4, 5} { // one of them out of order
			if err := p.wait(t.Context(), 1.7e12+minute*60_000); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("five minutes took %s at 60 times the speed", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.wait(ctx, 1.8e12); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// TestStops ends a replay in real time by its context.
func TestStops(t *testing.T) {
	m := realserver.Mosquitto(t)
	r := listen(t, m.URL)
	c := testConfig(m.URL)
	c.Speed = 1
	ctx, cancel := context.WithCancel(t.Context())
	var stop sync.WaitGroup
	stop.Go(func() {
		r.rows(t, 1)
		cancel()
	})
	result, err := Run(ctx, c, []string{file(t, "a.csv", "time,a\n1700000000,1\n1700009999,2\n")})
	stop.Wait()
	if !errors.Is(err, context.Canceled) || result.Sent != 1 {
		t.Errorf("got %+v, %v", result, err)
	}
}

func FuzzCSV(f *testing.F) {
	f.Add("time,a\n1700000000,1\n1700000000,2\n", false)
	f.Add("time;a\n2026-03-09 10:14:33;x\n", true)
	f.Fuzz(func(t *testing.T, text string, fromStart bool) {
		c := testConfig("")
		if fromStart {
			c.Start = time.Unix(1_700_000_000, 0)
		}
		p := &player{config: &c, clock: newClock(&c)}
		rows, err := p.open("f.csv", newReader(strings.NewReader(text)))
		if err != nil {
			return
		}
		for r, err := range rows {
			if err != nil {
				return
			}
			if raw := appendRecord(nil, r); !json.Valid(raw) {
				t.Fatalf("%q", raw)
			}
		}
	})
}

// FuzzLines replays any lines of JSON: a line is refused with file and number, or becomes a message in the native form.
func FuzzLines(f *testing.F) {
	f.Add(`{"ts": 1700000000000, "values": {"a": 1}}` + "\n\n" + `{"ts": 1, "code": "x"}`)
	f.Add(`{"ts": 1e300, "values": {}}`)
	f.Add(`{"ts": 1, "values": {}} {}`)
	f.Fuzz(func(t *testing.T, text string) {
		c := testConfig("")
		p := &player{config: &c, clock: newClock(&c)}
		for r, err := range p.lines("f.jsonl", newReader(strings.NewReader(text))) {
			if err != nil {
				if !strings.HasPrefix(err.Error(), "f.jsonl:") {
					t.Fatalf("an error without its place: %v", err)
				}
				return
			}
			if raw := appendRecord(nil, r); !json.Valid(raw) {
				t.Fatalf("%q", raw)
			}
		}
	})
}
