package subscriber

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// shard is one durable session.
type shard struct {
	owner   *Subscriber
	id      string // MQTT client identifier
	filters map[string]byte

	mu     sync.Mutex
	err    error       // why it is not subscribed; nil when it is
	client mqtt.Client // the subscribed one; meaningless while err is not nil
	live   *connection // the present or the last one; nil before the first
}

func newShard(owner *Subscriber, id string, filters []string) *shard {
	s := &shard{owner: owner, id: id, filters: map[string]byte{}, err: errors.New("not connected yet")}
	for _, f := range filters {
		s.filters[f] = 1
	}
	return s
}

func (s *shard) ready() error {
	_, err := s.connection()
	return err
}

// connection is the subscribed client, or why there is none.
func (s *shard) connection() (mqtt.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, fmt.Errorf("mqtt broker %s, session %s: %w", s.owner.config.URL, s.id, s.err)
	}
	return s.client, nil
}

func (s *shard) set(err error) {
	s.mu.Lock()
	before := s.err
	s.err = err
	s.mu.Unlock()
	if (before == nil) != (err == nil) {
		s.owner.changed(err == nil)
	}
}

// run keeps the session connected until ctx ends. Each connection has a client of
// its own, because the library's own reconnecting would give messages of the old connection to
// us again and acknowledge them under identifiers that may mean others by then.
func (s *shard) run(ctx context.Context) {
	pause := s.owner.config.FirstPause
	for ctx.Err() == nil {
		subscribed, err := s.connected(ctx)
		if ctx.Err() != nil {
			break
		}
		s.set(err)
		s.owner.metrics.lost.Inc()
		if subscribed {
			pause = s.owner.config.FirstPause
		}
		s.owner.log.Warn("no connection to the mqtt broker", "session", s.id, "err", err)
		// Many processes that lost the same broker come back at different times.
		wait := time.NewTimer(pause/2 + rand.N(pause/2+1))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
		}
		pause = min(2*pause, s.owner.config.LongestPause)
	}
	s.set(errors.New("stopped"))
}

// connected lives through one connection, and returns why it ended.
func (s *shard) connected(ctx context.Context) (subscribed bool, err error) {
	c := newConnection(s)
	s.mu.Lock()
	s.live = c
	s.mu.Unlock()
	client := mqtt.NewClient(s.options(c))
	defer c.end()

	token := client.Connect()
	if err := s.await(ctx, token); err != nil {
		client.Disconnect(0)
		return false, fmt.Errorf("connect: %w", err)
	}
	if !token.(*mqtt.ConnectToken).SessionPresent() {
		// The first time, or the broker has lost it, and what was queued with it.
		s.owner.metrics.fresh.Inc()
		s.owner.log.Info("the mqtt broker knows no session of ours, a new one begins", "session", s.id)
	}
	if err := s.subscribe(ctx, client); err != nil {
		c.stop(s.owner.config.Timeout)
		client.Disconnect(0)
		return false, err
	}
	s.mu.Lock()
	s.client = client
	s.mu.Unlock()
	s.set(nil)
	s.owner.log.Info("subscribed at the mqtt broker", "session", s.id)
	select {
	case err := <-c.lost:
		client.Disconnect(0) // frees what the library holds
		return true, err
	case <-ctx.Done():
		c.stop(s.owner.config.Timeout)
		client.Disconnect(250) // milliseconds, for the last acknowledgements to be written
		return true, ctx.Err()
	}
}

func (s *shard) options(c *connection) *mqtt.ClientOptions {
	config := &s.owner.config
	o := mqtt.NewClientOptions().
		AddBroker(config.URL).
		SetClientID(s.id).
		SetProtocolVersion(4).
		SetCleanSession(false).
		SetOrderMatters(true). // one message at a time, which is handed off at once
		SetAutoAckDisabled(true).
		SetAutoReconnect(false).
		SetConnectRetry(false).
		SetKeepAlive(config.KeepAlive).
		SetConnectTimeout(config.Timeout).
		SetWriteTimeout(config.Timeout).
		// Queued messages come right after connecting, before any subscription: they must have somewhere to go.
		SetDefaultPublishHandler(c.receive).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) { c.giveUp(err) })
	if config.Username != "" {
		o.SetUsername(config.Username).SetPassword(config.Password)
	}
	if config.TLS != nil {
		o.SetTLSConfig(config.TLS)
	}
	return o
}

// publish sends a message with QoS 1 and waits for its acknowledgement.
func (s *shard) publish(ctx context.Context, topic string, payload []byte) error {
	client, err := s.connection()
	if err != nil {
		return err
	}
	return s.await(ctx, client.Publish(topic, 1, false, payload))
}

// subscribe asks for every filter again, also in a session that exists: the
// configuration may have changed.
func (s *shard) subscribe(ctx context.Context, client mqtt.Client) error {
	token := client.SubscribeMultiple(s.filters, nil) // nil: messages go to the default handler
	if err := s.await(ctx, token); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	const refused = 0x80
	for filter, qos := range token.(*mqtt.SubscribeToken).Result() {
		if qos == refused {
			return fmt.Errorf("the broker refuses the subscription to %q: allow it to this user", filter)
		}
		if qos == 0 {
			return fmt.Errorf("the broker grants %q with QoS 0 only, which loses messages", filter)
		}
	}
	return nil
}

func (s *shard) await(ctx context.Context, token mqtt.Token) error {
	limit := time.NewTimer(s.owner.config.Timeout)
	defer limit.Stop()
	select {
	case <-token.Done():
		return token.Error()
	case <-limit.C:
		return fmt.Errorf("no answer within %s", s.owner.config.Timeout)
	case <-ctx.Done():
		return ctx.Err()
	}
}
