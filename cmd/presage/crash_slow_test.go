package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/presage-pdm/presage/internal/powercut"
)

// TestSlowDisk makes every sync of the real program take long: devices wait for their PUBACK as long as the disk takes, fewer
// are taken, none is lost, memory stays bounded, and the program stays well.
func TestSlowDisk(t *testing.T) {
	delay, lasts := 200*time.Millisecond, 6*time.Second
	if longCrashes() {
		delay, lasts = 2*time.Second, time.Minute
	}
	p := start(t, "serve", allEmbedded(t), crashFlags(t, "")...)
	all, acks := newGateways(4, 64, 0)
	load := publishAll(p, all, false)
	k := &killer{p: p, acks: acks}
	k.acked(500)
	begun, before := time.Now(), acks.Load()
	time.Sleep(2 * time.Second)
	quick := float64(acks.Load()-before) / time.Since(begun).Seconds()
	load.end()
	p.settledFindings() // what the quick disk left for the desk would take the slow one minutes
	p.stop()

	p.wrap = powercut.Slow(t, fmt.Sprint(delay.Microseconds()))
	p.run()
	for _, g := range all {
		g.waited()
	}
	load = publishAll(p, all, false)
	k.acked(1)
	begun, before = time.Now(), acks.Load()
	for time.Since(begun) < lasts {
		time.Sleep(500 * time.Millisecond)
		if code, body := p.status(); code != 200 {
			t.Errorf("not ready on a disk that is slow: %d %s", code, body)
		}
	}
	slow := float64(acks.Load()-before) / time.Since(begun).Seconds()
	load.end()
	var waits []time.Duration
	for _, g := range all {
		waits = append(waits, g.waited()...)
	}
	if slow <= 0 || slow >= quick {
		t.Errorf("%.0f messages a second were taken, %.0f on a disk that is not slowed", slow, quick)
	}
	// A message waits for the sync under way and for its own.
	if median := quantile(waits, 0.5); median < delay/2 || median > 6*delay {
		t.Errorf("the median PUBACK took %v with syncs of %v", median, delay)
	}
	peak := p.peakMemory()
	if peak > mostMemory {
		t.Errorf("the process took %d MiB", peak>>20)
	}
	p.kill() // the shutdown would sync some dozen times
	p.wrap = nil
	p.run()
	finish(t, p, all)
	p.drained()
	readings, faults := checkReadings(p, all), checkFaults(p, all)
	p.stop()
	t.Logf("syncs of %v: %.0f messages a second instead of %.0f, PUBACK median %v, 99 %% %v, %d MiB; %d acknowledged readings and %d faults were there",
		delay, slow, quick, quantile(waits, 0.5), quantile(waits, 0.99), peak>>20, readings, faults)
}
