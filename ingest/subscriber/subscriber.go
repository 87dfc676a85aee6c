package subscriber

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/presage-pdm/presage/ingest"
)

// Intake takes messages and makes them durable; *ingest.Intake is the one.
type Intake interface {
	Accept(ctx context.Context, m ingest.Message, done func(error))
	// PauseTicks stops the clock by which silence is judged, until resume is called.
	PauseTicks() (resume func())
}

// Topics knows which messages are for the intake; *payload.Decoder is the one.
type Topics interface {
	Takes(topic string, payload []byte) bool
	// Filters are the topic filters that cover all of them.
	Filters() []string
}

// Parts is what a [Subscriber] works with.
type Parts struct {
	Intake     Intake
	Topics     Topics
	Logger     *slog.Logger          // nil discards
	Registerer prometheus.Registerer // nil keeps the metrics unregistered
}

// Subscriber takes the messages of an external broker.
type Subscriber struct {
	config  Config
	intake  Intake
	topics  Topics
	log     *slog.Logger
	metrics *metrics
	shards  []*shard

	mu     sync.Mutex
	down   int    // shards that are not subscribed
	resume func() // lets the clock of silence run again; nil while it runs
}

// New returns a subscriber that does nothing until [Subscriber.Run].
func New(config Config, parts Parts) (*Subscriber, error) {
	if err := config.prepare(); err != nil {
		return nil, err
	}
	if parts.Logger == nil {
		parts.Logger = slog.New(slog.DiscardHandler)
	}
	filters := slices.Clone(config.Shards)
	if len(filters) == 0 {
		filters = [][]string{parts.Topics.Filters()}
	}
	s := &Subscriber{config: config, intake: parts.Intake, topics: parts.Topics, log: parts.Logger}
	for i, f := range filters {
		s.shards = append(s.shards, newShard(s, fmt.Sprintf("%s-%d", config.ClientID, i), f))
	}
	s.down = len(s.shards)
	s.metrics = newMetrics(parts.Registerer, s)
	return s, nil
}

// Run subscribes and takes messages until ctx ends. It connects again whenever
// a connection is lost. At the end it takes nothing more, waits until what it took
// is durable and acknowledged, at most for Config.Timeout, and disconnects; the intake must
// run until Run has returned. While any shard is not subscribed, the clock of silence is stopped.
func (s *Subscriber) Run(ctx context.Context) error {
	s.mu.Lock()
	s.resume = s.intake.PauseTicks()
	s.mu.Unlock()
	defer s.resumeTicks()
	var wait sync.WaitGroup
	for _, shard := range s.shards {
		wait.Go(func() { shard.run(ctx) })
	}
	wait.Wait()
	return nil
}

func (s *Subscriber) resumeTicks() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resume != nil {
		s.resume()
		s.resume = nil
	}
}

// changed is told by a shard whenever it is subscribed, and whenever it no longer is.
func (s *Subscriber) changed(up bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if up {
		if s.down--; s.down == 0 && s.resume != nil {
			s.resume()
			s.resume = nil
		}
		return
	}
	if s.down++; s.resume == nil {
		s.resume = s.intake.PauseTicks()
	}
}

// held is what all sessions hold.
func (s *Subscriber) held() (all held) {
	for _, shard := range s.shards {
		shard.mu.Lock()
		live := shard.live
		shard.mu.Unlock()
		if live != nil {
			one := live.held()
			all.messages, all.bytes = all.messages+one.messages, all.bytes+one.bytes
		}
	}
	return all
}

// Publish sends a message of Presage's own, such as a command to a device, to the broker and waits for
// its acknowledgement. It fails when there is no connection.
func (s *Subscriber) Publish(ctx context.Context, topic string, payload []byte) error {
	if err := s.shards[0].publish(ctx, topic, payload); err != nil {
		return fmt.Errorf("publish to %s: %w", topic, err)
	}
	return nil
}

// Ready reports why not every shard is connected and subscribed; nil when all are.
func (s *Subscriber) Ready() error {
	var errs []error
	for _, shard := range s.shards {
		if err := shard.ready(); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
