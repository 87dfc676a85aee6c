package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/ingest/broker"
	"github.com/presage-pdm/presage/web"
)

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSettingsPrecedence(t *testing.T) {
	path := writeFile(t, "presage.yaml", `
data: /from/file
http: {listen: "127.0.0.1:1"}
mqtt: {listen: "127.0.0.1:2"}
series: {retention: 48h}
webhooks:
  - {url: "http://127.0.0.1/hook", secret: sixteen bytes it}
`)
	s, err := LoadSettings(path,
		[]string{"PRESAGE_HTTP_LISTEN=127.0.0.1:3", "PRESAGE_MQTT_LISTEN=127.0.0.1:4", "PRESAGE_INGEST_MAX_PAYLOAD=2048", "HOME=/"},
		map[string]any{"mqtt.listen": "127.0.0.1:5"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Data != "/from/file" || s.HTTP.Listen != "127.0.0.1:3" || s.MQTT.Listen != "127.0.0.1:5" {
		t.Errorf("flag over environment over file: got data %s, http %s, mqtt %s", s.Data, s.HTTP.Listen, s.MQTT.Listen)
	}
	if s.Series.Retention != 48*time.Hour || s.Ingest.MaxPayload != 2048 || len(s.Webhooks) != 1 || s.Webhooks[0].Secret != "sixteen bytes it" {
		t.Errorf("typed values: %+v", s)
	}
}

func TestSettingsErrorsNameTheRemedy(t *testing.T) {
	for _, c := range []struct {
		name, file string
		environ    []string
		flags      map[string]any
		want       string
	}{
		{name: "unknown key", file: "htpp: {listen: x}", want: `unknown key "htpp.listen", did you mean "http.listen"?`},
		{name: "unknown key in a list", file: "webhooks: [{uri: x}]", want: "uri"},
		{name: "unknown variable", environ: []string{"PRESAGE_MQTT_LISTNE=x"}, want: `did you mean "PRESAGE_MQTT_LISTEN"?`},
		{name: "bad policy", flags: map[string]any{"unknown_devices": "drop"}, want: "none of reject, quarantine and register"},
		{name: "bad address", flags: map[string]any{"http.listen": "8080"}, want: "http.listen"},
		{name: "public without credentials", flags: map[string]any{"mqtt.listen": "0.0.0.0:1883"}, want: "set mqtt.username and mqtt.password"},
		{name: "public TLS without credentials", flags: map[string]any{"mqtt.tls_listen": "0.0.0.0:8883", "mqtt.tls_certificate": "c", "mqtt.tls_key": "k"}, want: "mqtt.tls_listen: 0.0.0.0:8883 can be reached"},
		{name: "TLS without a certificate", flags: map[string]any{"mqtt.tls_listen": "127.0.0.1:8883"}, want: "mqtt.tls_listen: set mqtt.tls_certificate, too"},
		{name: "TLS without a port", flags: map[string]any{"mqtt.tls_listen": "8883"}, want: `mqtt.tls_listen: "8883" is not host:port`},
		{name: "password without a name", flags: map[string]any{"mqtt.password": "x"}, want: "mqtt.password: set mqtt.username, too"},
		{name: "authorities without TLS", flags: map[string]any{"mqtt.client_ca": "ca.pem"}, want: "mqtt.client_ca: set mqtt.tls_certificate, too"},
		{name: "certificates of nobody", flags: map[string]any{"mqtt.require_certificate": true}, want: "mqtt.require_certificate: set mqtt.client_ca, too"},
		{name: "revocations of nobody", flags: map[string]any{"mqtt.client_crl": "crl.pem"}, want: "mqtt.client_crl: set mqtt.client_ca, too"},
		{name: "JWT without keys", flags: map[string]any{"mqtt.jwt.issuer": "x"}, want: "mqtt.jwt: set mqtt.jwt.keys, too"},
		{name: "weak secret", environ: []string{"PRESAGE_MQTT_JWT_SECRET=short"}, want: "HS256 needs 32 at least"},
		{name: "bad database", flags: map[string]any{"database": "mysql://x"}, want: "postgres://"},
		{name: "short retention", flags: map[string]any{"retention.events": "1h"}, want: "retention.events: 1h0m0s is less than a day"},
		{name: "bad limit", flags: map[string]any{"limits.in_flight": 70_000}, want: "limits.in_flight: 70000 is not within 1 and 65535"},
		{name: "checkpoints without pause", flags: map[string]any{"ingest.checkpoint_every": "0s"}, want: "ingest.checkpoint_every: 0s is not within 10ms and 1h"},
		{name: "long reorder window", flags: map[string]any{"ingest.reorder_window": "1h"}, want: "ingest.reorder_window: 1h0m0s is not within 0 and 10m"},
		{name: "no false ticket at all", flags: map[string]any{"detection.false_tickets": 0.0}, want: "detection.false_tickets: 0 is not within 0.001 and 10"},
		{name: "little memory for detection", flags: map[string]any{"detection.memory": 1000}, want: "detection.memory: 1000 is not within 1 MiB and 1 TiB"},
		{name: "not YAML", file: "a: [", want: "read configuration"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := ""
			if c.file != "" {
				path = writeFile(t, "presage.yaml", c.file)
			}
			_, err := LoadSettings(path, c.environ, c.flags)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want it to say %q", err, c.want)
			}
		})
	}
}

// TestPublicListenersWithCredentials: each way in that devices have opens a listener to other machines.
func TestPublicListenersWithCredentials(t *testing.T) {
	for name, flags := range map[string]map[string]any{
		"shared password": {"mqtt.username": "device", "mqtt.password": "secret"},
		"tokens":          {"mqtt.require_credentials": true},
		"JWT":             {"mqtt.jwt.keys": "keys.pem"},
		"certificates":    {"mqtt.client_ca": "ca.pem", "mqtt.tls_certificate": "c", "mqtt.tls_key": "k"},
		"another broker":  {"mqtt.broker": "mqtt://example.com:1883"},
	} {
		flags["mqtt.listen"] = "0.0.0.0:1883"
		if _, err := LoadSettings("", nil, flags); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDefaultSettingsAreValid(t *testing.T) {
	if _, err := LoadSettings("", nil, nil); err != nil {
		t.Fatal(err)
	}
}

// TestLimitsFitTheOpenFiles keeps files for the stores, and shares the rest between devices and browsers.
func TestLimitsFitTheOpenFiles(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	for _, c := range []struct {
		files, connections, http int
	}{{1 << 20, 100_000, 10_000}, {20_512, 15_000, 5000}, {1024, 384, 128}, {576, 48, 16}} {
		l := defaultLimits()
		if err := l.fitFiles(int64(c.files), log); err != nil || l.Connections != c.connections || l.HTTPConnections != c.http {
			t.Errorf("%d files: %d connections and %d of HTTP, %v; want %d and %d", c.files, l.Connections, l.HTTPConnections, err, c.connections, c.http)
		}
	}
	l := defaultLimits()
	if err := l.fitFiles(256, log); err == nil || !strings.Contains(err.Error(), "LimitNOFILE") {
		t.Errorf("256 files: %v", err)
	}
	if files, err := openFiles(); err != nil || files < 256 {
		t.Errorf("this process may have %d files open, %v", files, err)
	}
}

// TestLimitsReachTheParts changes every limit and finds the change in what the parts are told.
func TestLimitsReachTheParts(t *testing.T) {
	var l LimitSettings
	v := reflect.ValueOf(&l).Elem()
	var want []int64
	for i := range v.NumField() {
		v.Field(i).SetInt(int64(1000 + i))
		want = append(want, int64(1000+i))
	}
	var i ingest.Limits
	var b broker.Config
	var w web.Config
	l.intake(&i)
	l.broker(&b)
	l.web(&w)
	got := map[int64]bool{int64(l.HTTPConnections): true} // of the listener
	for _, part := range []reflect.Value{reflect.ValueOf(i), reflect.ValueOf(b), reflect.ValueOf(w)} {
		for i := range part.NumField() {
			if f := part.Field(i); f.CanInt() {
				got[f.Int()] = true
			}
		}
	}
	for n, value := range want {
		if !got[value] {
			t.Errorf("limits.%s reaches no part", v.Type().Field(n).Tag.Get("koanf"))
		}
	}
	if len(l.bounds()) != v.NumField() {
		t.Errorf("%d limits have bounds, want all %d", len(l.bounds()), v.NumField())
	}
}
