package simulation

import (
	"context"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// flight is a bounded number of published messages that wait for their acknowledgement.
type flight struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	tokens chan pending  // capacity: the window
	landed chan struct{} // closed when the collector has ended
}

type pending struct {
	token mqtt.Token
	count bool // tell acked about it
}

// newFlight starts the collector, which calls acked for each message that asks for it; land waits for it.
func newFlight(ctx context.Context, window int, acked func()) *flight {
	ctx, cancel := context.WithCancelCause(ctx)
	f := &flight{ctx: ctx, cancel: cancel, tokens: make(chan pending, window), landed: make(chan struct{})}
	go f.collect(acked)
	return f
}

func (f *flight) collect(acked func()) {
	defer close(f.landed)
	for p := range f.tokens {
		select {
		case <-p.token.Done():
		case <-f.ctx.Done():
			continue // empty the channel, so that take never blocks for good
		}
		if err := p.token.Error(); err != nil {
			f.cancel(err)
			continue
		}
		if acked != nil && p.count {
			acked()
		}
	}
}

// take adds a message, and waits while the window is full. It fails once the flight has failed.
func (f *flight) take(t mqtt.Token, count bool) error {
	select {
	case f.tokens <- pending{t, count}:
		return context.Cause(f.ctx)
	case <-f.ctx.Done():
		return context.Cause(f.ctx)
	}
}

// fail ends the flight with an error and returns it.
func (f *flight) fail(err error) error {
	f.cancel(err)
	return err
}

// land waits until everything is acknowledged, or the flight failed.
func (f *flight) land() error {
	close(f.tokens)
	<-f.landed
	err := context.Cause(f.ctx)
	f.cancel(nil)
	return err
}
