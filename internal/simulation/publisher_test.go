package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/presage-pdm/presage/internal/realserver"
	"github.com/presage-pdm/presage/telemetry"
)

// listener collects what a real broker hands out.
type listener struct {
	mu       sync.Mutex
	readings map[string]map[int64]map[string]float64 // device, time, metric
	events   map[string]int                          // code
	online   map[string]bool
}

func listen(t *testing.T, broker string) *listener {
	t.Helper()
	l := &listener{readings: map[string]map[int64]map[string]float64{}, events: map[string]int{}, online: map[string]bool{}}
	subscribed := make(chan struct{}, 16) // one for each connection; the tests make two at most
	o := mqtt.NewClientOptions().AddBroker(broker).SetClientID("listener").SetOrderMatters(true)
	o.SetOnConnectHandler(func(c mqtt.Client) {
		sub := c.Subscribe("presage/v1/+/+", 1, func(_ mqtt.Client, m mqtt.Message) { l.take(t, m.Topic(), m.Payload()) })
		if err := wait(context.Background(), sub, 10*time.Second); err != nil {
			t.Errorf("subscribe: %v", err)
		}
		subscribed <- struct{}{}
	})
	c := mqtt.NewClient(o)
	if err := wait(t.Context(), c.Connect(), 10*time.Second); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Disconnect(0) })
	<-subscribed
	return l
}

func (l *listener) take(t *testing.T, topic string, payload []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	parts := strings.Split(topic, "/")
	device := parts[2]
	switch parts[3] {
	case "telemetry":
		type reading struct {
			TS     int64              `json:"ts"`
			Values map[string]float64 `json:"values"`
		}
		var rows []reading
		if payload[0] == '{' {
			rows = make([]reading, 1)
			if err := json.Unmarshal(payload, &rows[0]); err != nil {
				t.Errorf("%s: %v", topic, err)
			}
		} else if err := json.Unmarshal(payload, &rows); err != nil {
			t.Errorf("%s: %v", topic, err)
		}
		if l.readings[device] == nil {
			l.readings[device] = map[int64]map[string]float64{}
		}
		for _, r := range rows {
			l.readings[device][r.TS] = r.Values
		}
	case "event":
		var events []struct{ ID, Code string }
		if err := json.Unmarshal(payload, &events); err != nil {
			t.Errorf("%s: %v", topic, err)
		}
		for _, e := range events {
			l.events[e.Code]++
		}
	case "state":
		var s struct{ Online bool }
		if err := json.Unmarshal(payload, &s); err != nil {
			t.Errorf("%s: %v", topic, err)
		}
		l.online[device] = s.Online
	}
}

// until polls a condition of the listener: the broker hands out when it likes.
func (l *listener) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		l.mu.Lock()
		done := ok()
		l.mu.Unlock()
		if done {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func TestPublishOverMosquitto(t *testing.T) {
	broker := realserver.Mosquitto(t)
	l := listen(t, broker.URL)
	f := newFleet(t, func(c *Config) { small(c); c.Interval = 20 * time.Millisecond; c.FirstFault = 0 })
	p, err := Connect(t.Context(), f, DefaultPublisherConfig(broker.URL))
	if err != nil {
		t.Fatal(err)
	}
	l.until(t, "every device is online", func() bool { return len(l.online) == f.Devices() })

	now := time.Now()
	cfg := DefaultBackfill(now)
	var done, total int
	cfg.Progress = func(d, n int) { done, total = d, n }
	if err := p.Backfill(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if want := 28 * f.Devices(); done != want || total != want {
		t.Errorf("progress ends at %d of %d, want %d", done, total, want)
	}
	l.until(t, "the history is there", func() bool {
		for i := range f.Devices() {
			if len(l.readings[f.Device(i)]) != 14*144 {
				return false
			}
		}
		return l.events["session_ok"] > 0
	})
	for _, d := range f.devices {
		for _, values := range l.readings[d.id] {
			if len(values) != len(d.model.metrics) {
				t.Fatalf("%s reports %v", d.id, values)
			}
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Live(ctx) }()
	l.until(t, "live readings", func() bool { return len(l.readings[f.Device(0)]) > 14*144+5 })
	broker.Kill()
	broker.Start()
	back := time.Now().UnixMilli()
	l.until(t, "live readings after the broker came back", func() bool {
		for at := range l.readings[f.Device(0)] {
			if at > back {
				return true
			}
		}
		return false
	})
	if live := len(f.Faults()) - len(pastOf(f)); live < 1 {
		t.Error("no live fault was declared")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatalf("live ends with %v", err)
	}
}

func pastOf(f *Fleet) (past []Fault) {
	for _, fault := range f.Faults() {
		if fault.Past {
			past = append(past, fault)
		}
	}
	return past
}

func TestCloseSaysOffline(t *testing.T) {
	broker := realserver.Mosquitto(t)
	l := listen(t, broker.URL)
	f := newFleet(t, small)
	p, err := Connect(t.Context(), f, DefaultPublisherConfig(broker.URL))
	if err != nil {
		t.Fatal(err)
	}
	l.until(t, "every device is online", func() bool { return len(l.online) == f.Devices() })
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	l.until(t, "every device is offline", func() bool {
		for _, online := range l.online {
			if online {
				return false
			}
		}
		return true
	})
}

func TestConnectFails(t *testing.T) {
	f := newFleet(t, small)
	cfg := DefaultPublisherConfig(fmt.Sprintf("mqtt://user:secret@127.0.0.1:%d", realserver.FreePort(t)))
	cfg.Timeout = time.Second
	if _, err := Connect(t.Context(), f, cfg); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("without a broker: %v", err)
	}
	for _, broker := range []string{"", "localhost", "://"} {
		if _, err := Connect(t.Context(), f, DefaultPublisherConfig(broker)); err == nil {
			t.Errorf("broker %q is not refused", broker)
		}
	}
}

func TestAppendTelemetry(t *testing.T) {
	s := func(metric string, time int64, value float64) telemetry.Sample {
		return telemetry.Sample{Metric: metric, Time: time, Value: value}
	}
	for _, test := range []struct {
		samples []telemetry.Sample
		want    string
	}{
		{nil, ``},
		{[]telemetry.Sample{s("a", 1, 1.5)}, `{"ts":1,"values":{"a":1.5}}`},
		{[]telemetry.Sample{s("a", 1, 1.5), s("b c\"", 1, -2)}, `{"ts":1,"values":{"a":1.5,"b c\"":-2}}`},
		{[]telemetry.Sample{s("a", 1, 1), s("b", 1, 2), s("a", 2, 3)}, `[{"ts":1,"values":{"a":1,"b":2}},{"ts":2,"values":{"a":3}}]`},
	} {
		if got := string(AppendTelemetry([]byte("x"), &telemetry.Batch{Samples: test.samples})); got != "x"+test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}
