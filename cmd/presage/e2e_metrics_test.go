package main

import (
	"crypto/tls"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// TestMetrics loads servers of both set-ups and holds what they show to the rules of Prometheus, to the
// documentation, to the alerts and to the dashboard.
func TestMetrics(t *testing.T) {
	all := map[string]*dto.MetricFamily{}
	maps.Copy(all, loadedEmbedded(t))
	maps.Copy(all, loadedExternal(t))
	ours := map[string]*dto.MetricFamily{}
	for name, family := range all {
		if strings.HasPrefix(name, "presage_") {
			ours[name] = family
		}
	}
	t.Run("promlint has no complaint", func(t *testing.T) {
		problems, err := promlint.NewWithMetricFamilies(slices.Collect(maps.Values(ours))).Lint()
		if err != nil || len(ours) < 100 {
			t.Fatalf("%d metrics, %v", len(ours), err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	})
	t.Run("no label holds a device", func(t *testing.T) {
		for name, family := range ours {
			for _, m := range family.GetMetric() {
				for _, l := range m.GetLabel() {
					if strings.Contains(l.GetValue(), "tv-metrics") {
						t.Errorf("%s has the label %s=%q", name, l.GetName(), l.GetValue())
					}
				}
			}
		}
	})
	t.Run("every metric is documented", func(t *testing.T) { metricsAreDocumented(t, ours) })
	t.Run("metrics of the alerts exist", func(t *testing.T) {
		alerts, records := alertRules(t)
		for _, rule := range append(records, slices.Collect(maps.Values(alerts))...) {
			for _, name := range metricsOf(t, rule.Expr) {
				if !shown(all, name) && name != "up" { // which Prometheus makes
					t.Errorf("%s%s asks for %s, which no server shows", rule.Alert, rule.Record, name)
				}
			}
		}
	})
	t.Run("metrics of the dashboard exist", func(t *testing.T) {
		for _, query := range dashboardQueries(t) {
			for _, name := range metricsOf(t, query.expr) {
				if !shown(all, name) {
					t.Errorf("the panel %q asks for %s, which no server shows", query.panel, name)
				}
			}
		}
	})
	t.Run("metrics in the documentation exist", func(t *testing.T) { metricsInDocsExist(t, ours) })
}

// loadedEmbedded returns what a server shows that has done everything once: it took readings, refused some, opened a
// ticket, and told a webhook.
func loadedEmbedded(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	const secret = "0123456789abcdef"
	hook := newReceiver(t, secret)
	hook.broken = false
	certificate, key := selfSigned(t, time.Now().Add(90*24*time.Hour))
	config := writeFile(t, "presage.yaml", fmt.Sprintf(`
mqtt: {tls_certificate: %s, tls_key: %s}
webhooks: [{name: crm, url: %q, secret: %q}]
`, certificate, key, hook.URL, secret))
	p := start(t, "serve", allEmbedded(t), "--config", config, "--unknown-devices", "register")
	d := p.connect("gateway", func(o *mqtt.ClientOptions) {
		o.Servers[0].Scheme = "ssl"
		o.SetTLSConfig(&tls.Config{InsecureSkipVerify: true}) // of a server that the test has made
	})
	publishCrashLoop(d, "tv-metrics")
	d.publish("presage/v1/tv-metrics/telemetry", `{"values": {"a": "hot"}}`)
	p.eventually(30*time.Second, "the webhook took the ticket", func() (bool, string) {
		hook.mu.Lock()
		defer hook.mu.Unlock()
		return len(hook.taken) > 0, fmt.Sprint(hook.forged)
	})
	return p.scraped("presage_outbox_events", "presage_http_request_seconds", "presage_tls_certificate_expiry_timestamp_seconds")
}

// loadedExternal returns what a server on Mosquitto, InfluxDB and PostgreSQL shows.
func loadedExternal(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	p := start(t, "serve", allExternal(t), "--unknown-devices", "register")
	publishCrashLoop(p.connect("gateway"), "tv-metrics")
	p.eventually(30*time.Second, "the ticket is open", func() (bool, string) {
		return len(p.tickets("tv-metrics")) == 1, ""
	})
	return p.scraped("presage_outbox_events", "presage_subscriber_messages_total")
}

// publishCrashLoop publishes a reading and the events that open a ticket.
func publishCrashLoop(d *device, tv string) {
	d.t.Helper()
	d.publish("presage/v1/"+tv+"/telemetry", `{"values": {"a": 1}}`)
	for i := range int64(3) {
		d.publish("presage/v1/"+tv+"/event", fmt.Sprintf(`{"ts": %d, "code": "crash"}`, time.Now().UnixMilli()-5+i))
	}
}

// scraped returns what /metrics shows, once the given ones are there.
func (p *process) scraped(want ...string) (families map[string]*dto.MetricFamily) {
	p.t.Helper()
	p.eventually(2*lookoutEvery, "the metrics are there", func() (bool, string) {
		parser := expfmt.NewTextParser(model.UTF8Validation)
		var err error
		if families, err = parser.TextToMetricFamilies(strings.NewReader(p.metrics())); err != nil {
			return false, err.Error()
		}
		for _, name := range want {
			if families[name] == nil {
				return false, name + " is missing"
			}
		}
		return true, ""
	})
	return families
}

// metricRow is a row of docs/metrics.md.
type metricRow struct{ name, kind, labels, meaning, worry string }

func (r metricRow) String() string {
	return fmt.Sprintf("| `%s` | %s | %s | %s | %s |", r.name, r.kind, r.labels, r.meaning, r.worry)
}

// rowOf is what a server says of a metric.
func rowOf(family *dto.MetricFamily) metricRow {
	labels := map[string]bool{}
	for _, m := range family.GetMetric() {
		for _, l := range m.GetLabel() {
			labels["`"+l.GetName()+"`"] = true
		}
	}
	return metricRow{family.GetName(), strings.ToLower(family.GetType().String()), strings.Join(slices.Sorted(maps.Keys(labels)), ", "), family.GetHelp(), ""}
}

// metricsAreDocumented keeps the table of docs/metrics.md equal to what servers show. With -update it writes name, type,
// labels and meaning anew; when to worry is written by hand.
func metricsAreDocumented(t *testing.T, ours map[string]*dto.MetricFamily) {
	path := filepath.Join("..", "..", "docs", "metrics.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const head = "| name | type | labels | meaning | when to worry |\n|---|---|---|---|---|\n"
	before, table, ok := strings.Cut(string(text), head)
	if !ok {
		t.Fatalf("docs/metrics.md has no table with the head\n%s", head)
	}
	table, after, _ := strings.Cut(table, "\n\n")
	rows := map[string]metricRow{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\| (\\w+) \\| ([^|]*) \\| ([^|]*) \\| ([^|]*) \\|$").FindAllStringSubmatch(table, -1) {
		rows[m[1]] = metricRow{m[1], m[2], m[3], m[4], m[5]}
	}
	var want []string
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		row := rowOf(ours[name])
		row.worry = rows[name].worry
		want = append(want, row.String())
		if *update {
			continue
		}
		switch got, ok := rows[name]; {
		case !ok:
			t.Errorf("docs/metrics.md lacks the row\n%s", row)
		case got.String() != row.String():
			t.Errorf("docs/metrics.md says\n%s\nand a server\n%s", got, row)
		}
		if row.worry == "" {
			t.Errorf("docs/metrics.md does not say when to worry about %s", name)
		}
	}
	for name := range rows {
		if ours[name] == nil && !*update {
			t.Errorf("docs/metrics.md describes %s, which no server shows", name)
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+head+strings.Join(want, "\n")+"\n\n"+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// metricsInDocsExist finds metrics that the documentation speaks of and a server does not have.
func metricsInDocsExist(t *testing.T, ours map[string]*dto.MetricFamily) {
	name := regexp.MustCompile(`presage_[a-z_]+[a-z]`)
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no documentation found: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range name.FindAllString(string(text), -1) {
			if ours[m] == nil && ours[strings.TrimSuffix(m, "_bucket")] == nil {
				t.Errorf("%s speaks of %s, which no server shows", file, m)
			}
		}
	}
}
