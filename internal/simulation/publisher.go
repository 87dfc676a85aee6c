package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"golang.org/x/sync/errgroup"

	"github.com/presage-pdm/presage/telemetry"
)

// PublisherConfig says how a fleet publishes. Start from [DefaultPublisherConfig].
type PublisherConfig struct {
	// Broker is its URL, with user and password when it asks for them: mqtt://user:password@host:1883.
	Broker string
	// Window is how many messages of all devices together may wait for their PUBACK.
	Window int
	// Timeout bounds connecting one device, and saying good-bye.
	Timeout time.Duration
	// Logger receives what goes wrong on the way; nil discards it.
	Logger *slog.Logger
}

// DefaultPublisherConfig keeps 512 messages in flight.
func DefaultPublisherConfig(broker string) PublisherConfig {
	return PublisherConfig{Broker: broker, Window: 512, Timeout: 20 * time.Second}
}

// Publisher publishes the readings of a fleet over MQTT 3.1.1, QoS 1. Every device
// has a connection and a retained state of its own, with a last will that says it is offline.
type Publisher struct {
	fleet   *Fleet
	cfg     PublisherConfig
	clients []mqtt.Client // by device
}

// qos is that of everything published: at least once.
const qos = 1

// connecting is how many devices connect at once.
const connecting = 32

// Connect connects every device of a fleet and publishes that it is online.
func Connect(ctx context.Context, f *Fleet, cfg PublisherConfig) (*Publisher, error) {
	u, err := url.Parse(cfg.Broker)
	if err != nil {
		return nil, fmt.Errorf("broker URL: %w", err)
	}
	if u.Host == "" || cfg.Window <= 0 || cfg.Timeout <= 0 {
		return nil, fmt.Errorf("publisher to %q with a window of %d and a timeout of %v: use mqtt://host:1883 and start from DefaultPublisherConfig",
			u.Redacted(), cfg.Window, cfg.Timeout)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Publisher{fleet: f, cfg: cfg, clients: make([]mqtt.Client, len(f.devices))}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(connecting)
	for i, d := range f.devices {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() error {
			client := mqtt.NewClient(p.options(d, f.inventory.Devices[i].Firmware))
			if err := wait(gctx, client.Connect(), cfg.Timeout); err != nil {
				client.Disconnect(0)
				return fmt.Errorf("connect %s to %s: %w", d.id, u.Redacted(), err)
			}
			p.clients[i] = client
			return nil
		})
	}
	if err := errors.Join(g.Wait(), ctx.Err()); err != nil {
		p.disconnect()
		return nil, err
	}
	return p, nil
}

// options makes the connection of a device: a session that outlives it, so
// that what was not acknowledged is sent again after a lost connection.
func (p *Publisher) options(d *device, firmware string) *mqtt.ClientOptions {
	state := Topic(d.id, "state")
	online := statePayload(map[string]any{"online": true, "firmware": firmware})
	o := mqtt.NewClientOptions().
		AddBroker(p.cfg.Broker).
		SetClientID("simulation-"+d.id).
		SetCleanSession(false).
		SetOrderMatters(false).
		SetKeepAlive(30*time.Second).
		SetConnectTimeout(p.cfg.Timeout).
		SetMaxReconnectInterval(10*time.Second).
		SetProtocolVersion(4).
		SetBinaryWill(state, statePayload(map[string]any{"online": false}), qos, true)
	o.SetOnConnectHandler(func(c mqtt.Client) {
		// After every reconnect: the last will has said otherwise meanwhile.
		c.Publish(state, qos, true, online)
	})
	o.SetConnectionLostHandler(func(_ mqtt.Client, err error) {
		p.cfg.Logger.Warn("simulated device lost its connection", "device", d.id, "err", err)
	})
	return o
}

func statePayload(members map[string]any) []byte {
	payload, err := json.Marshal(members)
	if err != nil {
		panic(err) // booleans and strings always have a JSON form
	}
	return payload
}

// BackfillConfig says what history to publish. Start from [DefaultBackfill].
type BackfillConfig struct {
	From, To time.Time
	// Step is the time between readings, Chunk that which one message covers.
	Step, Chunk time.Duration
	// Progress, if not nil, is told how many of all messages are acknowledged, from one goroutine.
	Progress func(done, total int)
}

// DefaultBackfill is two weeks up to now of readings every ten minutes, half a day to a message.
func DefaultBackfill(now time.Time) BackfillConfig {
	return BackfillConfig{From: now.Add(-14 * 24 * time.Hour), To: now, Step: 10 * time.Minute, Chunk: 12 * time.Hour}
}

// Backfill publishes the history of the fleet and returns when all of it is acknowledged.
func (p *Publisher) Backfill(ctx context.Context, cfg BackfillConfig) error {
	if !cfg.From.Before(cfg.To) || cfg.Step <= 0 || cfg.Chunk < cfg.Step {
		return fmt.Errorf("backfill from %v to %v every %v: start from DefaultBackfill", cfg.From, cfg.To, cfg.Step)
	}
	chunks := int((cfg.To.Sub(cfg.From) + cfg.Chunk - 1) / cfg.Chunk)
	total, done := chunks*len(p.clients), 0
	flight := newFlight(ctx, p.cfg.Window, func() {
		if done++; cfg.Progress != nil {
			cfg.Progress(done, total)
		}
	})
	i := 0
	for b := range p.fleet.History(cfg.From, cfg.To, cfg.Step, cfg.Chunk) {
		if err := p.send(flight, i%len(p.clients), &b); err != nil {
			break // flight knows why
		}
		i++
	}
	if err := flight.land(); err != nil {
		return fmt.Errorf("publish history: %w", err)
	}
	return nil
}

// Live publishes readings in real time until ctx ends, which is no error. When
// a connection breaks, its client sends again what was not acknowledged once it
// is back, and live operation goes on meanwhile.
func (p *Publisher) Live(ctx context.Context) error {
	flight := newFlight(ctx, p.cfg.Window, nil)
	p.fleet.runLive(ctx, func(i int, b telemetry.Batch) bool {
		err := p.send(flight, i, &b)
		if err == nil || ctx.Err() != nil {
			return err == nil
		}
		_ = flight.land() // with the error that is logged here
		p.cfg.Logger.Warn("a connection of the simulated fleet broke", "device", b.Device, "err", err)
		flight = newFlight(ctx, p.cfg.Window, nil)
		return true
	})
	if err := flight.land(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("publish readings: %w", err)
	}
	return nil
}

// send publishes a batch: readings, then events.
func (p *Publisher) send(f *flight, i int, b *telemetry.Batch) error {
	if len(b.Events) > 0 {
		payload, err := EncodeEvents(b.Events)
		if err != nil {
			return f.fail(err)
		}
		if err := f.take(p.clients[i].Publish(Topic(b.Device, "event"), qos, false, payload), false); err != nil {
			return err
		}
	}
	return f.take(p.clients[i].Publish(Topic(b.Device, "telemetry"), qos, false, AppendTelemetry(nil, b)), true)
}

// Close publishes that every device is offline and disconnects. It must not be
// called while Backfill or Live run.
func (p *Publisher) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), p.cfg.Timeout)
	defer cancel()
	flight := newFlight(ctx, p.cfg.Window, nil)
	offline := statePayload(map[string]any{"online": false})
	for i, d := range p.fleet.devices {
		if flight.take(p.clients[i].Publish(Topic(d.id, "state"), qos, true, offline), false) != nil {
			break
		}
	}
	err := flight.land()
	p.disconnect()
	if err != nil {
		return fmt.Errorf("say that the devices are offline: %w", err)
	}
	return nil
}

func (p *Publisher) disconnect() {
	for _, c := range p.clients {
		if c != nil {
			c.Disconnect(0)
		}
	}
}

// wait waits for a token, for a time, or until ctx ends.
func wait(ctx context.Context, t mqtt.Token, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return ctx.Err()
	}
}
