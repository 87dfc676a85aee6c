package main

import (
	"context"

	"github.com/presage-pdm/presage/ingest/payload"
)

// rebirths bounds the requests for births that wait to be published; a node
// whose request is dropped is asked again at its next reading.
const rebirths = 64

// askForBirth returns what the decoder calls when a Sparkplug node uses aliases
// that nobody here has heard of: it asks the node for its birth, off the
// decoder's path.
func (a *app) askForBirth(ctx context.Context, publish func(context.Context, payload.Rebirth) error) func(payload.Rebirth) {
	requests := make(chan payload.Rebirth, rebirths)
	a.gauge("sparkplug_births_pending", "Sparkplug nodes that wait to be asked for their birth; at 64 more are asked at their next reading.",
		func() float64 { return float64(len(requests)) })
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := a.goPart("sparkplug", func() error {
		for {
			select {
			case <-running.Done():
				return nil
			case r := <-requests:
				if err := publish(running, r); err != nil && running.Err() == nil {
					a.log.Warn("sparkplug node not asked for its birth", "topic", r.Topic, "err", err)
				}
			}
		}
	})
	a.onStopPart("sparkplug", cancel, done)
	return func(r payload.Rebirth) {
		select {
		case requests <- r:
		default:
		}
	}
}
