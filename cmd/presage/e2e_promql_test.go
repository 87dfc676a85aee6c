package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/internal/promseries"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/web"
)

// grafana asks as a Prometheus data source of Grafana does: forms by POST, the rest by GET, with a token.
func (p *process) grafana(token, path string, form url.Values) (status int, answer promAnswer, text string) {
	p.t.Helper()
	method, target := http.MethodGet, "http://"+p.http+"/prometheus/api/v1/"+path
	var body io.Reader
	if strings.HasPrefix(path, "query") {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	} else {
		target += "?" + form.Encode()
	}
	req, err := http.NewRequest(method, target, body)
	if err != nil {
		p.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := json.Unmarshal(all, &answer); err != nil {
		p.t.Fatalf("%s %s is no JSON: %s", method, path, all)
	}
	return resp.StatusCode, answer, string(all)
}

// promAnswer is the envelope of Prometheus' API.
type promAnswer struct {
	Status    any // a number in an answer that is not Prometheus'
	Data      json.RawMessage
	ErrorType string
	Error     string
}

// tenantToken makes a token of a tenant, beside the running server.
func (p *process) tenantToken(tenant string) string {
	p.t.Helper()
	cfg := sqlstore.DefaultConfig()
	cfg.Path = filepath.Join(p.data, "presage.db")
	store, err := sqlstore.Open(p.t.Context(), cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	defer store.Close()
	token, secret, err := web.MakeToken(tenant, "grafana", access.Viewer, "test", time.Now(), time.Time{})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := store.CreateToken(p.t.Context(), token); err != nil {
		p.t.Fatal(err)
	}
	return secret
}

// TestGrafanaAsksPromQL makes the calls of Grafana's Prometheus data source to a running server.
func TestGrafanaAsksPromQL(t *testing.T) {
	p := start(t, "serve", allEmbedded(t), "--unknown-devices", "register")
	viewer := strings.TrimSpace(p.command("token", "create", "--role", "viewer", "--name", "grafana"))
	d := p.connect("gateway")
	begin := time.Now().Truncate(time.Minute).Add(-10 * time.Minute)
	var all []string
	for i := range 601 {
		all = append(all, fmt.Sprintf(`{"ts": %d, "values": {"coolant_temp": %d, "Öl °C": 7}}`, begin.Add(time.Duration(i)*time.Second).UnixMilli(), i))
	}
	d.publish("presage/v1/car-7/telemetry", "["+strings.Join(all, ",")+"]")
	p.drained()

	// Another tenant's readings in the same store.
	p.stop()
	store, err := promseries.Open(promseries.DefaultConfig(filepath.Join(p.data, "series")))
	if err != nil {
		t.Fatal(err)
	}
	foreign := telemetry.Batch{Tenant: "acme", Device: "spy", Samples: []telemetry.Sample{
		{Metric: "coolant_temp", Time: begin.UnixMilli(), Value: 666}, {Metric: "secret", Time: begin.UnixMilli(), Value: 666}}}
	if _, err := store.Append(t.Context(), []telemetry.Batch{foreign}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	p.run()

	seconds := func(d time.Duration) string { return fmt.Sprint(begin.Add(d).Unix()) }
	span := func(more ...string) url.Values {
		v := url.Values{"start": {seconds(-time.Minute)}, "end": {seconds(10 * time.Minute)}}
		for i := 0; i < len(more); i += 2 {
			v.Add(more[i], more[i+1])
		}
		return v
	}
	car := `"device":"car-7","tenant":"default"`
	for _, c := range []struct {
		name, path string
		form       url.Values
		want       string
	}{
		{"the test of the data source", "query", url.Values{"query": {"1+1"}, "time": {seconds(0)}}, fmt.Sprintf(`{"resultType":"scalar","result":[%s,"2"]}`, seconds(0))},
		{"build", "status/buildinfo", nil, `"version":"3.`},
		{"metadata", "metadata", url.Values{"limit_per_metric": {"1"}}, `{}`},
		{"metric names", "label/__name__/values", span(), `["coolant_temp","Öl °C"]`},
		{"devices of a metric", "label/device/values", span("match[]", "coolant_temp"), `["car-7"]`},
		{"labels", "labels", span("match[]", `{__name__="coolant_temp"}`), `["__name__","device","tenant"]`},
		{"series", "series", span("match[]", "coolant_temp"), `[{"__name__":"coolant_temp",` + car + `}]`},
		{"a table", "query", url.Values{"query": {`max_over_time({"coolant_temp", device="car-7"}[5m])`}, "time": {seconds(10 * time.Minute)}},
			fmt.Sprintf(`{"resultType":"vector","result":[{"metric":{%s},"value":[%s,"600"]}]}`, car, seconds(10*time.Minute))},
		{"a graph", "query_range", url.Values{"query": {`{"Öl °C"} * 2`}, "start": {seconds(0)}, "end": {seconds(time.Minute)}, "step": {"30"}},
			fmt.Sprintf(`{"resultType":"matrix","result":[{"metric":{%s},"values":[[%s,"14"],[%s,"14"],[%s,"14"]]}]}`, car, seconds(0), seconds(30*time.Second), seconds(time.Minute))},
		{"another tenant by name", "query", url.Values{"query": {`{tenant="acme"}`}, "time": {seconds(0)}}, `{"resultType":"vector","result":[]}`},
		{"another tenant by device", "series", span("match[]", `{device="spy"}`), `[]`},
		{"names of tenants", "label/tenant/values", span(), `["default"]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, answer, text := p.grafana(viewer, c.path, c.form)
			if status != http.StatusOK || answer.Status != "success" || !strings.Contains(string(answer.Data), c.want) {
				t.Errorf("got  %d %s\nwant %s", status, text, c.want)
			}
			if strings.Contains(text, "666") || strings.Contains(text, "spy") || strings.Contains(text, "secret") {
				t.Errorf("another tenant's readings are shown: %s", text)
			}
		})
	}

	t.Run("who may ask", func(t *testing.T) {
		for name, token := range map[string]string{"nobody": "", "a guess": "presage_guess"} {
			for _, path := range []string{"query", "labels", "status/buildinfo"} {
				if status, _, text := p.grafana(token, path, url.Values{"query": {"1"}}); status != http.StatusUnauthorized {
					t.Errorf("%s asks %s: %d %s", name, path, status, text)
				}
			}
		}
		status, _, text := p.grafana(p.tenantToken("acme"), "query", url.Values{"query": {"coolant_temp"}, "time": {seconds(0)}})
		if status != http.StatusNotFound || strings.Contains(text, "car-7") {
			t.Errorf("a token of another tenant: %d %s", status, text)
		}
	})

	// 34 million steps, were they let: the first are all the same and made at once, the second are computed one by one.
	const large, long = "count_over_time(vector(1)[400d:1s])", "count_over_time(vector(time())[400d:1s])"
	for _, c := range []struct {
		name, path string
		form       url.Values
		status     int
		kind, want string
	}{
		{"syntax", "query", url.Values{"query": {"coolant_temp{"}}, http.StatusBadRequest, "bad_data", "parse error"},
		{"too many points", "query_range", url.Values{"query": {"coolant_temp"}, "start": {seconds(0)}, "end": {seconds(24 * time.Hour)}, "step": {"1"}},
			http.StatusBadRequest, "bad_data", "exceeded maximum resolution of 11,000 points"},
		{"too many samples", "query", url.Values{"query": {large}}, http.StatusUnprocessableEntity, "execution", "too many samples"},
		{"too long", "query", url.Values{"query": {long}, "timeout": {"10ms"}}, http.StatusServiceUnavailable, "timeout", "timed out"},
		{"too large a form", "query", url.Values{"query": {strings.Repeat("1+", 1<<20) + "1"}}, http.StatusRequestEntityTooLarge, "bad_data", "at most 1048576 bytes"},
		{"not for telemetry", "targets", nil, http.StatusNotFound, "not_found", "query part"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, answer, text := p.grafana(viewer, c.path, c.form)
			if status != c.status || answer.Status != "error" || answer.ErrorType != c.kind || !strings.Contains(answer.Error, c.want) {
				t.Errorf("got %d %.300s\nwant %d, %s: … %s …", status, text, c.status, c.kind, c.want)
			}
		})
	}
	if status, _, text := p.grafana(viewer, "query", url.Values{"query": {"1"}}); status != http.StatusOK {
		t.Errorf("after what was refused: %d %s", status, text)
	}
}

// With InfluxDB there is no PromQL, and the answer says so.
func TestPromQLWithoutEmbeddedStore(t *testing.T) {
	p := start(t, "serve", allExternal(t))
	status, _, text := p.grafana(p.token, "query", url.Values{"query": {"1"}})
	if status != http.StatusNotFound || !strings.Contains(text, "does not answer PromQL here") {
		t.Errorf("got %d %s", status, text)
	}
}
