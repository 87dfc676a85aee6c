package backtest

import (
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/tickets/quality"
)

func rehearsed(device, code string, opened, cleared time.Duration, severity telemetry.Severity) tickets.Rehearsed {
	t := tickets.Rehearsed{First: detectors.Finding{Detector: "limit", Rule: code + "-rule"}}
	t.Device, t.Component, t.FaultCode, t.Severity, t.Occurrences = device, "pump", code, severity, 1
	t.OnsetAt, t.OpenedAt = start.Add(opened-time.Minute), start.Add(opened)
	if cleared > 0 {
		t.ClearedAt = start.Add(cleared)
	}
	return t
}

func TestReport(t *testing.T) {
	const day = 24 * time.Hour
	newer := Result{Withheld: map[Withheld]int{{"shadow", "limit", "trial", "hot"}: 4}, Tickets: []tickets.Rehearsed{
		rehearsed("a", "hot", 1*day, 2*day, telemetry.Warning),   // the same
		rehearsed("a", "hot", 10*day, 11*day, telemetry.Warning), // earlier than before
		rehearsed("b", "hot", 12*day, 0, telemetry.Warning),      // new
	}}
	older := Result{Tickets: []tickets.Rehearsed{
		rehearsed("a", "hot", 1*day, 2*day, telemetry.Warning),
		rehearsed("a", "hot", 10*day+12*time.Hour, 11*day, telemetry.Warning),
		rehearsed("b", "hot", 5*day, 6*day, telemetry.Warning), // gone: closed before the new one
		rehearsed("b", "loud", 12*day, 0, telemetry.Warning),   // gone
	}}
	cfg := DefaultConfig()
	cfg.From, cfg.To = start, start.Add(30*day)
	known := Labels{Horizon: 3 * day, Failures: []quality.Failure{
		{Device: "a", Component: "pump", FailedAt: start.Add(12 * day)},
		{Device: "stranger", Component: "pump", FailedAt: start.Add(12 * day)}, // not replayed
	}}
	r, err := NewReport(&cfg, []string{"a", "b"}, History{Devices: 2, WithHistory: 2}, []Result{newer, older}, known)
	if err != nil {
		t.Fatal(err)
	}
	if d := r.Diff; d.Same != 1 || len(d.Changed) != 1 || len(d.OnlyNew) != 1 || len(d.OnlyOld) != 2 || d.OnlyNew[0].Device != "b" {
		t.Errorf("difference %+v", d)
	}
	if l := r.Catalogue.Labels; l.Failures != 1 || l.True != 1 || l.False != 2 || *l.Recall != 1 || l.Lead.Median != quality.Seconds(2*86400) {
		t.Errorf("labels %+v", l)
	}
	if c := r.Catalogue.Rules; len(c) != 1 || c[0].Tickets != 3 || c[0].PerDeviceMonth != 1.5 || c[0].True != 1 || c[0].False != 2 {
		t.Errorf("rules %+v", c)
	}
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"tickets that would have opened: 3", "2026-03-11 00:00:00", "limit/hot-rule",
		"precision 33.3 % (1 true, 2 false, 0 unknown), recall 100.0 % (1 of 1), 1 false tickets per device-month, lead time 48h0m0s",
		"1 tickets only with the new one, 2 only with the old one, 1 changed, 1 the same",
		"horizon 72h0m0s",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, b.String())
		}
	}
}
