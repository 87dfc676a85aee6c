package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
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

// Real servers that are set up badly.
func TestDoctorOnServersThatAreSetUpBadly(t *testing.T) {
	look := func(t *testing.T, env []string, check, text, remedy string, level doctor.Level, args ...string) {
		t.Helper()
		args = append(args, "--data", filepath.Join(t.TempDir(), "data"), "--http", fmt.Sprintf("127.0.0.1:%d", realserver.FreePort(t)), "--mqtt", fmt.Sprintf("127.0.0.1:%d", realserver.FreePort(t)))
		results, _ := examine(t, env, args...)
		if r, ok := found(results, check, text); !ok || r.Level != level || !strings.Contains(r.Remedy, remedy) {
			t.Errorf("found %+v in\n%+v\nwant %s of %q with a remedy that names %q", r, results, level, text, remedy)
		}
	}
	t.Run("PostgreSQL", func(t *testing.T) {
		server := realserver.Postgres(t) // with fsync off
		look(t, nil, "database", "fsync is off", "ALTER SYSTEM SET fsync = on", doctor.Fail, "--database", server.URL)
		server.Set("synchronous_commit=off", "full_page_writes=off", "max_connections=18")
		look(t, nil, "database", "synchronous_commit is off", "forgets tickets", doctor.Fail, "--database", server.URL)
		look(t, nil, "database", "full_page_writes is off", "half-written", doctor.Fail, "--database", server.URL)
		look(t, nil, "database", "has 18 connections", "max_connections", doctor.Warn, "--database", server.URL)
		right := server.RequirePassword("desk", "right")
		look(t, nil, "database", "may make tables", "", doctor.OK, "--database", right)
		look(t, nil, "database", `refuses the role "desk"`, "PASSWORD", doctor.Fail, "--database", server.URLFor("desk", "wrong"))
		look(t, nil, "database", `no database "elsewhere"`, "CREATE DATABASE", doctor.Fail, "--database", strings.Replace(server.URL, "/presage?", "/elsewhere?", 1))
		server.Set("default_transaction_read_only=on")
		look(t, nil, "database", "read-only", "ALTER ROLE", doctor.Fail, "--database", right)
	})
	t.Run("InfluxDB", func(t *testing.T) {
		server := realserver.Influx(t)
		flags := []string{"--series", server.URL}
		env := []string{"PRESAGE_SERIES_TOKEN=" + server.Token, "PRESAGE_SERIES_DATABASE=" + server.Database}
		look(t, env, "series store", "no database", "CREATE DATABASE", doctor.Warn, flags...)
		look(t, []string{"PRESAGE_SERIES_TOKEN=presage:wrong"}, "series store", "refuses the credentials", "PRESAGE_SERIES_TOKEN", doctor.Fail, flags...)
		p := start(t, "serve", setUp{influx: server, flags: flags}) // makes the database
		p.stop()
		look(t, env, "series store", "read back and removed", "", doctor.OK, flags...)
		if left := influxSeries(t, server); strings.Contains(left, "presage_doctor") {
			t.Errorf("the probe is still there: %s", left)
		}
		look(t, append(env, "PRESAGE_SERIES_RETENTION=48h"), "series store", "series.retention says 48h", "ALTER RETENTION POLICY", doctor.Warn, flags...)
	})
	t.Run("Mosquitto", func(t *testing.T) {
		server := realserver.Mosquitto(t)
		folder := filepath.Dir(writeFile(t, "acl", "user presage\ntopic read presage/#\n"))
		passwords := filepath.Join(folder, "passwd")
		if out, err := exec.Command("mosquitto_passwd", "-b", "-c", passwords, "presage", "right").CombinedOutput(); err != nil {
			t.Fatalf("mosquitto_passwd: %v: %s", err, out)
		}
		reachable(t, folder)
		server.Restart("allow_anonymous true", fmt.Sprintf("allow_anonymous false\npassword_file %s\nacl_file %s/acl", passwords, folder))
		address := strings.TrimPrefix(server.URL, "tcp://")
		look(t, nil, "broker", "refuses our credentials", "mosquitto_passwd", doctor.Fail, "--broker", "mqtt://presage:wrong@"+address)
		look(t, nil, "broker", "takes our credentials", "", doctor.OK, "--broker", "mqtt://presage:right@"+address)
		look(t, nil, "broker", "begins with the first start", "", doctor.OK, "--broker", "mqtt://presage:right@"+address)

		// A broker that forgot the session of a Presage that ran here.
		p := start(t, "serve", setUp{broker: server.URL, flags: []string{"--broker", "mqtt://presage:right@" + address}})
		p.stop()
		server.Stop()
		server.Forget()
		server.Start()
		results, _ := examine(t, nil, "--data", p.data, "--http", p.http, "--broker", "mqtt://presage:right@"+address)
		if r, ok := found(results, "broker", "It has no session presage-0"); !ok || r.Level != doctor.Warn || !strings.Contains(r.Remedy, "persistence") {
			t.Errorf("a session that was forgotten: %+v", results)
		}
	})
}

// influxSeries returns what InfluxDB says of the series of its database.
func influxSeries(t *testing.T, server *realserver.InfluxServer) string {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, server.URL+"/query?"+url.Values{"db": {server.Database}, "q": {"SHOW SERIES"}}.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Token "+server.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s %v", response.Status, text, err)
	}
	return string(text)
}

// reachable lets the account of a server that dropped root read a folder of the test.
func reachable(t *testing.T, folder string) {
	t.Helper()
	for dir := folder; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.Chmod(filepath.Join(folder, e.Name()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
