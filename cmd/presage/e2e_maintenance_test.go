package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/presage-pdm/presage/internal/realserver"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/web"
	"github.com/presage-pdm/presage/web/ui"
)

// A dispatcher announces maintenance in the browser: the fault that a device shows then opens no ticket, and gets one once the
// maintenance is ended, because it is still there.
func TestMaintenanceInBrowser(t *testing.T) {
	if !ui.Built() {
		realserver.Missing(t, "the browser application", "run make ui")
	}
	script, err := filepath.Abs(filepath.Join("..", "..", "web", "ui", "e2e", "maintenance.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(script), "..", "node_modules", "playwright-core")); err != nil {
		realserver.Missing(t, "playwright-core", "run npm ci in web/ui")
	}
	file := writeFile(t, "catalog.yaml", reloadCatalog(100))
	config := writeFile(t, "presage.yaml", "catalog: ["+file+"]\ndesk: {maintenance_settle: 0s}\n")
	p := start(t, "serve", allEmbedded(t), "--config", config, "--unknown-devices", "register")
	d := p.connect("gateway")
	oil := func(value int) {
		d.publish("presage/v1/car-1/telemetry", fmt.Sprintf(`{"ts": %d, "values": {"oil_temp": %d}}`, time.Now().UnixMilli(), value))
	}
	oil(80)
	p.eventually(10*time.Second, "the device is known", func() (bool, string) {
		var page struct{ Devices []struct{ ID string } }
		p.get("/api/v1/devices", &page)
		return len(page.Devices) == 1, fmt.Sprintf("%+v", page)
	})
	p.addUser("dora", "dora-dispatches", "--role", "dispatcher")
	shots := os.Getenv("TEST_SCREENSHOTS")
	if shots == "" {
		shots = t.TempDir()
	}
	browse := func(what string) {
		t.Helper()
		cmd := exec.Command("node", script, "--url", "http://"+p.http, "--shots", shots, "--device", "car-1", "--do", what)
		cmd.Env = append(os.Environ(), "PRESAGE_DISPATCHER=dora:dora-dispatches")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	browse("announce")
	oil(120)
	p.eventually(10*time.Second, "the finding is withheld", func() (bool, string) {
		var page web.FindingPage
		p.get("/api/v1/findings?device=car-1", &page)
		return len(page.Findings) == 1 && page.Findings[0].Withheld == tickets.WithheldMaintenance, fmt.Sprintf("%+v", page.Findings)
	})
	if got := p.tickets("car-1"); len(got) > 0 {
		t.Fatalf("%s was opened during maintenance", got[0].Number)
	}
	browse("end")
	p.eventually(4*lookAtHeld, "the fault has a ticket", func() (bool, string) {
		got := p.tickets("car-1")
		return len(got) == 1 && got[0].FaultCode == "oil-hot", fmt.Sprintf("%d tickets", len(got))
	})
}
