package ingest

import (
	"context"
	"sync"
	"time"

	"github.com/presage-pdm/presage/detectors"
)

// pending is the queue of findings between the detecting cursor and the desk.
// It is bounded by waiting: the cursor adds what one batch has led to, and then waits until there is room.
type pending struct {
	most int

	mu      sync.Mutex
	queue   []waiting     // oldest first
	changed chan struct{} // closed, and made anew, with every change
	closed  bool          // nothing more is added
	moved   time.Time     // when the queue was last begun or shortened
}

// waiting is a finding that was not reported, and its form in a checkpoint.
type waiting struct {
	finding detectors.Finding
	encoded []byte
}

func newPending(most int) *pending {
	return &pending{most: most, changed: make(chan struct{})}
}

// status returns how many findings wait, and for how many seconds none of them was taken.
func (p *pending) status(now time.Time) (n int, seconds float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		return 0, 0
	}
	return len(p.queue), max(0, now.Sub(p.moved).Seconds())
}

func (p *pending) add(w waiting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		p.moved = time.Now()
	}
	p.queue = append(p.queue, w)
	p.change()
}

func (p *pending) change() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// room waits until there is room again, or ctx ends, or nobody takes any more.
func (p *pending) room(ctx context.Context) {
	for {
		p.mu.Lock()
		if len(p.queue) < p.most || p.closed {
			p.mu.Unlock()
			return
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// peek waits for findings and copies the first few to dst. It returns none when
// the queue is closed and empty, or ctx ends.
func (p *pending) peek(ctx context.Context, dst []detectors.Finding, most int) []detectors.Finding {
	for {
		p.mu.Lock()
		if len(p.queue) > 0 || p.closed {
			for _, w := range p.queue[:min(most, len(p.queue))] {
				dst = append(dst, w.finding)
			}
			p.mu.Unlock()
			return dst
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return dst
		}
	}
}

// drop removes the first n, which were dealt with.
func (p *pending) drop(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	rest := copy(p.queue, p.queue[n:])
	clear(p.queue[rest:])
	p.queue = p.queue[:rest]
	p.moved = time.Now()
	p.change()
}

// close ends peek when the queue is empty.
func (p *pending) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.change()
}

// encoded returns the findings for a checkpoint.
func (p *pending) encoded() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([][]byte, len(p.queue))
	for i := range p.queue {
		all[i] = p.queue[i].encoded
	}
	return all
}
