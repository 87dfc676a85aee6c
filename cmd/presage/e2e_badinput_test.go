package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// quarantined returns the reasons for which messages of a topic are in the quarantine.
func (p *process) quarantined(topic string) []string {
	p.t.Helper()
	var reasons []string
	cursor := ""
	for {
		var page struct {
			Entries []struct{ Topic, Reason string }
			Next    string
		}
		p.get("/api/v1/quarantine?limit=100&cursor="+url.QueryEscape(cursor), &page)
		for _, e := range page.Entries {
			if e.Topic == topic {
				reasons = append(reasons, e.Reason)
			}
		}
		if page.Next == "" {
			return reasons
		}
		cursor = page.Next
	}
}

// Every kind of bad input is acknowledged, and its outcome can be seen.
func TestBadInputHasAVisibleOutcome(t *testing.T) {
	now := time.Now().UnixMilli()
	cases := []struct {
		name, topic, payload, reason string
	}{
		{"malformed JSON", "presage/v1/bad-json/telemetry", `{"ts": 1`, "malformed-json"},
		{"a string for a value", "presage/v1/bad-type/telemetry", `{"values": {"a": "hot"}}`, "wrong-type"},
		{"an object for a value", "presage/v1/bad-object/telemetry", `{"values": {"a": {"b": 1}}}`, "wrong-type"},
		{"NaN", "presage/v1/bad-nan/telemetry", `{"values": {"a": NaN}}`, "not-finite"},
		{"infinity", "presage/v1/bad-inf/telemetry", `{"values": {"a": 1e999}}`, "not-finite"},
		{"1970", "presage/v1/bad-1970/telemetry", `{"ts": 1000, "values": {"a": 1}}`, "timestamp-too-old"},
		{"2100", "presage/v1/bad-2100/telemetry", `{"ts": 4102444800000, "values": {"a": 1}}`, "timestamp-in-future"},
		{"invalid UTF-8", "presage/v1/bad-utf8/telemetry", "{\"values\": {\"a\xff\": 1}}", "invalid-utf8"},
		{"nothing", "presage/v1/bad-empty/telemetry", "", "empty-payload"},
		{"bad topic", "presage/v1/bad-topic/temperature", `{"a": 1}`, "bad-topic"},
		{"event without a code", "presage/v1/bad-event/event", `{"ts": 1700000000000}`, "missing-code"},
	}
	inBothSetUps(t, func(t *testing.T, s setUp) {
		p := start(t, "serve", s, "--unknown-devices", "register")
		d := p.connect("gateway")
		for _, c := range cases {
			d.publish(c.topic, c.payload)
		}
		for _, c := range cases {
			p.eventually(10*time.Second, c.name+" is in the quarantine", func() (bool, string) {
				got := p.quarantined(c.topic)
				return len(got) == 1 && got[0] == c.reason, fmt.Sprintf("%q, want %s", got, c.reason)
			})
		}

		// A metric that nobody described is taken; a duplicate changes nothing;
		// what comes out of order is put in its place.
		d.publish("presage/v1/odd/telemetry", fmt.Sprintf(`{"ts": %d, "values": {"nie gehörte Größe": 3}}`, now))
		for _, at := range []int64{now - 1000, now, now - 2000, now, now - 1000} {
			d.publish("presage/v1/odd/telemetry", fmt.Sprintf(`{"ts": %d, "values": {"n": %d}}`, at, at-now))
		}
		want := [][2]float64{{float64(now - 2000), -2000}, {float64(now - 1000), -1000}, {float64(now), 0}}
		p.eventually(10*time.Second, "readings are in order, each once", func() (bool, string) {
			got := p.points("odd", "n", now-10_000, now+10_000)
			return fmt.Sprint(got) == fmt.Sprint(want), fmt.Sprint(got)
		})
		if got := p.points("odd", "nie gehörte Größe", now-10_000, now+10_000); len(got) != 1 {
			t.Errorf("the metric that nobody described has %d points, want 1", len(got))
		}
	})
}

// A payload of 10 MB ends its connection, is counted, and harms nobody else.
func TestOversizedPayload(t *testing.T) {
	p := start(t, "serve", allEmbedded(t), "--unknown-devices", "register")
	lost := make(chan error, 1)
	big := p.connect("big", func(o *mqtt.ClientOptions) {
		o.SetConnectionLostHandler(func(_ mqtt.Client, err error) { lost <- err })
	})
	other := p.connect("other")
	big.client.Publish("presage/v1/big/telemetry", 1, false, `{"values": {"a": `+strings.Repeat("1", 10<<20)+`}}`)
	select {
	case <-lost:
	case <-time.After(10 * time.Second):
		t.Error("the connection that sent 10 MB is still there")
	}
	other.publish("presage/v1/other/telemetry", `{"a": 1}`)
	p.eventually(5*time.Second, "the oversized message is counted", func() (bool, string) {
		text := p.metrics()
		for line := range strings.Lines(text) {
			if strings.Contains(line, "too-large") && !strings.HasSuffix(strings.TrimSpace(line), " 0") {
				return true, ""
			}
		}
		return false, "no counter above 0 with too-large in /metrics"
	})
}

// metrics returns what /metrics shows.
func (p *process) metrics() string {
	p.t.Helper()
	resp, err := http.Get("http://" + p.http + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// Messages of unknown devices follow the policy.
func TestUnknownDevices(t *testing.T) {
	const payload = `{"values": {"a": 1}}`
	for _, policy := range []string{"reject", "quarantine", "register"} {
		t.Run(policy, func(t *testing.T) {
			p := start(t, "serve", allEmbedded(t), "--unknown-devices", policy)
			d := p.connect("stranger")
			topic := "presage/v1/stranger/telemetry"
			d.publish(topic, payload)
			err := p.request(http.MethodGet, "/api/v1/devices/stranger", nil, nil)
			switch policy {
			case "register":
				if err != nil {
					t.Errorf("the device is not registered: %v", err)
				}
			case "quarantine":
				p.eventually(5*time.Second, "the message is in the quarantine", func() (bool, string) {
					got := p.quarantined(topic)
					return len(got) == 1 && got[0] == "unknown-device", fmt.Sprint(got)
				})
				p.adoptFromQuarantine(topic)
			case "reject":
				if got := p.quarantined(topic); len(got) != 0 {
					t.Errorf("a rejected message is in the quarantine: %v", got)
				}
				if text := p.metrics(); !strings.Contains(text, "unknown-device") {
					t.Error("the rejection is not counted in /metrics")
				}
			}
			if policy != "register" && err == nil {
				t.Errorf("policy %s registered the device", policy)
			}
		})
	}
}

// adoptFromQuarantine registers the stranger, tries its message again, and reads it back.
func (p *process) adoptFromQuarantine(topic string) {
	p.t.Helper()
	file := writeFile(p.t.(*testing.T), "devices.csv", "id,name\nstranger,No longer one\n")
	p.command("import", "devices", file)
	var page struct {
		Entries []struct{ ID, Topic string }
	}
	p.get("/api/v1/quarantine", &page)
	for _, e := range page.Entries {
		if e.Topic != topic {
			continue
		}
		p.eventually(2*fleetRefresh, "the message is taken after the import", func() (bool, string) {
			err := p.request(http.MethodPost, "/api/v1/quarantine/"+e.ID+"/retry", nil, nil)
			return err == nil, fmt.Sprint(err)
		})
	}
	now := time.Now().UnixMilli()
	p.eventually(5*time.Second, "the retried reading can be read back", func() (bool, string) {
		got := p.points("stranger", "a", now-120_000, now+1000)
		return len(got) == 1, fmt.Sprint(got)
	})
	if got := p.quarantined(topic); len(got) != 0 {
		p.t.Errorf("the retried message is still in the quarantine: %v", got)
	}
}
