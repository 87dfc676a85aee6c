package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
		{name: "bad database", flags: map[string]any{"database": "mysql://x"}, want: "postgres://"},
		{name: "short retention", flags: map[string]any{"retention.events": "1h"}, want: "retention.events: 1h0m0s is less than a day"},
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

func TestDefaultSettingsAreValid(t *testing.T) {
	if _, err := LoadSettings("", nil, nil); err != nil {
		t.Fatal(err)
	}
}
