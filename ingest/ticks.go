package ingest

import (
	"context"
	"sync"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// Run ticks and registers devices until ctx ends.
func (in *Intake) Run(ctx context.Context) error {
	var wait sync.WaitGroup
	wait.Go(func() { in.registrar.run(ctx) })
	for partition := range in.journal.Partitions() {
		wait.Go(func() { in.tick(ctx, partition) })
	}
	wait.Wait()
	return nil
}

// PauseTicks stops the arrival clock until resume is called, which may be done more than once. Whoever takes
// messages from elsewhere calls it while the connection is down, so that the time in which nobody could be heard does not
// count as silence of the devices. A lane sees it as a jump between two ticks.
func (in *Intake) PauseTicks() (resume func()) {
	in.pauses.Add(1)
	return sync.OnceFunc(func() { in.pauses.Add(-1) })
}

// tick journals the arrival clock of one partition. A tick that has to wait for the journal
// carries the time of its beginning, and the ticks meanwhile are left out: nothing was taken either.
func (in *Intake) tick(ctx context.Context, partition int) {
	clock := time.NewTicker(in.cfg.TickEvery)
	defer clock.Stop()
	var entry []byte
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-clock.C:
			if in.pauses.Load() > 0 || !in.enter() {
				continue
			}
			entry = telemetry.AppendTick(entry[:0], now.UnixMilli())
			err := in.journal.Append(ctx, partition, entry, func(error) { in.inflight.Done() })
			if err != nil {
				in.inflight.Done()
			}
		}
	}
}
