package main

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/internal/realserver"
	"github.com/presage-pdm/presage/web/ui"
)

const browserFleet = `
regions: [{id: north, name: North, time_zone: Europe/Berlin, language: de}]
stations: [{id: hamburg, name: Hamburg, region: north, time_zone: Europe/Berlin}]
technicians: [{id: t-anna, name: Anna Petersen, station: hamburg, skills: ["cooling:4"], languages: [de, en]}]
coverage: [{station: hamburg}]
customers: [{id: hochbahn, name: Hochbahn, tier: gold, language: de}]
sites: [{id: altona, name: Depot Altona, region: north, customer: hochbahn, time_zone: Europe/Berlin}]
models: [{id: ebus, name: E-Bus 12, kind: vehicle, components: [{id: cooling, name: Cooling}]}]
devices:
  - {id: bus-1703, name: Bus 1703, model: ebus, site: altona}
  - {id: bus-1, model: ebus, site: altona}
  - {id: bus-2, model: ebus, site: altona}
  - {id: bus-3, model: ebus, site: altona}
  - {id: bus-4, model: ebus, site: altona}
  - {id: bus-5, model: ebus, site: altona}
  - {id: bus-6, model: ebus, site: altona}
`

const browserCatalog = `
version: 1
models:
  - match: {model: ebus}
    metrics:
      - {name: coolant_temp, unit: °C, component: cooling, min: -40, max: 150}
    rules:
      - {id: coolant-hot, fault: coolant-hot, metric: coolant_temp, limit: {above: 105, clear: 100, for: 5s}}
faults:
  - code: coolant-hot
    component: cooling
    severity: critical
    title: {en: Coolant too hot, de: Kühlmittel zu heiß, zh: 冷却液过热}
    parts: [thermostat]
`

// A technician signs in with Chromium, sees the ticket appear without a
// reload and why it exists, opens it, reads the chart, compares it with peers and moves it to in_repair; a viewer cannot.
func TestTechnicianInTheBrowser(t *testing.T) {
	if !ui.Built() {
		realserver.Missing(t, "the browser application", "run make ui")
	}
	for _, need := range []struct{ program, remedy string }{
		{"node", "install Node.js"}, {"chromium", "apt-get install chromium"},
	} {
		if _, err := exec.LookPath(need.program); err != nil {
			realserver.Missing(t, need.program, need.remedy)
		}
	}
	script, err := filepath.Abs(filepath.Join("..", "..", "web", "ui", "e2e", "ticket.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(script), "..", "node_modules", "playwright-core")); err != nil {
		realserver.Missing(t, "playwright-core", "run npm ci in web/ui")
	}

	config := writeFile(t, "presage.yaml", "catalog: ["+writeFile(t, "catalog.yaml", browserCatalog)+"]\n")
	p := start(t, "serve", allEmbedded(t), "--config", config)
	p.command("import", "devices", writeFile(t, "fleet.yaml", browserFleet))
	p.addUser("anna", "anna-is-here", "--role", "technician", "--technician", "t-anna")
	p.addUser("vic", "vic-only-looks", "--role", "viewer")
	p.stop() // the next start reads the fleet at once
	p.run()

	shots := os.Getenv("TEST_SCREENSHOTS")
	if shots == "" {
		shots = t.TempDir()
	}
	cmd := exec.Command("node", script, "--url", "http://"+p.http, "--shots", shots,
		"--device", "bus-1703", "--fault", "coolant-hot", "--wait", "60", "--peers")
	cmd.Env = append(os.Environ(), "PRESAGE_TECHNICIAN=anna:anna-is-here", "PRESAGE_VIEWER=vic:vic-only-looks")
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		peer := fmt.Sprintf("bus-%d", i+1)
		at := time.Now().UnixMilli()
		p.connect(peer).publish("presage/v1/"+peer+"/telemetry", fmt.Sprintf(`{"ts": %d, "values": {"coolant_temp": %d}}`, at, 84+2*i))
	}
	d := p.connect("bus-1703")
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		t.Log(lines.Text())
		if lines.Text() == "ready" {
			d.overheat(time.Now())
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, strings.TrimSpace(errOut.String()))
	}
	all := p.tickets("bus-1703")
	if len(all) != 1 || all[0].State != "in_repair" || all[0].Assignee != "t-anna" {
		t.Errorf("afterwards the tickets are %+v, want one, in_repair, of t-anna", all)
	}
}

// overheat publishes half an hour of a coolant temperature that ends in a minute above its limit.
func (d *device) overheat(now time.Time) {
	d.t.Helper()
	const step, n = 2 * time.Second, 900
	begin := now.Add(-n * step)
	var batch strings.Builder
	for i := range n {
		v := 88 + 1.5*math.Sin(float64(i)/40) + 0.3*math.Sin(float64(i)*2.7)
		if left := n - i; left < 40 {
			v += float64(40-left) * 0.8
		}
		fmt.Fprintf(&batch, `,{"ts": %d, "values": {"coolant_temp": %.2f}}`, begin.Add(time.Duration(i)*step).UnixMilli(), v)
	}
	d.publish("presage/v1/bus-1703/telemetry", "["+batch.String()[1:]+"]")
}

// addUser adds a person through the command line, the password on standard input.
func (p *process) addUser(name, password string, flags ...string) {
	p.t.Helper()
	args := append([]string{"user", "add", name, "--data", p.data}, flags...)
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), beServer+"=1")
	cmd.Stdin = strings.NewReader(password + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("presage user add %s: %v\n%s", name, err, out)
	}
}
