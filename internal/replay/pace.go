package replay

import (
	"context"
	"time"
)

// pace lets a recording pass at a speed.
type pace struct {
	speed float64
	began time.Time
	first float64 // time of the first row, in Unix milliseconds
}

// wait returns when it is the turn of a row, or with the error of ctx.
func (p *pace) wait(ctx context.Context, at float64) error {
	if p.speed == 0 {
		return ctx.Err()
	}
	if p.began.IsZero() {
		p.began, p.first = time.Now(), at
	}
	due := p.began.Add(time.Duration((at - p.first) / p.speed * float64(time.Millisecond)))
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
