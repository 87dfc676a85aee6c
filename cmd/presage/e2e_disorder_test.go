package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Messages that come out of order over MQTT are judged in the order of their times, across kill -9; who is in order does not wait.
func TestDisorderOverMQTT(t *testing.T) {
	config := filepath.Join(t.TempDir(), "presage.yaml")
	if err := os.WriteFile(config, []byte("ingest: {reorder_window: 8s}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "serve", allEmbedded(t), "--config", config, "--unknown-devices", "register")
	d := p.connect("gateway")
	began := time.Now().Add(-10 * time.Minute).UnixMilli()
	event := func(tv string, second int64, code string) {
		d.publish("presage/v1/"+tv+"/event", fmt.Sprintf(`{"ts": %d, "code": %q}`, began+second*1000, code))
	}
	telemetry := func(second int64) {
		d.publish("presage/v1/pump/telemetry", fmt.Sprintf(`{"ts": %d, "values": {"flow": 3}}`, began+second*1000))
	}

	for second := range int64(20) {
		telemetry(second)
	}
	telemetry(21) // 20 is overtaken
	p.eventually(5*time.Second, "the reading after the gap waits", func() (bool, string) {
		n := p.metric("presage_detection_held")
		return n == 1, fmt.Sprintf("%v wait", n)
	})
	telemetry(20)
	p.eventually(5*time.Second, "the missing reading is put in its place", func() (bool, string) {
		n := p.metric("presage_detection_reordered_total")
		return n == 1, fmt.Sprintf("%v reordered", n)
	})

	for _, tv := range []string{"tv-three", "tv-healthy-between"} {
		event(tv, -1, "note")
		event(tv, -2, "note") // this TV is out of order
	}
	for _, second := range []int64{0, 2, 1} {
		event("tv-three", second, "crash")
	}
	for _, second := range []int64{3, 0, 2} {
		event("tv-healthy-between", second, "crash")
	}
	p.drained()
	if n := len(p.tickets("tv-three")) + len(p.tickets("tv-healthy-between")); n != 0 {
		t.Errorf("%d tickets of what waits", n)
	}
	d.client.Disconnect(100)
	p.kill()
	p.run()
	d = p.connect("gateway")
	event("tv-healthy-between", 1, "session_ok")
	for _, second := range []int64{2, 0, 1} { // again, as after a lost connection
		event("tv-three", second, "crash")
	}

	// A TV in order has its ticket while the others wait.
	for second := range int64(3) {
		event("tv-in-order", second, "crash")
	}
	p.eventually(3*time.Second, "three crashes in order open a ticket at once", func() (bool, string) {
		n := len(p.tickets("tv-in-order"))
		return n == 1, fmt.Sprintf("%d tickets", n)
	})
	// A day of backfill in order is judged at once, too: its crash loop came and went.
	yesterday := int64(-24 * 3600)
	for i, code := range []string{"crash", "crash", "crash", "session_ok"} {
		event("tv-back", yesterday+int64(i), code)
	}

	p.eventually(40*time.Second, "nothing waits any more", func() (bool, string) {
		n := p.metric("presage_detection_held")
		return n == 0, fmt.Sprintf("%v wait", n)
	})
	p.eventually(10*time.Second, "three crashes in any order open one ticket", func() (bool, string) {
		n := len(p.tickets("tv-three"))
		return n == 1, fmt.Sprintf("%d tickets", n)
	})
	if onset := p.tickets("tv-three")[0].OnsetAt.UnixMilli(); onset != began {
		t.Errorf("onset is %d, want that of the first crash, %d", onset, began)
	}
	if all := p.tickets("tv-healthy-between"); len(all) != 0 {
		t.Errorf("a healthy session between, and there is %+v", all)
	}
	if all := p.tickets("tv-back"); len(all) != 1 || !all[0].Backfill || all[0].Open() || all[0].OpenedAt.UnixMilli() != began+(yesterday+2)*1000 {
		t.Errorf("yesterday's crash loop is %+v", all)
	}
}
