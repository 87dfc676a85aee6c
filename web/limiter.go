package web

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// rate is a token bucket: burst attempts at once, then one more every interval.
type rate struct {
	burst    int
	interval time.Duration
}

// maxBuckets bounds the memory of a limiter: about 10 MB with keys of the largest size.
const maxBuckets = 50_000

// limiter bounds attempts by key. A bucket that has filled up again is forgotten.
type limiter struct {
	rates map[string]rate // by the kind of key

	mu      sync.Mutex
	buckets map[string]bucket
}

// bucket is full at the time "full"; every attempt moves that time on by the interval.
type bucket struct{ full time.Time }

func newLimiter(rates map[string]rate) *limiter {
	return &limiter{rates: rates, buckets: make(map[string]bucket)}
}

// signInRates bounds guessing: 10 passwords at once from an address and then one every six seconds, 5 at once for a
// name from an address and then one a minute. A name alone has a bound too, wide enough that strangers cannot keep its owner out
// for long: 100 at once, then one every ten seconds.
func signInRates() map[string]rate {
	return map[string]rate{
		"address": {10, 6 * time.Second},
		"pair":    {5, time.Minute},
		"name":    {100, 10 * time.Second},
	}
}

// take counts an attempt. It fails with a [limitedError] when the key has no attempts left, and then counts nothing.
func (l *limiter) take(kind, key string, now time.Time) error {
	r := l.rates[kind]
	key = kind + "\x00" + key
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[key]
	if b.full.Before(now) {
		b.full = now
	}
	next := b.full.Add(r.interval)
	if wait := next.Sub(now) - time.Duration(r.burst)*r.interval; wait > 0 {
		return &limitedError{wait: wait}
	}
	if len(l.buckets) >= maxBuckets {
		l.forget(now)
	}
	if len(l.buckets) >= maxBuckets {
		return &limitedError{wait: r.interval}
	}
	l.buckets[key] = bucket{full: next}
	return nil
}

// giveBack undoes one attempt of a key, after it succeeded: only failures count.
func (l *limiter) giveBack(kind, key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key, interval := kind+"\x00"+key, l.rates[kind].interval
	if b, ok := l.buckets[key]; ok {
		l.buckets[key] = bucket{full: b.full.Add(-interval)}
	}
}

func (l *limiter) forget(now time.Time) {
	for key, b := range l.buckets {
		if !b.full.After(now) {
			delete(l.buckets, key)
		}
	}
}

// limitedError says how long to wait. It is a 429.
type limitedError struct{ wait time.Duration }

func (e *limitedError) Error() string {
	return fmt.Sprintf("too many attempts: try again in %s", e.wait.Round(time.Second))
}

func (e *limitedError) problem() *Problem {
	return problem(http.StatusTooManyRequests, fmt.Sprintf("Too many attempts. Try again in %d s.", int(e.wait/time.Second)+1))
}
