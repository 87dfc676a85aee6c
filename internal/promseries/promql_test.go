package promseries

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// day is a time in the past.
var day = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC).UnixMilli()

func fill(t testing.TB, s *Store, tenant, device, metric string, n int) {
	t.Helper()
	b := telemetry.Batch{Tenant: tenant, Device: device}
	for i := range n {
		b.Samples = append(b.Samples, telemetry.Sample{Metric: metric, Time: day + int64(i)*1000, Value: float64(i)})
	}
	if dropped, err := s.Append(t.Context(), []telemetry.Batch{b}); err != nil || dropped != 0 {
		t.Fatalf("append: dropped %d, %v", dropped, err)
	}
}

func TestPromQL(t *testing.T) {
	s := open(t, DefaultConfig(t.TempDir()))
	defer s.Close()
	fill(t, s, "default", "car-7", "coolant_temp", 61)
	fill(t, s, "default", "car-7", "oil temp °C", 61)
	fill(t, s, "acme", "spy", "coolant_temp", 61)
	fill(t, s, "acme", "spy", "secret", 61)
	server := httptest.NewServer(http.StripPrefix("/prometheus", s.Handler("default")))
	defer server.Close()
	at := fmt.Sprintf("%d", day/1000+60)
	span := fmt.Sprintf("start=%d&end=%s", day/1000, at)

	for _, test := range []struct{ name, get, want string }{
		{"instant", "query?time=" + at + "&query=" + url.QueryEscape(`coolant_temp`),
			`{"resultType":"vector","result":[{"metric":{"__name__":"coolant_temp","device":"car-7","tenant":"default"},"value":[1772445660,"60"]}]}`},
		{"odd name", "query?time=" + at + "&query=" + url.QueryEscape(`max_over_time({"oil temp °C", device="car-7"}[1m])`),
			`{"resultType":"vector","result":[{"metric":{"device":"car-7","tenant":"default"},"value":[1772445660,"60"]}]}`},
		{"range", "query_range?" + span + "&step=30&query=" + url.QueryEscape(`avg(coolant_temp)`),
			`{"resultType":"matrix","result":[{"metric":{},"values":[[1772445600,"0"],[1772445630,"30"],[1772445660,"60"]]}]}`},
		{"another tenant asked for", "query?time=" + at + "&query=" + url.QueryEscape(`{tenant="acme"}`), `{"resultType":"vector","result":[]}`},
		{"every tenant asked for", "query?time=" + at + "&query=" + url.QueryEscape(`count({tenant=~".+"})`),
			`{"resultType":"vector","result":[{"metric":{},"value":[1772445660,"2"]}]}`},
		{"series", "series?" + span + "&match[]=" + url.QueryEscape(`{device=~".+"}`),
			`[{"__name__":"coolant_temp","device":"car-7","tenant":"default"},{"__name__":"oil temp °C","device":"car-7","tenant":"default"}]`},
		{"labels", "labels?" + span, `["__name__","device","tenant"]`},
		{"values", "label/device/values?" + span, `["car-7"]`},
		{"metric names", "label/__name__/values?" + span, `["coolant_temp","oil temp °C"]`},
		{"tenant names", "label/tenant/values?" + span, `["default"]`},
		{"metadata", "metadata", `{}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, body := get(t, server.URL+"/prometheus/api/v1/"+test.get)
			var got struct {
				Status string
				Data   json.RawMessage
			}
			if err := json.Unmarshal(body, &got); err != nil || status != 200 || got.Status != "success" {
				t.Fatalf("%d %s", status, body)
			}
			if string(got.Data) != test.want {
				t.Fatalf("got  %s\nwant %s", got.Data, test.want)
			}
		})
	}

	t.Run("build", func(t *testing.T) {
		if _, body := get(t, server.URL+"/prometheus/api/v1/status/buildinfo"); !strings.Contains(string(body), `"version":"3.`) {
			t.Fatalf("%s", body)
		}
	})
	t.Run("posted form", func(t *testing.T) {
		resp, err := http.PostForm(server.URL+"/prometheus/api/v1/query", url.Values{"query": {"coolant_temp"}, "time": {at}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Fatal(resp.Status)
		}
	})
	for _, path := range []string{"admin/tsdb/delete_series", "admin/tsdb/snapshot", "write", "read", "otlp/v1/metrics", "status/config",
		"status/flags", "status/tsdb", "targets", "rules", "query/", "../api/v1/targets", "notifications/live", "label/x/y/values"} {
		t.Run("not served "+path, func(t *testing.T) {
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
				req, _ := http.NewRequest(method, "/api/v1/"+path, strings.NewReader("match[]=up"))
				rec := httptest.NewRecorder()
				s.Handler("default").ServeHTTP(rec, req)
				if rec.Code != http.StatusNotFound {
					t.Fatalf("%s %s is %d", method, path, rec.Code)
				}
			}
		})
	}
}

func TestPromQLLimits(t *testing.T) {
	cfg := DefaultConfig(t.TempDir())
	cfg.Query.MaxSamples = 100
	cfg.Query.Concurrency = 1
	cfg.Query.Timeout = 50 * time.Millisecond
	s := open(t, cfg)
	defer s.Close()
	fill(t, s, "default", "car-7", "coolant_temp", 1000)
	server := httptest.NewServer(s.Handler("default"))
	defer server.Close()
	query := server.URL + "/api/v1/query?time=" + fmt.Sprint(day/1000+999) + "&query="

	if status, body := get(t, query+url.QueryEscape(`avg_over_time(coolant_temp[30m])`)); status != http.StatusUnprocessableEntity || !strings.Contains(string(body), "too many samples") {
		t.Errorf("a query over the sample limit: %d %s", status, body)
	}
	if status, body := get(t, query+url.QueryEscape(strings.Repeat("(", 1<<21))); status/100 == 2 {
		t.Errorf("an endless query: %d %s", status, body)
	}
	resp, err := http.PostForm(server.URL+"/api/v1/query", url.Values{"query": {strings.Repeat("1+", 1<<20) + "1"}})
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(string(body), "at most 1048576 bytes") {
		t.Errorf("an endless form: %s %s (error %v)", resp.Status, body, err)
	}
	resp.Body.Close()
	s.slots <- struct{}{} // somebody else's query runs
	if status, body := get(t, query+"1"); status != http.StatusServiceUnavailable {
		t.Errorf("with all slots taken: %d %s", status, body)
	}
	<-s.slots
	if status, body := get(t, query+"1"); status != http.StatusOK {
		t.Errorf("afterwards: %d %s", status, body)
	}
}

func TestLibraryVersion(t *testing.T) {
	for module, want := range map[string]string{"v0.313.5": "3.13.5", "v0.305.0": "3.5.0", "(devel)": "(devel)"} {
		if got := libraryVersion(module); got != want {
			t.Errorf("%s is %s, want %s", module, got, want)
		}
	}
}

func get(t testing.TB, target string) (int, []byte) {
	t.Helper()
	rec := new(strings.Builder)
	resp, err := http.Get(target)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var buf [4096]byte
	for {
		n, err := resp.Body.Read(buf[:])
		rec.Write(buf[:n])
		if err != nil {
			return resp.StatusCode, []byte(rec.String())
		}
	}
}
