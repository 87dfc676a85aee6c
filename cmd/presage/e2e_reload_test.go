package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// reloadCatalog watches oil_temp above a limit, beside the built-in rules.
func reloadCatalog(limit int) string {
	return fmt.Sprintf(`version: 1
models:
  - match: {}
    rules:
      - {id: oil-hot, fault: oil-hot, metric: oil_temp, limit: {above: %d, clear: 90}}
faults:
  - code: oil-hot
    component: engine
    severity: critical
    title: {en: Oil too hot, de: Öl zu heiß, zh: 机油过热}
`, limit)
}

// The catalogue is changed while the server runs: a new limit counts at once, a
// rule that did not change keeps what it had seen, and a file that is not valid is
// refused with its line while the old one stays.
func TestCatalogueReload(t *testing.T) {
	for name, reload := range map[string]func(p *process) error{
		"SIGHUP": func(p *process) error {
			before := strings.Count(p.log.String(), "catalogue reloaded") + strings.Count(p.log.String(), "catalogue not reloaded")
			if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				return err
			}
			var last string
			p.eventually(10*time.Second, "the log tells of the reload", func() (bool, string) {
				log := p.log.String()
				for line := range strings.Lines(log) {
					if strings.Contains(line, "catalogue reloaded") || strings.Contains(line, "catalogue not reloaded") {
						last = line
					}
				}
				return strings.Count(log, "catalogue reloaded")+strings.Count(log, "catalogue not reloaded") > before, last
			})
			if strings.Contains(last, "not reloaded") {
				return fmt.Errorf("%s", last)
			}
			return nil
		},
		"API": func(p *process) error { return p.request(http.MethodPost, "/api/v1/catalog/reload", nil, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			file := writeFile(t, "catalog.yaml", reloadCatalog(200))
			write := func(text string) {
				t.Helper()
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			config := writeFile(t, "presage.yaml", "catalog: ["+file+"]\n")
			p := start(t, "serve", allEmbedded(t), "--config", config, "--unknown-devices", "register")
			d := p.connect("gateway")
			crashes := 0
			crash := func(tv string) {
				crashes++
				d.publish("presage/v1/"+tv+"/event", fmt.Sprintf(`{"id": "%d", "code": "crash"}`, crashes))
			}
			oil := func(car string, value int) {
				d.publish("presage/v1/"+car+"/telemetry", fmt.Sprintf(`{"ts": %d, "values": {"oil_temp": %d}}`, time.Now().UnixMilli(), value))
			}
			has := func(device string, want int) {
				t.Helper()
				p.eventually(10*time.Second, fmt.Sprintf("%s has %d tickets", device, want), func() (bool, string) {
					got := len(p.tickets(device))
					return got == want, fmt.Sprintf("%d tickets", got)
				})
			}

			crash("tv-1")
			crash("tv-1")
			oil("car-1", 120)
			p.drained()
			has("car-1", 0)

			write(reloadCatalog(100))
			if err := reload(p); err != nil {
				t.Fatal(err)
			}
			oil("car-2", 120)
			has("car-2", 1)
			if got := p.tickets("car-2")[0]; got.FaultCode != "oil-hot" {
				t.Errorf("the new limit opened %+v, want oil-hot", got)
			}
			has("tv-1", 0)
			crash("tv-1")
			has("tv-1", 1)

			// What is not valid changes nothing, neither the rules nor what they have seen.
			crash("tv-2")
			crash("tv-2")
			p.drained()
			broken := strings.Replace(reloadCatalog(100), "above: 100", "abvoe: 100", 1)
			write(broken)
			err := reload(p)
			if err == nil || !strings.Contains(err.Error(), "abvoe") || !strings.Contains(err.Error(), "catalog.yaml: [5:") {
				t.Errorf("a broken catalogue: %v, want it to name line 5 of catalog.yaml and abvoe", err)
			}
			oil("car-3", 120)
			has("car-3", 1)
			crash("tv-2")
			has("tv-2", 1)

			write(reloadCatalog(300))
			if err := reload(p); err != nil {
				t.Fatal(err)
			}
			oil("car-4", 120)
			p.drained()
			has("car-4", 0)
		})
	}
}
