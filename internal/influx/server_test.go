package influx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/internal/realserver"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
)

var start = time.Date(2026, 3, 2, 10, 7, 13, 0, time.UTC).UnixMilli()

func readings(device string, times ...int64) []telemetry.Batch {
	b := telemetry.Batch{Tenant: "default", Device: device}
	for _, t := range times {
		b.Samples = append(b.Samples, telemetry.Sample{Metric: "rpm", Time: t, Value: 1})
	}
	return []telemetry.Batch{b}
}

// An outage is an error that a retry mends, in both directions, and nothing is lost that was answered.
func TestServerGoesAwayAndComesBack(t *testing.T) {
	server := realserver.Influx(t)
	s := open(t, DefaultConfig(server.URL, server.Token, server.Database))
	defer s.Close()
	if _, err := s.Append(t.Context(), readings("car-1", start)); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	if _, err := s.Append(t.Context(), readings("car-1", start+1000)); !errors.Is(err, series.ErrUnavailable) {
		t.Fatalf("append without a server: %v, want ErrUnavailable", err)
	}
	if _, err := s.Last(t.Context(), "default", "car-1"); !errors.Is(err, series.ErrUnavailable) {
		t.Fatalf("last without a server: %v, want ErrUnavailable", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Append(ctx, readings("car-1", start+1000)); errors.Is(err, series.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Fatalf("append that was cancelled: %v, want context.Canceled alone", err)
	}
	late := open(t, DefaultConfig(server.URL, server.Token, "made later")) // opening does not need the server
	defer late.Close()
	server.Start()
	for _, s := range []*Store{s, late} {
		if _, err := s.Append(t.Context(), readings("car-1", start+1000)); err != nil {
			t.Fatalf("append after the server came back: %v", err)
		}
	}
	got, err := s.Raw(t.Context(), series.Key{Tenant: "default", Device: "car-1", Metric: "rpm"},
		series.Range{From: time.UnixMilli(start), To: time.UnixMilli(start + 60e3)}, 10)
	if err != nil || len(got) != 2 {
		t.Fatalf("after the outage: %v, %v; want the readings of before and after", got, err)
	}
}

// A database that is dropped while Presage runs is made again.
func TestDatabaseDropped(t *testing.T) {
	server := realserver.Influx(t)
	s := open(t, DefaultConfig(server.URL, server.Token, server.Database))
	defer s.Close()
	if _, err := s.query(t.Context(), "DROP DATABASE "+quoteIdent(server.Database)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), readings("car-1", start)); err != nil {
		t.Fatal(err)
	}
	if last, err := s.Last(t.Context(), "default", "car-1"); err != nil || len(last) != 1 {
		t.Fatalf("last: %v, %v", last, err)
	}
}

func TestRetention(t *testing.T) {
	server := realserver.Influx(t)
	cfg := DefaultConfig(server.URL, server.Token, server.Database)
	cfg.Retention = 30 * 24 * time.Hour
	s := open(t, cfg)
	defer s.Close()
	now := time.Now().UnixMilli()
	dropped, err := s.Append(t.Context(), readings("car-1", 1, start-100*365*86400e3, now-60*86400e3, now, maxTime+1))
	if err != nil || dropped != 4 {
		t.Fatalf("dropped %d, %v; want 4: two beyond the retention, two that no store keeps", dropped, err)
	}
	last, err := s.Last(t.Context(), "default", "car-1")
	if err != nil || last["rpm"].Time != now {
		t.Fatalf("last: %v, %v", last, err)
	}
}

func TestWrongPassword(t *testing.T) {
	server := realserver.Influx(t)
	_, err := Open(t.Context(), DefaultConfig(server.URL, "presage:wrong", server.Database))
	if err == nil || !strings.Contains(err.Error(), "check the token") {
		t.Fatalf("open with a wrong password: %v, want advice", err)
	}
}

// What the server answers decides between trying again and giving up on the data.
func TestClassify(t *testing.T) {
	for _, test := range []struct {
		status      int
		body        string
		unavailable bool
	}{
		{400, `{"code":"invalid","message":"unable to parse"}`, false},
		{413, `{"code":"request too large","message":"too large"}`, false},
		{422, `{"code":"unprocessable entity","message":"no"}`, false},
		{401, `{"code":"unauthorized","message":"unauthorized"}`, true},
		{403, `{"error":"forbidden"}`, true},
		{408, ``, true},
		{429, `{"code":"too many requests","message":"slow down"}`, true},
		{500, `{"error":"engine: cache-max-memory-size exceeded"}`, true},
		{502, `<html>bad gateway</html>`, true},
		{503, ``, true},
		{302, ``, true},
	} {
		t.Run(fmt.Sprint(test.status), func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/query" {
					fmt.Fprint(w, `{"results":[{"series":[{"values":[["db"]]}]}]}`)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.body)
			}))
			defer server.Close()
			s := open(t, DefaultConfig(server.URL, "t", "db"))
			defer s.Close()
			_, err := s.Append(t.Context(), readings("car-1", start))
			if err == nil || errors.Is(err, series.ErrUnavailable) != test.unavailable {
				t.Fatalf("%d is %v; unavailable should be %v", test.status, err, test.unavailable)
			}
		})
	}
}

func TestConfigRefused(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no scheme":   func(c *Config) { c.URL = "localhost:8086" },
		"ftp":         func(c *Config) { c.URL = "ftp://localhost" },
		"no database": func(c *Config) { c.Database = "" },
		"slash":       func(c *Config) { c.Database = "a/b" },
		"retention":   func(c *Config) { c.Retention = time.Second },
		"no timeout":  func(c *Config) { c.Timeout = 0 },
	} {
		cfg := DefaultConfig("http://127.0.0.1:1", "t", "db")
		change(&cfg)
		if s, err := Open(t.Context(), cfg); err == nil {
			s.Close()
			t.Errorf("%s is not refused", name)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"", "rpm", `\`, `%5C`, `%25`, `%255C`, `%%25`, `a\%5C`, `%2\`, "50 % öl"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		tag := encodeName(name)
		if strings.Contains(tag, `\`) {
			t.Fatalf("%q is written %q, with a backslash", name, tag)
		}
		if got := decodeName(tag); got != name {
			t.Fatalf("%q is written %q and read %q", name, tag, got)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(200, []byte(`{"results":[{"statement_id":0,"series":[{"name":"reading","tags":{"metric":"rpm"},"columns":["time","last"],"values":[[1,2.5]]}]}]}`))
	f.Add(200, []byte(`{"results":[{"error":"database not found: x"}]}`))
	f.Add(401, []byte(`{"error":"authorization failed"}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		rows, err := parse(status, body)
		if err != nil {
			return
		}
		for _, r := range rows {
			for _, v := range r.Values {
				var p series.Point
				_ = scan(v, &p.Time, &p.Value) // must not panic
			}
		}
	})
}
