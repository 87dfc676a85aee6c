package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/presage-pdm/presage/internal/doctor"
	"github.com/presage-pdm/presage/internal/realserver"
)

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
