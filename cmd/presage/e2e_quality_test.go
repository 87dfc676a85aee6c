package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/internal/realserver"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/tickets/quality"
	"github.com/presage-pdm/presage/web"
	"github.com/presage-pdm/presage/web/ui"
)

// A rule whose tickets are closed as "no fault found" drops to shadow by itself: it opens no more tickets, also after a crash of
// the server, and the notice says why. Once a person puts it back it opens tickets again.
func TestNoisyRuleDropsToShadow(t *testing.T) {
	file := writeFile(t, "catalog.yaml", reloadCatalog(100))
	config := writeFile(t, "presage.yaml", "catalog: ["+file+"]\nquality: {review_every: 1s}\n")
	p := start(t, "serve", allEmbedded(t), "--config", config, "--unknown-devices", "register")
	d := p.connect("gateway")
	oil := func(car string, value int) {
		d.publish("presage/v1/"+car+"/telemetry", fmt.Sprintf(`{"ts": %d, "values": {"oil_temp": %d}}`, time.Now().UnixMilli(), value))
	}
	has := func(car string) {
		t.Helper()
		p.eventually(10*time.Second, car+" has a ticket", func() (bool, string) {
			got := len(p.tickets(car))
			return got == 1, fmt.Sprintf("%d tickets", got)
		})
	}
	withheld := func(car string) {
		t.Helper()
		p.eventually(10*time.Second, car+" has a finding in shadow", func() (bool, string) {
			var page web.FindingPage
			p.get("/api/v1/findings?device="+car, &page)
			return len(page.Findings) > 0 && page.Findings[0].Withheld == detectors.WithheldShadow, fmt.Sprintf("%+v", page.Findings)
		})
		if got := p.tickets(car); len(got) > 0 {
			t.Fatalf("%s has the ticket %s", car, got[0].Number)
		}
	}
	report := func() (r web.DetectorReport) {
		p.get("/api/v1/detectors", &r)
		return r
	}
	for i := range quality.DefaultPolicy().MinLabels {
		car := fmt.Sprintf("car-%d", i)
		oil(car, 120)
		has(car)
		ticket := p.tickets(car)[0]
		move := tickets.TransitionRequest{To: "closed", Note: "nothing found", Resolution: tickets.ResolutionNoFaultFound}
		if err := p.request(http.MethodPost, "/api/v1/tickets/"+ticket.ID+"/transitions", move, nil); err != nil {
			t.Fatal(err)
		}
	}
	p.eventually(20*time.Second, "the rule drops to shadow", func() (bool, string) {
		r := report()
		for _, v := range r.Detectors {
			if v.Rule == "oil-hot" && v.Setting != nil {
				return v.Setting.Stage == detectors.StageShadow && v.Setting.By == quality.ByReview && v.Refuted == 10, fmt.Sprintf("%+v", v)
			}
		}
		return false, fmt.Sprintf("%+v", r.Detectors)
	})
	if !strings.Contains(p.log.String(), "rule dropped to shadow") {
		t.Error("the log says nothing")
	}
	oil("late-1", 120)
	withheld("late-1")
	p.kill()
	p.run()
	d = p.connect("gateway")
	oil("late-2", 120)
	withheld("late-2")

	broke := map[string]any{"failures": []map[string]any{{"device": "late-2", "failed_at": time.Now().Add(-time.Hour)}}}
	if err := p.request(http.MethodPost, "/api/v1/failures", broke, nil); err != nil {
		t.Fatal(err)
	}
	if m := report().Models; len(m) != 1 || m[0].Failures != 1 || m[0].Found != 0 || m[0].Refuted != 10 {
		t.Errorf("figures of the models %+v", m)
	}
	browsed := browseDetectors(t, p)
	back := map[string]any{"model": "", "stage": "catalogue", "reason": "the sensor was replaced"}
	if err := p.request(http.MethodPut, "/api/v1/detectors/oil-hot/stage", back, nil); err != nil {
		t.Fatal(err)
	}
	oil("late-3", 120)
	has("late-3")
	if changes := report().Changes; len(changes) != 2+browsed || changes[0].Reason != "the sensor was replaced" || !strings.HasPrefix(changes[0].By, "token:") {
		t.Errorf("changes %+v", changes)
	}
	if err := p.request(http.MethodPut, "/api/v1/detectors/oil-cold/stage", back, nil); err == nil {
		t.Error("the stage of a rule that does not exist is set")
	}
}

// browseDetectors lets a planner see the rule in shadow and put it back with Chromium, and returns how many changes that made.
func browseDetectors(t *testing.T, p *process) int {
	t.Helper()
	if !ui.Built() {
		realserver.Missing(t, "the browser application", "run make ui")
	}
	script, err := filepath.Abs(filepath.Join("..", "..", "web", "ui", "e2e", "detectors.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(script), "..", "node_modules", "playwright-core")); err != nil {
		realserver.Missing(t, "playwright-core", "run npm ci in web/ui")
	}
	p.addUser("pia", "pia-plans-well", "--role", "planner")
	shots := os.Getenv("TEST_SCREENSHOTS")
	if shots == "" {
		shots = t.TempDir()
	}
	cmd := exec.Command("node", script, "--url", "http://"+p.http, "--shots", shots, "--rule", "oil-hot")
	cmd.Env = append(os.Environ(), "PRESAGE_PLANNER=pia:pia-plans-well")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var r web.DetectorReport
	p.get("/api/v1/detectors", &r)
	if r.Changes[0].By != "pia" || r.Changes[0].Stage != "" || r.Changes[0].Reason != "the sensor was cleaned" {
		t.Errorf("the change of the planner is %+v", r.Changes[0])
	}
	return 1
}
