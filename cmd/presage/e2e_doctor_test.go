package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/internal/doctor"
	"github.com/presage-pdm/presage/internal/realserver"
)

// examine runs presage doctor and returns what it found, and whether it had something to fix.
func examine(t *testing.T, env []string, args ...string) (results []doctor.Result, failed bool) {
	t.Helper()
	out, errOut, err := runCommand(env, append([]string{"doctor", "--json"}, args...)...)
	var report doctor.Report
	if jsonErr := json.Unmarshal([]byte(out), &report); jsonErr != nil {
		t.Fatalf("presage doctor: %v, %v\n%s\n%s", err, jsonErr, out, errOut)
	}
	failures := 0
	for _, r := range report.Results {
		if r.Level == doctor.Fail {
			failures++
		}
		if (r.Remedy == "") != (r.Level == doctor.OK) || r.Found == "" || r.Check == "" {
			t.Errorf("a result without what was found, or what to do: %+v", r)
		}
	}
	if (err != nil) != (failures > 0) || report.Failures != failures {
		t.Errorf("%d to fix, %d are told, and the command ended with %v", failures, report.Failures, err)
	}
	return report.Results, err != nil
}

// theMachines are the checks that may warn in a healthy set-up, because of the machine that the test runs on.
var theMachines = []string{"clock", "disk speed", "limits", "network", "data folder"}

func wantHealthy(t *testing.T, results []doctor.Result, failed bool) {
	t.Helper()
	if failed {
		t.Error("a healthy set-up has something to fix")
	}
	for _, r := range results {
		if r.Level == doctor.Fail || r.Level == doctor.Warn && !slices.Contains(theMachines, r.Check) {
			t.Errorf("a healthy set-up: %+v", r)
		}
	}
}

// found returns the result of a check that says something.
func found(results []doctor.Result, check, text string) (doctor.Result, bool) {
	for _, r := range results {
		if r.Check == check && strings.Contains(r.Found, text) {
			return r, true
		}
	}
	return doctor.Result{}, false
}

// Healthy set-ups are well before the first start, while Presage runs and after it stopped; and the look leaves nothing behind.
func TestDoctorOnHealthySetUps(t *testing.T) {
	inBothSetUps(t, func(t *testing.T, s setUp) {
		if s.postgres != nil {
			s.postgres.Set("fsync=on")
		}
		p := start(t, "serve", s, "--unknown-devices", "register")
		p.connect("gateway").publish("presage/v1/pump-1/telemetry", `{"pressure": 4.2}`)
		args := append([]string{"--data", p.data, "--http", p.http}, s.flags...)
		if s.broker == "" {
			args = append(args, "--mqtt", p.mqtt)
		}

		results, failed := examine(t, p.env, args...)
		wantHealthy(t, results, failed)
		if _, ok := found(results, "server", "It runs and is ready"); !ok {
			t.Errorf("the server that runs is not seen: %+v", results)
		}
		if err := p.request(http.MethodGet, "/readyz", nil, nil); err != nil {
			t.Errorf("after the look: %v", err)
		}
		p.connect("gateway").publish("presage/v1/pump-1/telemetry", `{"pressure": 4.3}`)
		p.drained()
		p.stop()

		before := listing(t, p.data)
		results, failed = examine(t, p.env, args...)
		wantHealthy(t, results, failed)
		if after := listing(t, p.data); !slices.Equal(before, after) {
			t.Errorf("the look has changed the data folder: before %v, after %v", before, after)
		}
		if s.mosquitto != nil {
			if _, ok := found(results, "broker", "It keeps the session presage-0"); !ok {
				t.Errorf("the session at the broker is not seen: %+v", results)
			}
		}
		p.run() // nothing is in its way
	})
}

// listing returns the names of the files in a folder. The index of SQLite's write-ahead log, which readers make, does not count.
func listing(t *testing.T, folder string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		if !strings.HasSuffix(path, "-shm") && !strings.HasSuffix(path, "-wal") {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// Each broken set-up is named, with its remedy.
func TestDoctorNamesTheRemedy(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	defer gone.Close()
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer untrusted.Close()
	free := func() string { return fmt.Sprintf("127.0.0.1:%d", realserver.FreePort(t)) }
	expired, expiredKey := selfSigned(t, time.Now().Add(-48*time.Hour))
	short, shortKey := selfSigned(t, time.Now().Add(5*24*time.Hour))
	_, otherKey := selfSigned(t, time.Now().Add(100*24*time.Hour))
	certificate := func(cert, key string) []string {
		return []string{"--config", writeFile(t, "presage.yaml", fmt.Sprintf("mqtt: {tls_certificate: %s, tls_key: %s}\n", cert, key))}
	}
	webhook := func(address string) []string {
		return []string{"--config", writeFile(t, "presage.yaml", fmt.Sprintf("webhooks: [{name: crm, url: %q, secret: 0123456789abcdef}]\n", address))}
	}
	notJSON := writeFile(t, "catalog.yaml", "rules: [{id: 1, nonsense: true}]\n")
	notSQLite := filepath.Dir(writeFile(t, "presage.db", strings.Repeat("this is no database ", 500)))
	foreign := t.TempDir()
	writeCheckpointWithoutJournal(t, foreign)
	for _, c := range []struct {
		name  string
		args  []string
		check string
		level doctor.Level
		found string // part of what was found
		does  string // part of the remedy
	}{
		{"a setting that does not exist", []string{"--config", writeFile(t, "presage.yaml", "mqtt: {lissen: \"127.0.0.1:1883\"}\n")}, "settings", doctor.Fail, "lissen", "docs/operation.md"},
		{"a data folder that cannot be written", []string{"--data", "/proc/sys"}, "data folder", doctor.Fail, "cannot be written", "chown"},
		{"a data folder that cannot be made", []string{"--data", "/proc/presage"}, "data folder", doctor.Fail, "cannot be made", "install -d"},
		{"a data folder for everybody", []string{"--data", open(t)}, "data folder", doctor.Warn, "other users", "chmod 0700"},
		{"a data folder in memory", []string{"--data", inMemory(t)}, "data folder", doctor.Warn, "memory", "disk"},
		{"a port that is taken", []string{"--http", taken.Addr().String()}, "network", doctor.Fail, "another program", "ss -ltnp"},
		{"an address of another machine", []string{"--http", "192.0.2.1:8080"}, "network", doctor.Fail, "no address of this machine", "0.0.0.0"},
		{"a certificate that has expired", certificate(expired, expiredKey), "mqtt certificate", doctor.Fail, "expired", "renew"},
		{"a certificate that ends soon", certificate(short, shortKey), "mqtt certificate", doctor.Warn, "days", "Renew"},
		{"a key of another certificate", certificate(short, otherKey), "mqtt certificate", doctor.Fail, "cannot be used", "key belongs"},
		{"a catalogue with mistakes", []string{"--config", writeFile(t, "presage.yaml", "catalog: ["+notJSON+"]\n")}, "catalogue", doctor.Fail, "catalog.yaml", "docs/detectors.md"},
		{"a webhook at a wrong path", webhook(gone.URL), "webhook crm", doctor.Warn, "404", "webhooks.url"},
		{"a webhook that is away", webhook("http://" + free()), "webhook crm", doctor.Warn, "cannot be reached", "15 hours"},
		{"a webhook that nobody vouches for", webhook(untrusted.URL), "webhook crm", doctor.Fail, "not trusted", "authority"},
		{"a database that is damaged", []string{"--data", notSQLite}, "database", doctor.Fail, "cannot be read", "backup"},
		{"lanes without their journal", []string{"--data", foreign}, "journal and lanes", doctor.Fail, "no journal", "restore both"},
		{"a broker that is away", []string{"--broker", "mqtt://" + free()}, "broker", doctor.Fail, "cannot be reached", "mqtt.broker"},
		{"a series store that is away", []string{"--series", "http://" + free()}, "series store", doctor.Fail, "cannot be reached", "series.url"},
		{"a PostgreSQL that is away", []string{"--database", "postgres://presage@" + free() + "/presage"}, "database", doctor.Fail, "cannot be reached", "listen_addresses"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := c.args
			for _, flag := range []struct{ name, value string }{{"--data", filepath.Join(t.TempDir(), "data")}, {"--http", free()}, {"--mqtt", free()}} {
				if !slices.Contains(args, flag.name) {
					args = append(args, flag.name, flag.value)
				}
			}
			results, _ := examine(t, nil, args...)
			r, ok := found(results, c.check, c.found)
			if !ok || r.Level != c.level || !strings.Contains(r.Remedy, c.does) {
				t.Errorf("found %+v in\n%+v\nwant %s of %q with a remedy that names %q", r, results, c.level, c.found, c.does)
			}
		})
	}
}

// open returns a folder that everybody can read.
func open(t *testing.T) string {
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

// inMemory returns a folder of the file system that Linux keeps for shared memory.
func inMemory(t *testing.T) string {
	folder, err := os.MkdirTemp("/dev/shm", "presage-test-")
	if err != nil {
		t.Skipf("there is no /dev/shm: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

// writeCheckpointWithoutJournal runs Presage for a moment and takes its journal away.
func writeCheckpointWithoutJournal(t *testing.T, data string) {
	t.Helper()
	p := start(t, "serve", allEmbedded(t), "--unknown-devices", "register")
	p.connect("gateway").publish("presage/v1/pump-1/telemetry", `{"pressure": 4.2}`)
	p.drained()
	p.stop()
	if err := os.CopyFS(filepath.Join(data, "lanes"), os.DirFS(filepath.Join(p.data, "lanes"))); err != nil {
		t.Fatal(err)
	}
}

// A journal that was begun anew does not have what the checkpoints point at.
func TestDoctorOnAPartialRestore(t *testing.T) {
	p := start(t, "serve", allEmbedded(t), "--unknown-devices", "register")
	d := p.connect("gateway")
	for i := range 50 {
		d.publish("presage/v1/pump-1/telemetry", fmt.Sprintf(`{"pressure": %d}`, i))
	}
	p.drained()
	p.stop()
	if err := os.Rename(filepath.Join(p.data, "lanes"), filepath.Join(p.data, "kept")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(p.data, "journal")); err != nil {
		t.Fatal(err)
	}
	p.run()
	p.stop()
	if err := os.RemoveAll(filepath.Join(p.data, "lanes")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(p.data, "kept"), filepath.Join(p.data, "lanes")); err != nil {
		t.Fatal(err)
	}
	results, _ := examine(t, nil, "--data", p.data, "--http", p.http, "--mqtt", p.mqtt)
	if r, ok := found(results, "journal and lanes", "not in the journal"); !ok || r.Level != doctor.Fail || !strings.Contains(r.Remedy, "snapshot") {
		t.Errorf("a journal that was begun anew: %+v", results)
	}
}
