package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
	"github.com/google/uuid"

	"github.com/presage-pdm/presage/tickets"
)

// Outbox is where events wait. A claimed event is given to nobody else before
// its lease ends.
type Outbox interface {
	ClaimEvents(ctx context.Context, owner string, now time.Time, lease time.Duration, limit int) ([]tickets.Event, error)
	// KeepEvents prolongs the leases and returns how many of the events are still owner's.
	KeepEvents(ctx context.Context, owner string, until time.Time, ids []string) (kept int, err error)
	// FinishEvents removes events for good, ReleaseEvents gives them back.
	FinishEvents(ctx context.Context, owner string, ids []string) error
	ReleaseEvents(ctx context.Context, owner string, ids []string) error
	// Wake delivers a signal when this process put events into the outbox.
	Wake() <-chan struct{}
}

// Handler takes an event. An event that it fails to take is given to it again;
// it may see an event twice after a crash.
type Handler func(ctx context.Context, e tickets.Event) error

// Config is how a [Relay] works.
type Config struct {
	// Owner names this relay among those of one outbox; empty means a random name.
	Owner string
	// Batch is how many events are claimed at once.
	Batch int
	// Lease is how long a claim lasts. It is prolonged while the relay is alive.
	Lease time.Duration
	// Poll is how often the outbox is looked at without a signal.
	Poll time.Duration
	// Drain is how long [Relay.Run] goes on at its end to empty the outbox.
	Drain time.Duration
	// Patience is how often a handler is given an event that it fails to take
	// for another reason than an unavailable store; then the event is dropped for that handler and logged.
	Patience int
	Log      *slog.Logger
	Metrics  *Metrics // nil counts for nobody
}

// DefaultConfig returns the settings of a relay.
func DefaultConfig() Config {
	return Config{Batch: 100, Lease: 30 * time.Second, Poll: time.Second, Drain: 5 * time.Second, Patience: 5,
		Log: slog.New(slog.DiscardHandler)}
}

// topic is where events of the desk are published.
const topic = "presage.tickets"

// Relay moves events from the outbox to its subscribers.
type Relay struct {
	config Config
	outbox Outbox
	pubsub *gochannel.GoChannel
	subs   []*subscription

	mu sync.Mutex
	// untaken holds the published events that a subscriber had no time to take.
	untaken map[string]bool
}

// subscription is one handler and what it has taken.
type subscription struct {
	name   string
	handle Handler
	seen   recent
}

// NewRelay returns a relay without subscribers.
func NewRelay(outbox Outbox, config Config) *Relay {
	def := DefaultConfig()
	if config.Owner == "" {
		config.Owner = uuid.NewString()
	}
	if config.Batch <= 0 {
		config.Batch = def.Batch
	}
	if config.Lease <= 0 {
		config.Lease = def.Lease
	}
	if config.Poll <= 0 {
		config.Poll = def.Poll
	}
	if config.Patience <= 0 {
		config.Patience = def.Patience
	}
	if config.Log == nil {
		config.Log = def.Log
	}
	if config.Metrics == nil {
		config.Metrics = NewMetrics(nil)
	}
	return &Relay{
		config: config,
		outbox: outbox,
		// Publish returns when every subscriber acked, and subscribers get the context of
		// the message, which ends with the lease.
		pubsub: gochannel.NewGoChannel(gochannel.Config{BlockPublishUntilSubscriberAck: true, PreserveContext: true},
			watermill.NewSlogLogger(slog.New(slog.DiscardHandler))),
		untaken: map[string]bool{},
	}
}

// Subscribe gives every event to a handler, one at a time. It must be called before [Relay.Run].
func (r *Relay) Subscribe(name string, handle Handler) {
	r.subs = append(r.subs, &subscription{name: name, handle: handle})
}

// Run relays until ctx ends, and then until the outbox is empty or Config.Drain
// has passed. What is left stays in the outbox. It may be called once.
func (r *Relay) Run(ctx context.Context) error {
	var handlers sync.WaitGroup
	for _, sub := range r.subs {
		// The subscription ends with the pubsub, after the last publish.
		messages, err := r.pubsub.Subscribe(context.WithoutCancel(ctx), topic)
		if err != nil {
			return fmt.Errorf("subscribe %s: %w", sub.name, err)
		}
		handlers.Go(func() { // owned by Run, ends when the pubsub is closed
			for m := range messages {
				r.take(sub, m)
			}
		})
	}
	r.loop(ctx)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.config.Drain)
	for drain.Err() == nil {
		if n, err := r.relay(drain); n == 0 || err != nil {
			break
		}
	}
	cancel()
	err := r.pubsub.Close()
	handlers.Wait()
	return err
}

// loop relays until ctx ends.
func (r *Relay) loop(ctx context.Context) {
	poll := time.NewTicker(r.config.Poll)
	defer poll.Stop()
	failing := false
	for ctx.Err() == nil {
		n, err := r.relay(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			r.config.Log.Error("events wait in the outbox", "err", err)
		}
		if err == nil && failing {
			r.config.Log.Info("events leave the outbox again")
		}
		failing = err != nil
		if failing {
			r.config.Metrics.failures.Inc()
		}
		if err == nil && n == r.config.Batch {
			continue // there may be more
		}
		select {
		case <-ctx.Done():
		case <-poll.C:
		case <-r.outbox.Wake():
		}
	}
}

// relay claims a batch and publishes it. It returns how many events were claimed.
func (r *Relay) relay(ctx context.Context) (claimed int, err error) {
	start := time.Now()
	events, err := r.outbox.ClaimEvents(ctx, r.config.Owner, start, r.config.Lease, r.config.Batch)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	leased, release := r.lease(ctx, start, ids)
	done := 0
	for ; done < len(events) && err == nil; done++ {
		err = r.publish(leased, events[done])
		if err != nil {
			break
		}
	}
	release()
	// What was taken must be noted also when ctx has ended meanwhile, or it would be sent again.
	note, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.config.Lease)
	defer cancel()
	if done > 0 {
		finished := r.outbox.FinishEvents(note, r.config.Owner, ids[:done])
		if finished == nil {
			r.relayed(events[:done])
		}
		err = errors.Join(err, finished)
	}
	if done < len(events) {
		err = errors.Join(err, r.outbox.ReleaseEvents(note, r.config.Owner, ids[done:]))
	}
	return len(events), err
}

// relayed counts events that everybody took.
func (r *Relay) relayed(events []tickets.Event) {
	r.config.Metrics.events.Add(float64(len(events)))
	now := time.Now()
	for _, e := range events {
		r.config.Metrics.lag.Observe(now.Sub(e.At).Seconds())
	}
}

// lease returns a context that ends when the claim on the events might, having
// kept it alive until then, and a function that stops keeping it.
func (r *Relay) lease(ctx context.Context, start time.Time, ids []string) (leased context.Context, release func()) {
	leased, end := context.WithCancelCause(ctx)
	stopped := make(chan struct{})
	go func() { // owned by relay, which waits for it in release
		defer close(stopped)
		until := start.Add(r.config.Lease)
		for {
			// Half of the lease is left for keeping it; a quarter for stopping before it ends.
			select {
			case <-leased.Done():
				return
			case <-time.After(time.Until(until.Add(-r.config.Lease / 2))):
			}
			keep, cancel := context.WithDeadline(leased, until.Add(-r.config.Lease/4))
			next := time.Now().Add(r.config.Lease)
			kept, err := r.outbox.KeepEvents(keep, r.config.Owner, next, ids)
			cancel()
			if err != nil || kept < len(ids) {
				end(fmt.Errorf("the claim on %d events ended: %w", len(ids)-kept, errors.Join(err, context.Canceled)))
				return
			}
			until = next
		}
	}()
	return leased, func() {
		end(nil)
		<-stopped
	}
}

// publish gives an event to all subscribers and returns when they took it.
func (r *Relay) publish(ctx context.Context, e tickets.Event) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	payload, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	m := message.NewMessage(e.ID, payload)
	m.SetContext(ctx)
	if err := r.pubsub.Publish(topic, m); err != nil {
		return fmt.Errorf("publish event %s: %w", e.ID, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.untaken[e.ID] {
		delete(r.untaken, e.ID)
		return fmt.Errorf("event %s was not taken by everybody: %w", e.ID, context.Cause(ctx))
	}
	return nil
}

// take gives a message to a handler until it takes it, the claim on the event
// ends, or patience does.
func (r *Relay) take(sub *subscription, m *message.Message) {
	defer m.Ack()
	if sub.seen.has(m.UUID) {
		return
	}
	var e tickets.Event
	if err := json.Unmarshal(m.Payload, &e); err != nil {
		r.config.Log.Error("event dropped", "subscriber", sub.name, "event", m.UUID, "err", err)
		return
	}
	e.SetTenant(e.Tenant)
	for attempt, failures := 0, 0; ; attempt++ {
		err := sub.handle(m.Context(), e)
		if err == nil {
			sub.seen.add(m.UUID)
			return
		}
		if m.Context().Err() == nil && !errors.Is(err, tickets.ErrUnavailable) {
			if failures++; failures >= r.config.Patience {
				r.config.Metrics.dropped.Inc()
				r.config.Log.Error("event dropped", "subscriber", sub.name, "event", m.UUID, "err", err)
				return
			}
		}
		wait := min(100*time.Millisecond<<min(attempt, 6), 5*time.Second)
		select {
		case <-m.Context().Done():
			r.mu.Lock()
			r.untaken[m.UUID] = true
			r.mu.Unlock()
			return
		case <-time.After(wait/2 + rand.N(wait/2)):
		}
	}
}

// recentSize is how many events a subscriber remembers to have taken: more than
// a relay claims at once, so that it takes none twice while the relay cannot note it.
const recentSize = 4096

// recent remembers the last events that were taken. It belongs to one goroutine.
type recent struct {
	ids  map[string]struct{}
	ring []string
	next int
}

func (r *recent) has(id string) bool {
	_, ok := r.ids[id]
	return ok
}

func (r *recent) add(id string) {
	if r.ids == nil {
		r.ids, r.ring = make(map[string]struct{}, recentSize), make([]string, recentSize)
	}
	delete(r.ids, r.ring[r.next])
	r.ids[id], r.ring[r.next] = struct{}{}, id
	r.next = (r.next + 1) % recentSize
}
