package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/presage-pdm/presage/ingest"
)

// Intake takes messages and makes them durable; *ingest.Intake is the one.
type Intake interface {
	Accept(ctx context.Context, m ingest.Message, done func(error))
	Refuse(ctx context.Context, m ingest.Message, why *ingest.RejectError, done func(error))
}

// Topics knows which messages are for the intake; *payload.Decoder is the one.
type Topics interface {
	// Takes tells whether a message is for the intake.
	Takes(topic string, payload []byte) bool
	// DeviceOf is the device that a topic, or a filter without wildcards before the device, names.
	DeviceOf(topic string) string
	// PayloadNamesDevice tells whether a topic is for the intake and only the payload tells of which device.
	PayloadNamesDevice(topic string) bool
}

// Parts is what a [Broker] works with.
type Parts struct {
	Intake Intake
	Topics Topics
	// Authenticator may be nil, then only a loopback address is allowed, without credentials.
	Authenticator Authenticator
	Logger        *slog.Logger          // nil discards
	Registerer    prometheus.Registerer // nil keeps the metrics unregistered
}

// Broker is the embedded MQTT broker. [Broker.Start] begins, [Broker.Drain] and
// [Broker.Close] end it.
type Broker struct {
	config        Config
	intake        Intake
	topics        Topics
	authenticator Authenticator
	log           *slog.Logger
	metrics       *metrics
	members       *members
	refusals      refusals

	server    *mqtt.Server
	inline    *mqtt.Client // publishes what is durable to subscribers
	listeners []*listener  // that of Config.Address first

	ctx   context.Context // ends when messages are given up
	abort context.CancelFunc

	draining  atomic.Bool
	inFlight  atomic.Int64 // messages whose fate is not settled
	lent      atomic.Int64 // buffers that connections have
	closing   sync.Once
	wait      sync.WaitGroup // every goroutine of connections
	publishes sync.Pool      // of *publish
	buffers   sync.Pool      // of *buffer
	changed   chan struct{}  // 1: what Drain waits for may have come; one is enough

	arrivals   *pace // of connections
	complaints *pace // of log lines about single clients; the counters have them all
	retained   *retained

	mu    sync.Mutex
	over  bool // Close has begun to wait
	doors doors
	wills map[string]*lateWill // by client identifier within the broker
}

// New returns a broker that does not listen yet. It fails when the configuration
// would let anybody in from outside this machine.
func New(config Config, parts Parts) (*Broker, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	for _, e := range config.entrances() {
		if parts.Authenticator == nil && !e.anonymous {
			return nil, fmt.Errorf("broker: %s needs credentials of its clients, and none are configured: configure them, or listen on 127.0.0.1", e.address)
		}
	}
	if parts.Logger == nil {
		parts.Logger = slog.New(slog.DiscardHandler)
	}
	capabilities := mqtt.NewDefaultServerCapabilities()
	capabilities.MaximumClients = int64(config.Connections)
	capabilities.MaximumMessageExpiryInterval = 0 // retained messages stay until they are replaced
	capabilities.MaximumClientWritesPending = int32(config.Pending)
	capabilities.MaximumSessionExpiryInterval = uint32(min(config.SessionExpiry/time.Second, math.MaxUint32))
	capabilities.MaximumPacketSize = uint32(config.PacketBytes)
	capabilities.ReceiveMaximum = uint16(config.InFlight)
	capabilities.TopicAliasMaximum = topicAliases
	capabilities.Compatibilities.NoInheritedPropertiesOnAck = true // MQTT 5.0 section 3.4.2.2
	b := &Broker{
		config:        config,
		intake:        parts.Intake,
		topics:        parts.Topics,
		authenticator: parts.Authenticator,
		log:           parts.Logger,
		members:       newMembers(),
		server: mqtt.New(&mqtt.Options{
			Capabilities:             capabilities,
			ClientNetReadBufferSize:  16, // conn has a larger one
			ClientNetWriteBufferSize: 4 << 10,
			// The library logs a line per mishap of a client, with the payload: they are counted instead.
			Logger: slog.New(slog.DiscardHandler),
			// Its topics of statistics stop the process for a moment to measure its memory.
			SysTopicResendInterval: 60,
		}),
		changed: make(chan struct{}, 1),
		doors:   newDoors(),
		wills:   map[string]*lateWill{},

		arrivals:   newPace(config.ConnectionRate, config.ConnectionRate),
		complaints: newPace(1, 5),
		retained:   newRetained(),
	}
	b.publishes.New = newPublish
	b.buffers.New = func() any { return new(buffer) }
	b.ctx, b.abort = context.WithCancel(context.Background())
	b.metrics = newMetrics(parts.Registerer, b)
	b.inline = b.server.NewClient(nil, mqtt.LocalListener, "\xffpresage", true)
	if err := b.server.AddHook(&hook{broker: b}, nil); err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	b.watchQueues()
	return b, nil
}

// Start listens and serves until [Broker.Close].
func (b *Broker) Start() error {
	if err := b.listen(); err != nil {
		for _, l := range b.listeners {
			l.inner.Close()
		}
		return fmt.Errorf("broker: %w", err)
	}
	for _, l := range b.listeners {
		b.log.Info("mqtt broker listens", "address", l.Address(), "tls", l.tls != nil, "credentials", !l.anonymous)
	}
	return nil
}

func (b *Broker) listen() error {
	for i, e := range b.config.entrances() {
		inner, err := listen(b.ctx, e.address)
		if err != nil {
			return fmt.Errorf("listen: %w: is another broker running?", err)
		}
		l := newListener(b, fmt.Sprintf("mqtt-%d", i), inner, e)
		b.listeners = append(b.listeners, l)
		if err := b.server.AddListener(l); err != nil {
			return err
		}
	}
	return b.server.Serve()
}

// Addr is where the broker listens, after [Broker.Start].
func (b *Broker) Addr() net.Addr { return b.listeners[0].inner.Addr() }

// TLSAddr is where the broker listens beside that, after [Broker.Start]; nil when it does not.
func (b *Broker) TLSAddr() net.Addr {
	if len(b.listeners) < 2 {
		return nil
	}
	return b.listeners[1].inner.Addr()
}

// Drain is the first half of the end: it accepts no connection, reads nothing more
// from any client, and waits until everything that was read is durable and
// acknowledged, or until ctx ends. The intake must still run, and [Broker.Start] must have succeeded.
func (b *Broker) Drain(ctx context.Context) error {
	for _, l := range b.listeners {
		l.stop()
	}
	b.draining.Store(true)
	b.mu.Lock()
	for _, late := range b.wills {
		late.timer.Stop()
	}
	for c := range b.doors.conns {
		c.Conn.SetReadDeadline(time.Unix(1, 0)) // wakes who reads
	}
	b.mu.Unlock()
	// Progress is signalled by those who park and those who leave; the ticker is for what comes between.
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for !b.quiet() {
		select {
		case <-b.changed:
		case <-poll.C:
		case <-ctx.Done():
			return fmt.Errorf("drain mqtt broker with %d messages in flight: %w", b.inFlight.Load(), context.Cause(ctx))
		}
	}
	return nil
}

// Close disconnects every client and waits for every goroutine. Messages that
// are still in flight are given up without acknowledgement; last wills are not
// sent. Closing again does nothing.
func (b *Broker) Close() error {
	var err error
	b.closing.Do(func() {
		b.draining.Store(true)
		b.abort()
		err = b.server.Close()
		b.mu.Lock()
		b.over = true
		b.mu.Unlock()
		b.wait.Wait()
	})
	return err
}

// start runs f in a goroutine that Close waits for; false when it waits already.
func (b *Broker) start(f func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.over {
		b.wait.Go(f)
	}
	return !b.over
}

// quiet tells whether nobody reads, and nothing is in flight or on its way to a client.
func (b *Broker) quiet() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.doors.conns {
		if !c.parked.Load() || c.sender.size.Load() > 0 {
			return false
		}
	}
	return b.inFlight.Load() == 0
}

// progress wakes Drain.
func (b *Broker) progress() {
	if !b.draining.Load() {
		return
	}
	select {
	case b.changed <- struct{}{}:
	default: // it is awake already
	}
}

// left counts messages whose fate is settled.
func (b *Broker) left(n int) {
	if n != 0 {
		b.inFlight.Add(int64(-n))
		b.progress()
	}
}

func (b *Broker) closeConns() {
	b.mu.Lock()
	var open []*conn
	for c := range b.doors.conns {
		open = append(open, c)
	}
	b.mu.Unlock()
	for _, c := range open {
		c.Close()
	}
}

// giveUp closes a connection one of whose messages could not be made durable, so that the client sends it again.
func (b *Broker) giveUp(s *session, err error) {
	b.metrics.unacknowledged.Inc()
	if !errors.Is(err, context.Canceled) && !errors.Is(err, ingest.ErrClosed) {
		b.log.Warn("a message is not durable, its connection is closed", "client", s.client.ID, "err", err)
	}
	if s.conn.version.Load() == 5 {
		_ = b.server.DisconnectClient(s.client, packets.ErrQuotaExceeded)
	}
	s.client.Stop(err)
}

// tooLarge puts a packet beyond the limit on record; the library closes the connection.
func (b *Broker) tooLarge(c *conn, over *oversize) {
	b.metrics.tooLarge.Inc()
	if c.session == nil || over.topic == "" || !b.topics.Takes(over.topic, []byte{0}) || !b.may(c.session.identity, over.topic) {
		return
	}
	b.inFlight.Add(1)
	b.intake.Refuse(b.ctx, ingest.Message{
		Tenant: c.session.identity.Tenant, Client: c.session.client.ID, Topic: over.topic, Arrival: time.Now().UnixMilli(),
	}, &ingest.RejectError{
		Device: b.topics.DeviceOf(over.topic), Reason: ingest.ReasonTooLarge,
		Detail: fmt.Sprintf("the MQTT packet has %d bytes, at most %d are taken, so it was not read and nothing of it was kept: send several messages", over.length, b.config.PacketBytes),
	}, func(error) { b.left(1) })
}
