package broker

import (
	"sync"
	"time"
)

// pace is a token bucket: burst at once, then so many a second. It is safe for concurrent use.
type pace struct {
	interval, burst time.Duration // between two; in which the bucket fills

	mu   sync.Mutex
	full time.Time // when the bucket is full again
}

func newPace(perSecond, burst int) *pace {
	interval := time.Second / time.Duration(max(1, perSecond))
	return &pace{interval: interval, burst: time.Duration(burst) * interval}
}

// take counts one, when there is room for it now.
func (p *pace) take(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full.Before(now) {
		p.full = now
	}
	if p.full.Sub(now) > p.burst-p.interval {
		return false
	}
	p.full = p.full.Add(p.interval)
	return true
}

// slow is told by the intake for how long nothing more should be read from the client.
func (c *conn) slow(d time.Duration) {
	until := time.Now().Add(d).UnixNano()
	if until > c.pause.Load() {
		c.pause.Store(until)
	}
}

// rest waits until the pause of a connection is over, or it is closed, or nothing is read any more.
func (c *conn) rest() {
	d := time.Until(time.Unix(0, c.pause.Load()))
	c.pause.Store(0)
	if d <= 0 {
		return
	}
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-c.closed:
	case <-c.listener.stopped:
	}
	c.broker.metrics.slowed.Add(d.Seconds())
}
