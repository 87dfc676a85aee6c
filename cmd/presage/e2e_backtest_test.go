package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/internal/backtest"
	"github.com/presage-pdm/presage/tickets"
)

// backtestCatalog watches coolant_temp above a limit, beside the built-in rules.
func backtestCatalog(limit int) string {
	return fmt.Sprintf(`version: 1
models:
  - match: {}
    rules:
      - {id: coolant-hot, fault: coolant-overheat, metric: coolant_temp, limit: {above: %d, clear: 100, for: 30s}}
faults:
  - {code: coolant-overheat, component: cooling, severity: critical, title: {en: Coolant too hot}}
`, limit)
}

// What a server recorded, replayed while it still runs, opens the tickets that it opened, with the same onsets: a rule with a
// duration, a row of events, a shift that the statistical tier finds, and nothing on healthy devices.
func TestBacktestTellsWhatTheServerTold(t *testing.T) {
	inBothSetUps(t, func(t *testing.T, s setUp) {
		catalog := writeFile(t, "catalog.yaml", backtestCatalog(110))
		config := writeFile(t, "presage.yaml", "catalog: ["+catalog+"]\n")
		p := start(t, "serve", s, "--unknown-devices", "register", "--config", config)
		d := p.connect("gateway")
		const seconds = 2400
		began := time.Now().Add(-(seconds + 60) * time.Second).Truncate(time.Second).UnixMilli()
		random := rand.New(rand.NewPCG(1, 2))
		for at := 0; at < seconds; at += 20 {
			for _, device := range []string{"bus-hot", "bus-shift", "bus-well"} {
				var rows []string
				for i := at; i < at+20; i++ {
					temp, load := 90+random.NormFloat64(), 40+3*random.NormFloat64()
					if device == "bus-hot" && i >= 1500 && i < 1600 {
						temp += 30
					}
					if device == "bus-shift" && i >= 1400 {
						load += 25
					}
					rows = append(rows, fmt.Sprintf(`{"ts": %d, "values": {"coolant_temp": %.3f, "load": %.3f, "wave": %.3f}}`,
						began+int64(i)*1000, temp, load, math.Sin(float64(i)/7)+random.NormFloat64()/5))
				}
				d.publish("presage/v1/"+device+"/telemetry", "["+strings.Join(rows, ",")+"]")
			}
		}
		for i := range int64(3) {
			d.publish("presage/v1/tv-three/event", fmt.Sprintf(`{"ts": %d, "code": "crash"}`, began+600_000+i*1000))
		}
		live := map[tickets.Key]time.Time{}
		last := began + (seconds-1)*1000
		p.eventually(60*time.Second, "everything is stored, and four tickets are open", func() (bool, string) { // an external broker acknowledges before we have it
			clear(live)
			for _, device := range []string{"bus-hot", "bus-shift", "bus-well", "tv-three"} {
				for _, ticket := range p.tickets(device) {
					live[ticket.Key()] = ticket.OnsetAt
				}
			}
			// The statistical tier finds the hot coolant too.
			return len(live) == 4 && len(p.points("bus-well", "wave", last, last+1)) == 1, fmt.Sprint(live)
		})
		p.drained()

		span := []string{"--from", time.UnixMilli(began).UTC().Format(time.RFC3339), "--to", time.UnixMilli(began + seconds*1000).UTC().Format(time.RFC3339)}
		backtested := func(flags ...string) backtest.Report {
			t.Helper()
			args := slices.Concat([]string{"backtest", "--json", "--config", config}, seriesFlags(s), span, flags)
			out, said, err := p.tryCommand(args...)
			var report backtest.Report
			if err != nil || json.Unmarshal([]byte(out), &report) != nil {
				t.Fatalf("presage %v: %v\n%s%s", args, err, out, said)
			}
			if said != "" {
				t.Errorf("a backtest in a pipe said %q", said)
			}
			return report
		}
		report := backtested()
		if report.Readings != 3*3*seconds || report.Events != 3 || report.DevicesWithHistory != 4 {
			t.Errorf("replayed %d readings and %d events of %d devices", report.Readings, report.Events, report.DevicesWithHistory)
		}
		same := map[tickets.Key]time.Time{}
		for _, ticket := range report.Catalogue.Tickets {
			same[tickets.Key{Device: ticket.Device, Component: ticket.Component, FaultCode: ticket.FaultCode}] = ticket.OnsetAt
		}
		for key, onset := range live {
			key.Tenant = ""
			if got, ok := same[key]; !ok || !got.Equal(onset) {
				t.Errorf("the server opened %v with onset %s, the backtest %s", key, onset, got)
			}
			delete(same, key)
		}
		for key := range same {
			t.Errorf("the backtest opens %v, the server did not", key)
		}

		higher := writeFile(t, "higher.yaml", backtestCatalog(130))
		report = backtested("--detectors", higher, "--against", "settings")
		if d := report.Diff; d == nil || d.Same != 3 || len(d.OnlyOld) != 1 || len(d.OnlyNew)+len(d.Changed) != 0 || d.OnlyOld[0].FaultCode != "coolant-overheat" {
			t.Errorf("against a lower limit: %+v", d)
		}

		failures := writeFile(t, "failures.csv", fmt.Sprintf("device,component,failed_at\nbus-hot,cooling,%s\nbus-well,,%[1]s\n",
			time.UnixMilli(began+2300_000).UTC().Format(time.RFC3339)))
		for range 2 { // the second time adds nothing
			p.command("import", "failures", failures)
		}
		report = backtested("--devices", "bus-*", "--horizon", "15m")
		// bus-hot warned about 800 s ahead, the shift is followed by nothing within 15 min, and nobody warned of bus-well.
		if l := report.Catalogue.Labels; l.Failures != 2 || l.Found != 1 || l.True != 2 || l.False+l.Unknown != 1 || *l.Recall != 0.5 || l.Lead == nil || l.Lead.Median < 700 || l.Lead.Median > 800 {
			t.Errorf("labels %+v", l)
		}
		remote := backtested("--devices", "bus-*", "--horizon", "15m", "--data", t.TempDir(), "--url", "http://"+p.http, "--token", p.token)
		remote.Seconds = report.Seconds
		if !reflect.DeepEqual(remote, report) {
			t.Errorf("over the API\n%+v, want\n%+v", remote, report)
		}
		// At twice the level nothing is lost that a rule finds; what the statistical tier still tells, it told before.
		report = backtested("--level", "2", "--against", "settings")
		if d := report.Diff; d == nil || len(d.OnlyNew) > 0 || d.Same+len(d.Changed)+len(d.OnlyOld) != 4 || slices.ContainsFunc(d.OnlyOld, func(b backtest.Ticket) bool { return b.FaultCode != detectors.FaultAbnormal }) {
			t.Errorf("at twice the level %+v", d)
		}
		var open []tickets.Ticket
		for _, device := range []string{"bus-hot", "bus-shift", "bus-well", "tv-three"} {
			open = append(open, p.tickets(device)...)
		}
		if len(open) != 4 {
			t.Errorf("%d tickets after the backtests, want the same four", len(open))
		}
		if err := p.request(http.MethodGet, "/readyz", nil, nil); err != nil {
			t.Error(err)
		}

		p.stop()
		if report = backtested(); len(report.Catalogue.Tickets) != 4 {
			t.Errorf("on the folder of the stopped server %d tickets, want 4", len(report.Catalogue.Tickets))
		}
		if left, _ := filepath.Glob(filepath.Join(p.data, "snapshot-*")); len(left) > 0 {
			t.Errorf("snapshots are left: %v", left)
		}
	})
}

func TestBacktestErrors(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	if err := os.MkdirAll(filepath.Join(data, "series"), 0o700); err != nil {
		t.Fatal(err)
	}
	devices := writeFile(t, "devices.csv", "id,name\nbus-1,Bus 1\n")
	if _, said, err := runCommand(nil, "import", "devices", devices, "--data", data); err != nil {
		t.Fatal(err, said)
	}
	bad := writeFile(t, "bad.yaml", "version: 1\nmodels:\n  - match: {}\n    rules:\n      - {id: x, fault: y, metric: z, limit: {over: 3}}\n")
	for want, flags := range map[string][]string{
		"no time":                {"--from", "yesterday"},
		"the end must be after":  {"--from", "2026-03-01", "--to", "2026-02-01"},
		"no device matches":      {"--from", "90d", "--devices", "truck-*"},
		"nothing is stored of 1": {"--from", "90d"},
		"bad.yaml: [5:":          {"--from", "90d", "--detectors", bad},
		"--horizon":              {"--from", "90d", "--horizon", "soon"},
		"--level 3":              {"--from", "90d", "--level", "3"},
		"--token":                {"--from", "90d", "--url", "http://127.0.0.1:1", "--token", ""},
	} {
		_, said, err := runCommand(nil, append([]string{"backtest", "--data", data}, flags...)...)
		if err == nil || !strings.Contains(said, want) {
			t.Errorf("%v: %v, %q, want %q", flags, err, said, want)
		}
	}
}

// seriesFlags tell a command where the readings of a set-up are.
func seriesFlags(s setUp) []string {
	if s.influx == nil {
		return nil
	}
	return []string{"--series", s.influx.URL}
}
