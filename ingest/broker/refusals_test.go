package broker

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// TestRefusalsAreToldOnceAMinute: for each device, whatever the others do, in bounded memory.
func TestRefusalsAreToldOnceAMinute(t *testing.T) {
	var r refusals
	now := time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)
	if tell, _ := r.note("car-1", now); !tell {
		t.Error("the first refusal is not told")
	}
	for range 5 {
		if tell, _ := r.note("car-1", now.Add(59*time.Second)); tell {
			t.Error("told twice within a minute")
		}
	}
	if tell, _ := r.note("car-2", now); !tell {
		t.Error("another device is kept quiet")
	}
	if tell, untold := r.note("car-1", now.Add(time.Minute)); !tell || untold != 5 {
		t.Errorf("after a minute: told %v, with %d untold; want 5", tell, untold)
	}
	told := 0
	for i := range 3 * maxRefusals {
		if tell, _ := r.note(fmt.Sprint(strings.Repeat("x", refusalName-8), i), now.Add(time.Minute)); tell {
			told++
		}
	}
	if len(r.since) > maxRefusals || told > maxRefusals+1 {
		t.Errorf("%d devices are remembered and %d told", len(r.since), told)
	}
	if tell, _ := r.note("car-3", now.Add(3*time.Minute)); !tell || len(r.since) != 1 {
		t.Errorf("old refusals take the room: %d", len(r.since))
	}
}

func TestRefusalIsLoggedAndCounted(t *testing.T) {
	var log bytes.Buffer
	b := start(t, func(c *Config, p *Parts) {
		withKeys(c, p)
		c.RequireCredentials = true
		p.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	for range 3 {
		if _, ack := tryConnect(t, b.Broker, 5, "a", withUser("car-1", "guess")); ack.ReasonCode != 0x86 {
			t.Errorf("got %#x", ack.ReasonCode)
		}
	}
	tryConnect(t, b.Broker, 4, strings.Repeat("long", 100))
	if got := testutil.ToFloat64(b.metrics.turnedAway.WithLabelValues("unknown-token")); got != 3 {
		t.Errorf("%v refusals were counted", got)
	}
	if got := testutil.ToFloat64(b.metrics.turnedAway.WithLabelValues("no-credentials")); got != 1 {
		t.Errorf("%v refusals without credentials were counted", got)
	}
	b.Close()
	if n := strings.Count(log.String(), "refused a connection"); n != 2 {
		t.Errorf("%d lines, want one for each device:\n%s", n, log.String())
	}
	if !strings.Contains(log.String(), "device=car-1") || strings.Contains(log.String(), "guess") {
		t.Errorf("the log says:\n%s", log.String())
	}
}
