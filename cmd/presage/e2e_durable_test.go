package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// ackedReadings publishes numbered readings of one device until stop is
// closed and remembers those whose PUBACK was seen.
type ackedReadings struct {
	mu    sync.Mutex
	acked map[int64]float64 // Unix milliseconds to value
	sent  int64
}

// base is the first time stamp of the numbered readings.
var base = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixMilli()

// publishUntil sends one reading after another, reconnecting when the
// connection or the broker is gone. A reading without PUBACK is sent again, as
// a device would.
func (a *ackedReadings) publishUntil(p *process, deviceID string, stop <-chan struct{}, pace time.Duration) {
	var d *device
	n := a.sent
	for {
		select {
		case <-stop:
			if d != nil {
				d.client.Disconnect(50)
			}
			return
		default:
		}
		if d == nil || !d.client.IsConnected() {
			fresh, err := p.tryConnect(deviceID)
			if err != nil {
				time.Sleep(50 * time.Millisecond)
				continue
			}
			d = fresh
		}
		ts, value := base+n*1000, float64(n)
		token := d.client.Publish("presage/v1/"+deviceID+"/telemetry", 1, false, fmt.Sprintf(`{"ts": %d, "values": {"n": %v}}`, ts, value))
		if !token.WaitTimeout(2*time.Second) || token.Error() != nil {
			continue
		}
		a.mu.Lock()
		a.acked[ts] = value
		n++
		a.sent = n
		a.mu.Unlock()
		time.Sleep(pace)
	}
}

func (a *ackedReadings) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.acked)
}

// check reads everything back and reports acknowledged readings that are missing or changed.
func (a *ackedReadings) check(p *process, deviceID string) {
	p.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	p.eventually(90*time.Second, "every acknowledged reading can be read back", func() (bool, string) {
		got := make(map[int64]float64)
		const page = 1000 * 1000 // readings are a second apart: a thousand a page
		for from := base; from < base+a.sent*1000; from += page {
			for _, point := range p.points(deviceID, "n", from, from+page) {
				got[int64(point[0])] = point[1]
			}
		}
		missing := 0
		for ts, value := range a.acked {
			if v, ok := got[ts]; !ok || v != value {
				missing++
			}
		}
		return missing == 0, fmt.Sprintf("%d of %d are missing", missing, len(a.acked))
	})
}

// crashLoop publishes the three crashes that make one ticket.
func crashLoop(t testing.TB, p *process, tv string, at int64) {
	t.Helper()
	d := p.connect(tv)
	for i := range int64(3) {
		d.publish("presage/v1/"+tv+"/event", fmt.Sprintf(`{"ts": %d, "code": "crash"}`, at+i*1000))
	}
	d.client.Disconnect(100)
}

// kill -9 in the middle of publishing: what was acknowledged can be read back,
// and a fault has one ticket.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	inBothSetUps(t, func(t *testing.T, s setUp) {
		p := start(t, "serve", s, "--unknown-devices", "register")
		readings := &ackedReadings{acked: map[int64]float64{}}
		random := rand.New(rand.NewPCG(7, 7))
		const tv = "tv-through-kills"
		at := time.Now().Add(-time.Minute).UnixMilli()
		for round := range 5 {
			stop := make(chan struct{})
			finished := make(chan struct{})
			go func() { // ends before the round does
				defer close(finished)
				readings.publishUntil(p, "meter", stop, 0)
			}()
			before := readings.count()
			p.eventually(30*time.Second, "readings are acknowledged", func() (bool, string) {
				return readings.count() > before+50, fmt.Sprint(readings.count())
			})
			crashLoop(t, p, tv, at)
			time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond)
			p.kill()
			close(stop)
			<-finished
			t.Logf("round %d: killed after %d acknowledged readings", round, readings.count())
			p.run()
		}
		readings.check(p, "meter")
		p.drained()
		if all := p.tickets(tv); len(all) != 1 {
			t.Errorf("%d tickets for one fault through five kills, want 1", len(all))
		}
	})
}

// Some seconds, in the long form a minute, without the database, the broker or the series store while devices
// publish lose no acknowledged reading and open no duplicate ticket; /readyz tells of it, and everything goes on by itself.
func TestOutagesLoseNothing(t *testing.T) {
	away := 5 * time.Second
	if longCrashes() {
		away = time.Minute
	}
	s := allExternal(t)
	p := start(t, "serve", s, "--unknown-devices", "register")
	for _, outage := range []struct {
		name      string
		check     string // of /readyz, which tells of it at once; empty where it takes a minute
		stop, run func()
	}{
		{"database", `"database"`, s.postgres.Stop, s.postgres.Start},
		{"broker", `"broker"`, s.mosquitto.Stop, s.mosquitto.Start},
		{"series store", "", s.influx.Stop, s.influx.Start},
	} {
		t.Run(outage.name, func(t *testing.T) {
			id := "meter-" + outage.name[:4]
			tv := "tv-" + outage.name[:4]
			readings := &ackedReadings{acked: map[int64]float64{}}
			stop := make(chan struct{})
			finished := make(chan struct{})
			go func() { // ends before the test does
				defer close(finished)
				readings.publishUntil(p, id, stop, 5*time.Millisecond)
			}()
			at := time.Now().Add(-time.Minute).UnixMilli()
			p.eventually(30*time.Second, "readings are acknowledged", func() (bool, string) {
				return readings.count() > 100, fmt.Sprint(readings.count())
			})
			crashLoop(t, p, tv, at)
			outage.stop()
			if outage.name != "broker" {
				crashLoop(t, p, tv, at) // the same crashes again, while it is away
			}
			down := time.Now()
			p.eventually(away, "/readyz tells of the outage", func() (bool, string) {
				code, body := p.status()
				return outage.check == "" || code == 503 && strings.Contains(body, outage.check), fmt.Sprint(code, body)
			})
			time.Sleep(time.Until(down.Add(away)))
			outage.run()
			crashLoop(t, p, tv, at)
			after := readings.count()
			p.eventually(60*time.Second, "readings are acknowledged after the outage", func() (bool, string) {
				return readings.count() > after+100, fmt.Sprint(readings.count())
			})
			close(stop)
			<-finished
			readings.check(p, id)
			p.eventually(60*time.Second, "presage is ready again", func() (bool, string) {
				code, body := p.status()
				return code == 200, fmt.Sprint(code, body)
			})
			p.eventually(60*time.Second, "the fault has its ticket", func() (bool, string) {
				n := len(p.tickets(tv))
				return n == 1, fmt.Sprintf("%d tickets", n)
			})
			p.drained()
			if n := len(p.tickets(tv)); n != 1 {
				t.Errorf("%d tickets for one fault, want 1", n)
			}
			peak := p.peakMemory()
			if peak > mostMemory {
				t.Errorf("the process took %d MiB", peak>>20)
			}
			t.Logf("%s away: %d readings acknowledged and read back, %d MiB", away, readings.count(), peak>>20)
		})
	}
}
