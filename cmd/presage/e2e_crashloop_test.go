package main

import (
	"fmt"
	"testing"
	"time"
)

// inBothSetUps runs an end-to-end test all embedded, and on Mosquitto,
// InfluxDB and PostgreSQL.
func inBothSetUps(t *testing.T, test func(t *testing.T, s setUp)) {
	for name, prepare := range map[string]func(testing.TB) setUp{"embedded": allEmbedded, "external": allExternal} {
		t.Run(name, func(t *testing.T) { test(t, prepare(t)) })
	}
}

// A TV that crashes three times in a row gets one ticket; two crashes, or a
// healthy session between, get none; redelivery and a restart change nothing.
func TestCrashLoop(t *testing.T) {
	inBothSetUps(t, func(t *testing.T, s setUp) {
		p := start(t, "serve", s, "--unknown-devices", "register")
		d := p.connect("gateway")
		began := time.Now().Add(-time.Minute).UnixMilli()
		event := func(tv string, at int64, code string) {
			d.publish("presage/v1/"+tv+"/event", fmt.Sprintf(`{"ts": %d, "code": %q}`, at, code))
		}
		for i := range int64(2) {
			event("tv-two", began+i*1000, "crash")
		}
		for i, code := range []string{"crash", "crash", "session_ok", "crash", "crash"} {
			event("tv-healthy-between", began+int64(i)*1000, code)
		}
		for i := range int64(3) {
			event("tv-three", began+i*1000, "crash")
		}
		p.eventually(10*time.Second, "the third crash opens a ticket", func() (bool, string) {
			got := len(p.tickets("tv-three"))
			return got == 1, fmt.Sprintf("%d tickets", got)
		})
		ticket := p.tickets("tv-three")[0]
		if ticket.FaultCode != "crash-loop" || !ticket.Open() || ticket.Number == "" {
			t.Errorf("ticket is %+v, want an open crash-loop", ticket)
		}
		if onset := ticket.OnsetAt.UnixMilli(); onset != began {
			t.Errorf("onset is %d, want that of the first crash, %d", onset, began)
		}

		redeliver := func() {
			for range 10 {
				for i := range int64(3) {
					event("tv-three", began+i*1000, "crash")
				}
			}
			for i := range int64(2) {
				event("tv-two", began+i*1000, "crash")
			}
			p.drained()
		}
		redeliver()
		d.client.Disconnect(100)
		p.stop()
		p.run()
		d = p.connect("gateway")
		redeliver()
		p.kill()
		p.run()
		d = p.connect("gateway")
		redeliver()

		all := p.tickets("tv-three")
		if len(all) != 1 || all[0].ID != ticket.ID {
			t.Errorf("after redelivery and restarts there are %d tickets, want the first one alone", len(all))
		}
		for _, tv := range []string{"tv-two", "tv-healthy-between"} {
			if n := len(p.tickets(tv)); n != 0 {
				t.Errorf("%s has %d tickets, want none", tv, n)
			}
		}
	})
}
