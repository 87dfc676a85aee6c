package main

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/presage-pdm/presage/tickets"
)

// At two thousand messages a second, a ticket opens within a second of the
// publish that completes its fault, at the 99th percentile.
func TestTicketOpensWithinASecondUnderLoad(t *testing.T) {
	const (
		rate     = 2000 // messages a second, all of telemetry
		devices  = 200
		faults   = 100
		duration = 12 * time.Second
	)
	p := start(t, "serve", allEmbedded(t), "--unknown-devices", "register")

	var wait sync.WaitGroup
	stop := make(chan struct{})
	const connections = 4
	for c := range connections {
		d := p.connect(fmt.Sprintf("load-%d", c))
		wait.Add(1)
		go func() { // ends when stop is closed
			defer wait.Done()
			tick := time.NewTicker(time.Second / (rate / connections))
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-tick.C:
				}
				now := time.Now()
				id := (n*connections + c) % devices
				// Slow, smooth, healthy.
				v := 20 + float64(now.UnixMilli()%60000)/60000 + float64(n%7)/100
				d.client.Publish(fmt.Sprintf("presage/v1/load-%03d/telemetry", id), 1, false,
					fmt.Sprintf(`{"ts": %d, "values": {"a": %.3f, "b": %.3f, "c": %.3f, "d": %.3f}}`, now.UnixMilli(), v, v+1, v+2, v+3))
			}
		}()
	}

	published := make(map[string]time.Time, faults)
	d := p.connect("tvs")
	for i := range faults {
		tv := fmt.Sprintf("tv-%03d", i)
		for n := range int64(3) {
			at := time.Now()
			d.client.Publish("presage/v1/"+tv+"/event", 1, false, fmt.Sprintf(`{"ts": %d, "code": "crash"}`, at.UnixMilli()-2+n))
			published[tv] = at
		}
		time.Sleep(duration / faults)
	}
	close(stop)
	wait.Wait()

	delays := make([]time.Duration, 0, faults)
	p.eventually(30*time.Second, "every fault has its ticket", func() (bool, string) {
		var page tickets.Page
		p.get("/api/v1/tickets?limit=500&component=&q=crash", &page)
		seen := 0
		for _, ticket := range page.Tickets {
			if _, ok := published[ticket.Device]; ok && ticket.FaultCode == "crash-loop" {
				seen++
			}
		}
		return seen == faults, fmt.Sprintf("%d of %d", seen, faults)
	})
	var page tickets.Page
	p.get("/api/v1/tickets?limit=500&q=crash", &page)
	for _, ticket := range page.Tickets {
		if at, ok := published[ticket.Device]; ok {
			delays = append(delays, ticket.RecordedAt.Sub(at))
		}
	}
	p50, p99 := quantile(delays, 0.50), quantile(delays, 0.99)
	t.Logf("publish to ticket at %d messages/s: p50 %s, p99 %s", rate, p50, p99)
	if p99 >= time.Second {
		t.Errorf("p99 is %s, want less than a second", p99)
	}
}
