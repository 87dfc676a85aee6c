package main

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
)

// alertRules returns the rules of deploy/prometheus, checked as Prometheus checks them.
func alertRules(t *testing.T) (alerts map[string]rulefmt.Rule, records []rulefmt.Rule) {
	t.Helper()
	groups, errs := rulefmt.ParseFile(filepath.Join("..", "..", "deploy", "prometheus", "presage-rules.yaml"), false,
		model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Error(err)
	}
	if groups == nil {
		t.FailNow()
	}
	alerts = map[string]rulefmt.Rule{}
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			if r.Record != "" {
				records = append(records, r)
			} else if _, twice := alerts[r.Alert]; twice {
				t.Errorf("two alerts are called %s", r.Alert)
			} else {
				alerts[r.Alert] = r
			}
		}
	}
	return alerts, records
}

// firing evaluates an alert every 15 s from Unix time 0 until a time and returns when it first fired, or false.
func firing(t *testing.T, rule rulefmt.Rule, q storage.Queryable, until time.Duration) (after time.Duration, fires bool) {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(rule.Expr)
	if err != nil {
		t.Fatalf("%s: %v", rule.Alert, err)
	}
	alerting := rules.NewAlertingRule(rule.Alert, expr, time.Duration(rule.For), 0, labels.FromMap(rule.Labels),
		labels.EmptyLabels(), labels.EmptyLabels(), "", true, slog.New(slog.DiscardHandler))
	query := rules.EngineQueryFunc(promqltest.NewTestEngine(t, false, 5*time.Minute, 1_000_000), q)
	for at := time.Duration(0); at <= until; at += 15 * time.Second {
		if _, err := alerting.Eval(t.Context(), 0, time.Unix(0, 0).Add(at), query, nil, 0); err != nil {
			t.Fatalf("%s: %v", rule.Alert, err)
		}
		for _, alert := range alerting.ActiveAlerts() {
			if alert.State == rules.StateFiring {
				return at, true
			}
		}
	}
	return 0, false
}

// Each alert fires on series that it is for, and not on those of a healthy server that come closest. Series are in the
// notation of promtool: one value every 15 s; an hour is 240 of them.
func TestAlertsFire(t *testing.T) {
	// Of 100 observations every 15 s, some lie between two bounds and the others below.
	quantile := func(metric, low, high string, between int) string {
		return fmt.Sprintf("%[1]s{le=%[2]q} 0+%[3]dx240\n%[1]s{le=%[4]q} 0+100x240\n%[1]s{le=\"+Inf\"} 0+100x240", metric, low, 100-between, high)
	}
	transactions := func(slow int) string {
		return strings.ReplaceAll(quantile("presage_sql_transaction_seconds_bucket", "0.5", "4", slow), "{", `{operation="update-tickets",`)
	}
	journal := func(perStep, start int) string {
		return fmt.Sprintf("presage_journal_size_bytes{partition=\"0\"} %d+%dx240\npresage_journal_limit_bytes{partition=\"0\"} 1000000+0x240", start, perStep)
	}
	disk := func(values string) string {
		return "presage_disk_size_bytes 1000+0x2000\npresage_disk_free_bytes " + values
	}
	const rise = " 0+0x100 1+0x140"  // a counter that rises once
	const often = " 0+0x100 0+1x140" // and one that goes on
	for name, c := range map[string]struct{ bad, good string }{
		"PresageDown":                 {`up{job="presage"} 1x10 0x100`, `up{job="presage"} 1x10 0 0 1x100`},
		"PresageNotReady":             {`presage_not_ready{check="disk"} 0x10 1x20`, `presage_not_ready{check="disk"} 0x10 1x5 0x20`},
		"PresageRestarts":             {`process_start_time_seconds{job="presage"} 0+10x20`, `process_start_time_seconds{job="presage"} 0x100 5x100`},
		"PresageLaneLag":              {`presage_lane_lag_seconds{partition="0",cursor="store"} 0x10 0+15x20`, `presage_lane_lag_seconds{partition="0",cursor="store"} 0x10 40 0x20`},
		"PresageLaneStuck":            {`presage_lane_stuck{partition="0",cursor="store"} 0x10 1x20`, `presage_lane_stuck{partition="0",cursor="store"} 0x10 1 0x20`},
		"PresageLaneFailed":           {`presage_lane_failed{partition="0"} 0x10 1x20`, `presage_lane_failed{partition="0"} 0x200`},
		"PresageJournalFilling":       {journal(4000, 100000), journal(400, 100000)},
		"PresageJournalNearlyFull":    {journal(0, 810000), journal(0, 790000)},
		"PresageBackPressure":         {"presage_journal_full{partition=\"0\"} 0x10 1x20\npresage_journal_waiters{partition=\"0\"} 0x30", "presage_journal_full{partition=\"0\"} 0x30\npresage_journal_waiters{partition=\"0\"} 0x10 5 0x20"},
		"PresageJournalFailing":       {`presage_journal_failing{partition="0"} 0x10 1x20`, `presage_journal_failing{partition="0"} 0x10 1 0x20`},
		"PresageDiskSlow":             {quantile("presage_journal_durable_seconds_bucket", "0.1024", "0.4096", 50), quantile("presage_journal_durable_seconds_bucket", "0.1024", "0.4096", 0)},
		"PresageAcknowledgementsSlow": {quantile("presage_broker_ack_seconds_bucket", "1", "2", 50), quantile("presage_broker_ack_seconds_bucket", "1", "2", 0)},
		"PresageMessagesNotDurable":   {"presage_intake_failed_total" + rise, "presage_intake_failed_total 7x240"},
		"PresageReadingsLost":         {"presage_journal_damaged_bytes_total 0x240\npresage_lane_lost_total{cursor=\"store\"}" + rise, "presage_journal_damaged_bytes_total 3x240\npresage_lane_lost_total{cursor=\"store\"} 0x240"},
		"PresageMessagesRefused":      {"presage_intake_messages_total 0+100x240\npresage_intake_rejected_total{reason=\"a\"} 0+3x240\npresage_intake_rejected_total{reason=\"b\"} 0+3x240", "presage_intake_messages_total 0+100x240\npresage_intake_rejected_total{reason=\"a\"} 0+2x240\npresage_intake_rejected_total{reason=\"b\"} 0+2x240"},
		"PresageQuarantineDropping":   {"presage_intake_quarantine_dropped_total" + rise, "presage_intake_quarantine_dropped_total 9x240"},
		"PresageBrokerAway":           {"presage_subscriber_sessions_down 0x10 1x20", "presage_subscriber_sessions_down 1 1 0x20"},
		"PresageBrokerSessionLost":    {"presage_subscriber_new_sessions_total" + rise, "presage_subscriber_new_sessions_total 1x240"},
		"PresageSubscriberTooSlow":    {"presage_broker_dropped_total" + rise, "presage_broker_dropped_total 5x240"},
		"PresageConnectionsNearLimit": {"presage_broker_connections 95x240\npresage_broker_connections_limit 100x240", "presage_broker_connections 85x240\npresage_broker_connections_limit 100x240"},
		"PresageDevicesTurnedAway":    {`presage_broker_turned_away_total{reason="credentials"} 0+2x240`, `presage_broker_turned_away_total{reason="credentials"}` + rise},
		"PresageRevocationsNotSeen":   {"presage_identity_poll_failures_total" + often, "presage_identity_poll_failures_total" + rise},
		"PresageFindingsWait":         {`presage_lane_pending_findings_seconds{partition="0"} 0x10 0+15x20`, `presage_lane_pending_findings_seconds{partition="0"} 20x240`},
		"PresageTicketsSlow":          {quantile("presage_desk_ticket_seconds_bucket", "10", "30", 50), quantile("presage_desk_ticket_seconds_bucket", "10", "30", 0)},
		"PresageDetectorCrashes":      {`presage_detector_crashes_total{detector="shift"}` + rise, `presage_detector_crashes_total{detector="shift"} 2x240`},
		"PresageOutboxOld":            {"presage_outbox_age_seconds 0x10 0+15x20", "presage_outbox_age_seconds 0x10 0+15x4 0x20"},
		"PresageWebhookBehind":        {`presage_webhook_pending_age_seconds{webhook="crm"} 0+15x120`, `presage_webhook_pending_age_seconds{webhook="crm"} 0+15x50 0x100`},
		"PresageWebhookGivenUp":       {`presage_webhook_deliveries_total{webhook="crm",result="given-up"}` + rise, `presage_webhook_deliveries_total{webhook="crm",result="failed"}` + often},
		"PresageStoreFailing":         {`presage_lane_effect_failures_total{effect="append",reason="unavailable"}` + often, `presage_lane_effect_failures_total{effect="append",reason="refused"}` + often},
		"PresageStoreRefuses":         {`presage_lane_refused_total{cursor="store"}` + rise, `presage_lane_refused_total{cursor="store"} 4x240`},
		"PresageCheckpointsFailing":   {"presage_lane_checkpoint_failures_total" + rise, "presage_lane_checkpoint_failures_total 4x240"},
		"PresageDatabaseSlow":         {transactions(50), transactions(0)},
		"PresageSeriesNearLimit":      {"presage_series_active 95x240\npresage_series_limit 100x240", "presage_series_active 85x240\npresage_series_limit 100x240"},
		"PresageTaskFailing":          {`presage_task_failures_total{task="fleet"}` + often, `presage_task_failures_total{task="fleet"}` + rise},
		"PresageDiskFilling":          {disk("240-0.1x2000"), disk("240-0.001x2000")},
		"PresageDiskLow":              {disk("45x240"), disk("55x240")},
		"PresageCertificateExpires":   {`presage_tls_certificate_expiry_timestamp_seconds{listener="mqtt"} 1800000x240`, `presage_tls_certificate_expiry_timestamp_seconds{listener="mqtt"} 1830000x240`},
		"PresageDeviceClocks":         {"presage_lane_reading_age_seconds_bucket{le=\"-60.0\"} 0+2x240\npresage_lane_reading_age_seconds_count 0+100x240", "presage_lane_reading_age_seconds_bucket{le=\"-60.0\"} 0+0.5x240\npresage_lane_reading_age_seconds_count 0+100x240"},
		"PresageFilesNearLimit":       {"process_open_fds{job=\"presage\"} 85x240\nprocess_max_fds{job=\"presage\"} 100x240", "process_open_fds{job=\"presage\"} 75x240\nprocess_max_fds{job=\"presage\"} 100x240"},
	} {
		t.Run(name, func(t *testing.T) {
			alerts, _ := alertRules(t)
			rule, ok := alerts[name]
			if !ok {
				t.Fatalf("there is no alert %s", name)
			}
			load := func(series string) storage.Queryable {
				return promqltest.LoadedStorage(t, "load 15s\n  "+strings.ReplaceAll(series, "\n", "\n  "))
			}
			if _, fires := firing(t, rule, load(c.bad), 2*time.Hour); !fires {
				t.Errorf("%s does not fire on\n%s", name, c.bad)
			}
			if after, fires := firing(t, rule, load(c.good), 2*time.Hour); fires {
				t.Errorf("%s fires after %s on\n%s", name, after, c.good)
			}
		})
	}
}

// Every alert says how urgent it is and where what to do is written, and has a test that it fires.
func TestAlertsAreComplete(t *testing.T) {
	alerts, _ := alertRules(t)
	read := func(elem ...string) string {
		text, err := os.ReadFile(filepath.Join(append([]string{"..", ".."}, elem...)...))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	runbook, operation, tests := read("docs", "alerts.md"), read("docs", "operation.md"), read("cmd", "presage", "alerts_test.go")
	var described []string
	for _, m := range regexp.MustCompile(`(?m)^### (\w+)\n\n\*(\w+)\.\*`).FindAllStringSubmatch(runbook, -1) {
		described = append(described, m[1])
		if got := alerts[m[1]].Labels["severity"]; got != m[2] {
			t.Errorf("docs/alerts.md calls %s %q, its rule %q", m[1], m[2], got)
		}
	}
	if names := slices.Sorted(maps.Keys(alerts)); !slices.Equal(slices.Sorted(slices.Values(described)), names) {
		t.Errorf("docs/alerts.md describes %v, the alerts are %v", described, names)
	}
	for name, rule := range alerts {
		anchor := "#" + strings.ToLower(name)
		if !strings.Contains(operation, "["+name+"](alerts.md"+anchor+")") {
			t.Errorf("docs/operation.md does not point to %s", name)
		}
		if !strings.HasSuffix(rule.Annotations["runbook_url"], "/docs/alerts.md"+anchor) {
			t.Errorf("%s has the runbook %q", name, rule.Annotations["runbook_url"])
		}
		if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
			t.Errorf("%s has no summary or no description", name)
		}
		if !slices.Contains([]string{"warning", "critical"}, rule.Labels["severity"]) {
			t.Errorf("%s has the severity %q", name, rule.Labels["severity"])
		}
		if !strings.Contains(tests, fmt.Sprintf("\t%q:", name)) {
			t.Errorf("nothing tests that %s fires", name)
		}
	}
}

// Prometheus takes its configuration, which finds the rules and gives Presage the name that the alerts ask for.
func TestPrometheusConfiguration(t *testing.T) {
	folder := filepath.Join("..", "..", "deploy", "prometheus")
	cfg, err := config.LoadFile(filepath.Join(folder, "prometheus.yaml"), false, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.RuleFiles) != 1 || filepath.Base(cfg.RuleFiles[0]) != "presage-rules.yaml" {
		t.Errorf("the rule files are %v", cfg.RuleFiles)
	}
	if len(cfg.ScrapeConfigs) != 1 || cfg.ScrapeConfigs[0].JobName != "presage" || cfg.ScrapeConfigs[0].MetricsPath != "/metrics" {
		t.Errorf("the jobs are %+v", cfg.ScrapeConfigs)
	}
}
