package bus

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presage-pdm/presage/tickets"
)

// log notes what a handler was given.
type log struct {
	mu  sync.Mutex
	ids []string
}

func (l *log) take(_ context.Context, e tickets.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ids = append(l.ids, e.ID)
	return nil
}

func (l *log) seen() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.ids)
}

// running runs a relay until the returned function is called.
func running(t *testing.T, r *Relay) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }() // ends in stop
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	}
}

func names(from, to int) (ids []string) {
	for i := from; i < to; i++ {
		ids = append(ids, fmt.Sprintf("e-%d", i))
	}
	return ids
}

func TestRelayGivesEveryEventToAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		r := NewRelay(m, Config{Batch: 3})
		var a, b log
		r.Subscribe("a", a.take)
		r.Subscribe("b", b.take)
		m.put(10)
		stop := running(t, r)
		synctest.Wait()
		if got := a.seen(); !reflect.DeepEqual(got, names(0, 10)) {
			t.Errorf("a was given %v", got)
		}
		m.put(2)
		synctest.Wait() // woken, without waiting for the poll
		if got := b.seen(); !reflect.DeepEqual(got, names(0, 12)) {
			t.Errorf("b was given %v", got)
		}
		if left := m.left(); left != nil {
			t.Errorf("left in the outbox: %v", left)
		}
		stop()
	})
}

func TestRelayPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		r := NewRelay(m, Config{Poll: time.Second})
		var a log
		r.Subscribe("a", a.take)
		stop := running(t, r)
		synctest.Wait()
		m.put(1)
		select { // as when another process put it there
		case <-m.wake:
		default:
		}
		time.Sleep(time.Second + time.Millisecond)
		synctest.Wait()
		if got := a.seen(); len(got) != 1 {
			t.Errorf("was given %v after a poll", got)
		}
		stop()
	})
}

func TestRelayTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		r := NewRelay(m, Config{Patience: 3, Lease: time.Hour})
		var steady log
		r.Subscribe("steady", steady.take)
		var unavailable, refused int
		r.Subscribe("struggling", func(_ context.Context, e tickets.Event) error {
			switch {
			case e.ID == "e-0" && unavailable < 20: // longer than any patience
				unavailable++
				return fmt.Errorf("write: %w", tickets.ErrUnavailable)
			case e.ID == "e-1":
				refused++
				return errors.New("never")
			}
			return nil
		})
		m.put(3)
		stop := running(t, r)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if unavailable != 20 || refused != 3 {
			t.Errorf("tried %d times while unavailable and %d times when refused, want 20 and 3", unavailable, refused)
		}
		if got := steady.seen(); !reflect.DeepEqual(got, names(0, 3)) {
			t.Errorf("the other subscriber was given %v", got)
		}
		if left := m.left(); left != nil {
			t.Errorf("left in the outbox: %v", left)
		}
		stop()
	})
}

func TestRelayStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		r := NewRelay(m, Config{Drain: 5 * time.Second, Lease: time.Minute})
		var steady log
		r.Subscribe("steady", steady.take)
		r.Subscribe("stuck", func(ctx context.Context, e tickets.Event) error {
			if e.ID == "e-0" {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
		m.put(3)
		stop := running(t, r)
		synctest.Wait()
		start := time.Now()
		stop()
		if took := time.Since(start); took > 6*time.Second {
			t.Errorf("stopping took %s, longer than the drain", took)
		}
		// What not everybody took stays, and is free for another relay at once.
		if left := m.left(); !reflect.DeepEqual(left, names(1, 3)) {
			t.Errorf("left in the outbox: %v", left)
		}
		free, err := m.ClaimEvents(t.Context(), "next", time.Now(), time.Minute, 10)
		if err != nil || len(free) != 2 {
			t.Errorf("free for the next relay: %v (error %v)", free, err)
		}
		if got := steady.seen(); !reflect.DeepEqual(got, names(0, 2)) {
			t.Errorf("the other subscriber was given %v, want e-1 once although it was published twice", got)
		}
	})
}

func TestRelayDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		r := NewRelay(m, Config{Batch: 2, Drain: time.Second})
		var a log
		r.Subscribe("a", a.take)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		m.put(7)
		if err := r.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if got := a.seen(); !reflect.DeepEqual(got, names(0, 7)) {
			t.Errorf("was given %v before the end", got)
		}
	})
}

func TestRelayKeepsItsClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		lease := 10 * time.Second
		var taken log
		slow := func(ctx context.Context, e tickets.Event) error {
			select {
			case <-time.After(3 * lease):
				return taken.take(ctx, e)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		a, b := NewRelay(m, Config{Lease: lease}), NewRelay(m, Config{Lease: lease})
		a.Subscribe("slow", slow)
		b.Subscribe("slow", slow)
		m.put(1)
		stopA, stopB := running(t, a), running(t, b)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := taken.seen(); len(got) != 1 || m.left() != nil {
			t.Errorf("two relays gave %v to their subscribers, left is %v", got, m.left())
		}
		if m.keeps < 3 {
			t.Errorf("the claim was prolonged %d times over three leases", m.keeps)
		}
		stopA()
		stopB()
	})
}

func TestRelayThatLosesItsClaimStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.lose = true
		lease := 10 * time.Second
		var ended time.Duration
		start := time.Now()
		r := NewRelay(m, Config{Lease: lease, Poll: time.Hour})
		r.Subscribe("stuck", func(ctx context.Context, e tickets.Event) error {
			<-ctx.Done()
			if ended == 0 {
				ended = time.Since(start)
			}
			return ctx.Err()
		})
		m.put(1)
		stop := running(t, r)
		time.Sleep(time.Minute)
		synctest.Wait()
		if ended == 0 || ended >= lease {
			t.Errorf("the handler was stopped after %s, want before the lease of %s ended", ended, lease)
		}
		if left := m.left(); len(left) != 1 {
			t.Errorf("left in the outbox: %v", left)
		}
		stop()
	})
}

func TestRelaySurvivesItsStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.broken = tickets.ErrUnavailable
		r := NewRelay(m, Config{})
		var a log
		r.Subscribe("a", a.take)
		m.put(3)
		stop := running(t, r)
		time.Sleep(time.Minute)
		m.mu.Lock()
		m.broken = nil
		m.mu.Unlock()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := a.seen(); !reflect.DeepEqual(got, names(0, 3)) {
			t.Errorf("was given %v when the store came back", got)
		}
		stop()
	})
}

func TestRecent(t *testing.T) {
	var r recent
	for i := range recentSize + 10 {
		r.add(fmt.Sprint(i))
	}
	if r.has("9") || !r.has("10") || !r.has(fmt.Sprint(recentSize+9)) || len(r.ids) != recentSize {
		t.Errorf("remembers %d events, the oldest of them 9: %t", len(r.ids), r.has("9"))
	}
}
