package ingest

import (
	"testing"
	"time"
)

// TestLagWhenTheClockIsSet sets the clock back and forward while a cursor stands still: it counts as stuck after the time
// that has passed, not after the time that the clock shows, and its lag neither vanishes nor jumps.
func TestLagWhenTheClockIsSet(t *testing.T) {
	begun := time.Now()
	const stuck = time.Minute
	for name, c := range map[string]struct {
		step, passed time.Duration
		least, most  float64 // lag in seconds
		stuck        bool
	}{
		"not set":                {0, 30 * time.Second, 30, 30, false},
		"not set, long":          {0, 2 * time.Minute, 120, 120, true},
		"back":                   {-time.Hour, 30 * time.Second, 30, 30, false},
		"back, long":             {-time.Hour, 2 * time.Minute, 120, 120, true},
		"forward":                {time.Hour, 30 * time.Second, 30, 30, false},
		"forward, long":          {time.Hour, 2 * time.Minute, 120, 120, true},
		"back a little, long":    {-30 * time.Second, 2 * time.Minute, 90, 120, true},
		"forward a little, long": {30 * time.Second, 2 * time.Minute, 120, 150, true},
	} {
		t.Run(name, func(t *testing.T) {
			tail := tail{stuck: stuck, begun: begun}
			tail.caughtUp.Store(tail.elapsed(begun))
			tail.moved.Store(tail.elapsed(begun))
			tail.arrival.Store(begun.UnixMilli())
			// Add moves both clocks of a time.Time; an arrival that is older by the step is the wall clock set forward by it.
			tail.arrival.Add(-c.step.Milliseconds())
			lag, stuck := tail.lag(begun.Add(c.passed))
			if stuck != c.stuck || lag < c.least-0.01 || lag > c.most+0.01 {
				t.Errorf("a lag of %g and stuck %v, want %g to %g and %v", lag, stuck, c.least, c.most, c.stuck)
			}
		})
	}
}

// TestBucketWhenTheClockIsSetBack lets the rate go on at once instead of when the clock has come again, and
// counts messages that overtake each other only once.
func TestBucketWhenTheClockIsSetBack(t *testing.T) {
	b := newBucket(10, 5)
	now := int64(1_750_000_000_000)
	take := func() (n int) {
		for b.take(now) {
			n++
		}
		return n
	}
	if n := take(); n != 5 {
		t.Fatalf("%d at first, want the burst of 5", n)
	}
	now -= 3_600_000
	if n := take(); n != 0 {
		t.Errorf("%d at once after the clock was set back, want none", n)
	}
	now += 300
	if n := take(); n != 3 {
		t.Errorf("%d within 300 ms after the clock was set back, want 3", n)
	}
	passed := 0
	for i := range int64(1000) { // two clocks, one half a second behind
		if b.take(now - 500*(i%2)) {
			passed++
		}
	}
	if passed != 0 {
		t.Errorf("%d passed in no time", passed)
	}
}
