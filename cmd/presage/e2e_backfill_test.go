package main

import (
	"fmt"
	"testing"
	"time"
)

// A TV that was out of reach sends what it kept: its crash loop of this morning is a quiet ticket, until a live reading
// shows that the TV is back and no session was good since. One that recovered meanwhile stays quiet.
func TestFaultOfABackfillThatIsStillThere(t *testing.T) {
	p := start(t, "serve", allEmbedded(t), "--unknown-devices", "register")
	d := p.connect("gateway")
	morning := time.Now().Add(-5 * time.Hour).UnixMilli()
	event := func(tv string, second int64, code string) {
		d.publish("presage/v1/"+tv+"/event", fmt.Sprintf(`{"ts": %d, "code": %q}`, morning+second*1000, code))
	}
	for _, tv := range []string{"tv-broken", "tv-recovered"} {
		for i := range int64(3) {
			event(tv, i, "crash")
		}
	}
	event("tv-recovered", 60, "session_ok")
	p.drained()
	p.eventually(10*time.Second, "the past has two quiet tickets", func() (bool, string) {
		broken, recovered := p.tickets("tv-broken"), p.tickets("tv-recovered")
		if len(broken) != 1 || len(recovered) != 1 {
			return false, fmt.Sprintf("%d and %d tickets", len(broken), len(recovered))
		}
		return broken[0].Backfill && broken[0].Open() && recovered[0].Backfill && !recovered[0].Open(), fmt.Sprintf("%+v and %+v", broken[0], recovered[0])
	})

	for _, tv := range []string{"tv-broken", "tv-recovered"} {
		d.publish("presage/v1/"+tv+"/telemetry", fmt.Sprintf(`{"ts": %d, "values": {"cpu_load": 20}}`, time.Now().UnixMilli()))
	}
	p.eventually(10*time.Second, "the fault that is still there pages", func() (bool, string) {
		broken := p.tickets("tv-broken")
		return len(broken) == 1 && !broken[0].Backfill && broken[0].Open() && !broken[0].Deadline.IsZero(), fmt.Sprintf("%+v", broken)
	})
	broken := p.tickets("tv-broken")[0]
	if onset := broken.OnsetAt.UnixMilli(); onset != morning {
		t.Errorf("onset is %d, want that of the first crash, %d", onset, morning)
	}
	if recovered := p.tickets("tv-recovered"); len(recovered) != 1 || recovered[0].Open() || !recovered[0].Backfill {
		t.Errorf("the TV that recovered has %+v", recovered)
	}
}
