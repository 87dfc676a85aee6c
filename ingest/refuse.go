package ingest

import (
	"context"
	"fmt"
	"time"
)

// Refuse puts a message into the quarantine that its broker could not even take,
// such as one that was too large to be read. It calls done like [Intake.Accept].
func (in *Intake) Refuse(ctx context.Context, m Message, why *RejectError, done func(error)) {
	if !in.enter() {
		done(fmt.Errorf("intake: %w", ErrClosed))
		return
	}
	if m.Arrival == 0 {
		m.Arrival = time.Now().UnixMilli()
	}
	s := in.scratch.Get().(*scratch)
	defer in.scratch.Put(s)
	in.metrics.messages.Inc()
	in.refuse(ctx, s, m, why, func(err error) {
		if err != nil {
			in.metrics.failed.Inc()
		}
		done(err)
		in.inflight.Done()
	})
}
