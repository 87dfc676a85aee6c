package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/ingest/payload"
	"github.com/presage-pdm/presage/telemetry"
)

var update = flag.Bool("update", false, "write the samples in deploy/brokers, and docs/metrics.md with what is known of each metric, anew")

// sampleRules are those of a small fleet, with hashes that stay the same.
func sampleRules(t *testing.T) brokerRules {
	t.Helper()
	s := DefaultSettings()
	s.Data = t.TempDir()
	s.MQTT.Topics = []payload.Pattern{
		{Topic: "factory/+/{device}/{metric}", Value: "v"},
		{Topic: "line/data", Device: "id", Values: "v"},
	}
	store, err := openSQL(t.Context(), s, nil, newLogger(s.Log, os.Stderr))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	created := time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)
	var all []access.DeviceCredential
	for _, v := range []struct {
		device  string
		devices []string
		revoked bool
	}{
		{"car-7", nil, false}, {"car-8", nil, true}, {"gw-1", []string{"press-*", "robot-1"}, false}, {"press-7", nil, false}, {"Plant1:Edge1", nil, false},
	} {
		c := access.DeviceCredential{
			ID: "id of " + v.device, Tenant: telemetry.DefaultTenant, Device: v.device, Devices: v.devices, Created: created, CreatedBy: "test",
			Hash: access.HashSecret("token of " + v.device), Mosquitto: "$7$101$c2FsdHNhbHRzYWx0$" + strings.Repeat("A", 86) + "==",
		}
		if v.revoked {
			c.Revoked = created.Add(time.Minute)
		}
		all = append(all, c)
	}
	if err := store.CreateDeviceCredentials(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	rules, err := rulesOf(t.Context(), s, store, "presage", created.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rulesOf(t.Context(), s, store, "car-7", created); err == nil {
		t.Error("Presage may be called as a device")
	}
	rules.presage.sha256, rules.presage.mosquitto = access.HashSecret("password"), "$7$101$c2FsdHNhbHRzYWx0$"+strings.Repeat("B", 86)+"=="
	return rules
}

// TestBrokerSamples keeps the samples in deploy/brokers, and so the formats, as they are documented:
// mosquitto.conf(5) of Mosquitto 2.0, and of EMQX 5 the bootstrap file of the built-in database and the rules of a file authorizer.
func TestBrokerSamples(t *testing.T) {
	rules := sampleRules(t)
	for _, sample := range []struct {
		folder string
		files  []brokerFile
	}{
		{"mosquitto", rules.mosquitto("/etc/mosquitto/presage", false, MQTTSettings{})},
		{"mosquitto-certificates", rules.mosquitto("/etc/mosquitto/presage", true, MQTTSettings{})[:1]},
		{"emqx", rules.emqx("/etc/emqx/presage")},
	} {
		for _, f := range sample.files {
			path := filepath.Join("..", "..", "deploy", "brokers", sample.folder, f.name)
			if *update {
				if err := replaceFile(path, []byte(f.text)); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("%v; write it with go test ./cmd/presage -run BrokerSamples -update", err)
			}
			if f.text != string(want) {
				t.Errorf("%s is not up to date: look at what changed, then write it with -update; now it would be\n%s", path, f.text)
			}
		}
	}
	notes := strings.Join(rules.notes, "\n")
	for _, want := range []string{"line/data", "press-*", "Plant1:Edge1"} {
		if !strings.Contains(notes, want) {
			t.Errorf("nothing is noted of %s:\n%s", want, notes)
		}
	}
}

// TestErlangStrings: an id ends no string of a rule file.
func TestErlangStrings(t *testing.T) {
	r := brokerRules{presage: brokerUser{name: `p"`}, topics: []string{"presage/v1/{device}/#"}, also: map[string][]string{
		`a"}]}. {allow, all}. %`: {`x\`}, "${clientid}": {"presage/v1/${clientid}/#"},
	}}
	text := r.emqxRules()
	if !strings.Contains(text, `{allow, {username, "a\"}]}. {allow, all}. %"}, all, ["x\\"]}.`) {
		t.Errorf("the rules are\n%s", text)
	}
	if strings.Contains(text, "${clientid}") || len(r.notes) != 1 {
		t.Errorf("a placeholder of a device got into the rules; notes %v:\n%s", r.notes, text)
	}
}

// TestPresageKeepsItsPassword over a second run, for both brokers.
func TestPresageKeepsItsPassword(t *testing.T) {
	for _, broker := range []string{"mosquitto", "emqx"} {
		folder, data := t.TempDir(), t.TempDir()
		write := func(flags ...string) string {
			var out, said bytes.Buffer
			args := append([]string{"broker", "config", "--for", broker, "--out", folder, "--data", data}, flags...)
			if err := run(t.Context(), args, streams{out: &out, err: &said}); err != nil {
				t.Fatal(err, said.String())
			}
			return out.String()
		}
		first := write()
		users, err := os.ReadFile(filepath.Join(folder, userFile(broker)))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(first, "PRESAGE_MQTT_PASSWORD=") || write() != "" {
			t.Errorf("%s: the first run printed %q", broker, first)
		}
		if again, err := os.ReadFile(filepath.Join(folder, userFile(broker))); err != nil || !slices.Equal(users, again) {
			t.Errorf("%s: the users changed from\n%s to\n%s(error %v)", broker, users, again, err)
		}
	}
}
