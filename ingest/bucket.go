package ingest

import "sync"

// bucket is a token bucket on the clock of the messages' arrival.
type bucket struct {
	mu     sync.Mutex
	rate   float64 // tokens a second
	most   float64
	tokens float64
	last   int64 // Unix milliseconds
}

func newBucket(rate float64, burst int) *bucket {
	return &bucket{rate: rate, most: float64(burst), tokens: float64(burst)}
}

// setBack is by how much a time may be older than the newest one, in milliseconds, because messages overtake each
// other; beyond, the clock was set back, and waiting for it to come again would let nothing pass until then.
const setBack = 1000

// take reports whether one more is allowed at a time in Unix milliseconds.
func (b *bucket) take(now int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last != 0 && now > b.last {
		b.tokens = min(b.most, b.tokens+float64(now-b.last)/1000*b.rate)
	}
	if b.last = max(b.last, now); now < b.last-setBack {
		b.last = now
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
