package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/presage-pdm/presage/fleet/access"
)

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	s, w := newServer(t, func(c *Config) { c.Registerer, c.Metrics = reg, reg })
	viewer := w.token(t, access.Viewer)
	read(t, request{method: "GET", path: "/api/v1/fleet", token: viewer}.send(t, s), 200)
	refusal(t, request{method: "GET", path: "/api/v1/devices/secret-device-name", token: viewer}.send(t, s), 404)
	refusal(t, request{method: "GET", path: "/api/v1/random/path"}.send(t, s), 404)

	refusal(t, request{method: "GET", path: "/metrics"}.send(t, s), 401)
	read(t, request{method: "GET", path: "/metrics", remote: "127.0.0.1:9", host: "127.0.0.1:8080"}.send(t, s), 200)
	text := string(read(t, request{method: "GET", path: "/metrics", token: viewer}.send(t, s), 200))
	for _, want := range []string{
		`presage_http_requests_total{code="200",operation="get-fleet"} 1`,
		`presage_http_requests_total{code="404",operation="get-device"} 1`,
		`presage_http_requests_total{code="404",operation="none"} 1`,
		`presage_http_requests_total{code="401",operation="get-metrics"} 1`,
		`presage_http_streams 0`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if strings.Contains(text, "secret-device-name") {
		t.Error("a metric has the name of a device as label")
	}

	open, _ := newServer(t, func(c *Config) { c.Metrics, c.OpenMetrics = reg, true })
	read(t, request{method: "GET", path: "/metrics"}.send(t, open), 200)
}

func TestPromQLIsMounted(t *testing.T) {
	var asked string
	s, w := newServer(t, func(c *Config) {
		c.PromQL = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked = r.Method + " " + r.URL.Path })
	})
	viewer := w.token(t, access.Viewer)
	refusal(t, request{method: "GET", path: "/prometheus/api/v1/query?query=up"}.send(t, s), 401)
	read(t, request{method: "POST", path: "/prometheus/api/v1/query_range", token: viewer}.send(t, s), 200)
	if asked != "POST /api/v1/query_range" {
		t.Errorf("the handler saw %q", asked)
	}
	foreign, secret, err := MakeToken("somebody else", "grafana", access.Admin, "test", epoch, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	w.tokens[foreign.Hash] = foreign
	asked = ""
	refusal(t, request{method: "GET", path: "/prometheus/api/v1/query?query=up", token: secret}.send(t, s), 404)
	if asked != "" {
		t.Error("a token of another tenant reaches the series of this one")
	}
	refusal(t, request{method: "DELETE", path: "/prometheus/api/v1/series", token: viewer}.send(t, s), 405)

	without, w := newServer(t, nil)
	refusal(t, request{method: "GET", path: "/prometheus/api/v1/query", token: w.token(t, access.Viewer)}.send(t, without), 404)
}
