package simulation

import (
	"context"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// runLive starts live operation and hands over the readings of one device
// after the other, spread evenly over [Config.Interval], until ctx ends or send returns false.
func (f *Fleet) runLive(ctx context.Context, send func(i int, b telemetry.Batch) bool) {
	start := time.Now()
	f.StartLive(start)
	n := len(f.devices)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for k := 0; ; k++ {
		due := start.Add(f.cfg.Interval*time.Duration(k/n) + f.cfg.Interval*time.Duration(k%n)/time.Duration(n))
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := time.Now()
		if now.Sub(due) > f.cfg.Interval {
			// The computer slept, or the broker was away: readings that were missed stay missed.
			start, k = now.Add(-f.cfg.Interval*time.Duration(k%n)/time.Duration(n)), k%n
		}
		f.Advance(now)
		if !now.After(f.devices[k%n].last) {
			continue // the history reaches a moment further
		}
		if !send(k%n, f.Read(k%n, now)) {
			return
		}
	}
}
