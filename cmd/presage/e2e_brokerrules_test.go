package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/presage-pdm/presage/internal/realserver"
)

// generated returns the configuration that presage broker config wrote, with other ports for its listeners.
func generated(t *testing.T, folder string, ports map[string]int) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "presage.conf"))
	if err != nil {
		t.Fatal(err)
	}
	conf := string(text)
	for listener, port := range ports {
		if !strings.Contains(conf, "\n"+listener+"\n") {
			t.Fatalf("the configuration has no %q:\n%s", listener, text)
		}
		conf = strings.Replace(conf, "\n"+listener+"\n", fmt.Sprintf("\nlistener %d 127.0.0.1\n", port), 1)
	}
	if os.Geteuid() == 0 {
		conf += "user root\n" // who may read the temporary folder
	}
	return conf
}

// printed is what a command printed as NAME=VALUE.
func printed(t *testing.T, out, name string) string {
	t.Helper()
	for line := range strings.Lines(out) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			return value
		}
	}
	t.Fatalf("no %s in:\n%s", name, out)
	return ""
}

// Mosquitto with the files that Presage writes: a device publishes for itself and for nobody else, a stranger is
// refused, and a revoked token is out once the files are written again.
func TestMosquittoKeepsTheRules(t *testing.T) {
	data, folder := filepath.Join(t.TempDir(), "data"), t.TempDir()
	config := writeFile(t, "presage.yaml", `
mqtt:
  topics:
    - {topic: "plant/{device}/{metric}", value: v}
`)
	command := func(args ...string) string {
		t.Helper()
		out, said, err := runCommand(nil, append(args, "--data", data)...)
		if err != nil {
			t.Fatalf("presage %s: %v\n%s", strings.Join(args, " "), err, said)
		}
		return out
	}
	issue := func(device string, flags ...string) string {
		return strings.TrimSpace(command(append([]string{"device", "credentials", "issue", device}, flags...)...))
	}
	write := func() string {
		return command("broker", "config", "--for", "mosquitto", "--out", folder, "--config", config)
	}
	a, b, gateway := issue("car-a"), issue("car-b"), issue("gw-1", "--devices", "press-7")
	password := printed(t, write(), "PRESAGE_MQTT_PASSWORD")
	if again := write(); again != "" {
		t.Fatalf("written again, Presage has another password: %s", again)
	}
	m := realserver.MosquittoWith(t, func(port int) string { return generated(t, folder, map[string]int{"listener 1883": port}) })
	url := strings.Replace(m.URL, "tcp://", "mqtt://presage:"+password+"@", 1)
	p := start(t, "serve", setUp{name: "mosquitto", broker: m.URL, flags: []string{"--broker", url, "--config", config}}, "--unknown-devices", "register")

	lost := make(chan struct{})
	d := p.connect("a", signedIn("car-a", a), func(o *mqtt.ClientOptions) { closing(o, lost) })
	heard := make(chan string, 16) // more than are published
	for _, filter := range []string{"presage/v1/car-b/#", "presage/v1/+/telemetry", "#"} {
		d.client.Subscribe(filter, 1, func(_ mqtt.Client, m mqtt.Message) { heard <- m.Topic() }).WaitTimeout(10 * time.Second)
	}
	other := p.connect("b", signedIn("car-b", b))
	other.publish("presage/v1/car-b/telemetry", `{"own": 1}`)
	// Mosquitto acknowledges what it drops, or closes the connection: only what arrives tells.
	for i, forged := range [][2]string{
		{"presage/v1/car-b/telemetry", `{"forged": 1}`}, {"plant/car-b/forged", `{"v": 1}`},
		{"presage/v1/press-7/telemetry", `{"forged": 1}`}, {"presage/v1/car-b/command", "go"},
	} {
		forger := p.connect(fmt.Sprint("forger-", i), signedIn("car-a", a))
		forger.client.Publish(forged[0], 1, false, forged[1]).WaitTimeout(5 * time.Second)
	}
	p.connect("g", signedIn("gw-1", gateway)).publish("presage/v1/press-7/telemetry", `{"through": 1}`)
	d.publish("plant/car-a/mapped", `{"v": 1}`)
	d.publish("presage/v1/car-a/telemetry", `{"own": 1}`)
	p.arrives("car-a", "own")
	p.arrives("car-a", "mapped")
	p.arrives("car-b", "own")
	p.arrives("press-7", "through")
	p.never("car-b", "forged")
	p.never("press-7", "forged")
	for len(heard) > 0 {
		if topic := <-heard; !strings.Contains(topic, "car-a") { // # brings its own
			t.Errorf("car-a hears %s", topic)
		}
	}
	for name, options := range map[string][]func(*mqtt.ClientOptions){"nobody": nil, "a wrong token": {signedIn("car-a", b)}, "presage by guess": {signedIn("presage", a)}} {
		if _, err := p.tryConnect("stranger", options...); err == nil {
			t.Errorf("%s was let in", name)
		}
	}

	command("device", "credentials", "revoke", "car-a")
	write()
	m.Reload()
	p.ends(lost, "the token was revoked and the files written again")
	if _, err := p.tryConnect("a", signedIn("car-a", a)); err == nil {
		t.Error("a revoked token works")
	}
	other.publish("presage/v1/car-b/telemetry", `{"after": 1}`)
	p.arrives("car-b", "after")
}

// The same with certificates: the common name is the device.
func TestMosquittoWithCertificates(t *testing.T) {
	pki, folder := newPKI(t), t.TempDir()
	config := writeFile(t, "presage.yaml", fmt.Sprintf("mqtt: {tls_certificate: %q, tls_key: %q, client_ca: %q}\n", pki.file("server.pem"), pki.file("server.key"), pki.file("ca.pem")))
	out, said, err := runCommand(nil, "broker", "config", "--for", "mosquitto", "--certificates", "--out", folder, "--config", config, "--data", filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err, said)
	}
	private := realserver.FreePort(t)
	m := realserver.MosquittoWith(t, func(port int) string {
		return generated(t, folder, map[string]int{"listener 8883": port, "listener 1883 127.0.0.1": private})
	})
	url := fmt.Sprintf("mqtt://presage:%s@127.0.0.1:%d", printed(t, out, "PRESAGE_MQTT_PASSWORD"), private)
	p := start(t, "serve", setUp{name: "mosquitto", broker: m.URL, flags: []string{"--broker", url}}, "--unknown-devices", "register")
	over := func(certificates ...tls.Certificate) func(*mqtt.ClientOptions) {
		return func(o *mqtt.ClientOptions) {
			o.Servers = nil
			o.AddBroker(strings.Replace(m.URL, "tcp://", "ssl://", 1)).SetTLSConfig(&tls.Config{RootCAs: pki.pool, Certificates: certificates})
		}
	}
	car, _ := pki.device("car-a")
	p.connect("forger", over(car)).client.Publish("presage/v1/car-b/telemetry", 1, false, `{"forged": 1}`).WaitTimeout(5 * time.Second)
	p.connect("a", over(car)).publish("presage/v1/car-a/telemetry", `{"own": 1}`)
	p.arrives("car-a", "own")
	p.never("car-b", "forged")
	stranger, _ := newPKI(t).device("car-a")
	for name, certificates := range map[string][]tls.Certificate{"nobody": nil, "a certificate of another authority": {stranger}} {
		if _, err := p.tryConnect("s", over(certificates...)); err == nil {
			t.Errorf("%s was let in", name)
		}
	}
}
