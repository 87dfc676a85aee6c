package broker

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/presage-pdm/presage/ingest"
)

// session is one connection of a client that has said who it is.
type session struct {
	broker   *Broker
	client   *mqtt.Client
	conn     *conn
	identity Identity
	mount    string
	// speaksFor is what the intake asks about devices; nil when the session speaks for any. Made once.
	speaksFor func(topic, device string) bool

	will atomic.Pointer[lastWill] // nil when there is none, or when it was sent

	mu       sync.Mutex
	room     sync.Cond  // of mu: there is room in flight, or the session has ended
	inFlight int        // messages given to the intake whose fate is not settled and written yet
	settled  []*publish // whose fate is known, to be acknowledged and routed in this order
	spare    []*publish // the slice that settled alternates with
	flushing bool       // a goroutine is at it
	ended    bool
}

func newSession(b *Broker, client *mqtt.Client, c *conn, id Identity) *session {
	s := &session{broker: b, client: client, conn: c, identity: id, mount: mount(id.Tenant)}
	if id.Device != "" {
		s.speaksFor = id.speaksFor
	}
	s.room.L = &s.mu
	return s
}

// message is what a client published.
type message struct {
	topic      string // as the client wrote it
	payload    []byte // nil after the intake has it, when nobody else needs it
	qos        byte
	retain     bool
	id         uint16
	properties *packets.Properties // of MQTT 5, nil for none
}

func messageOf(pk *packets.Packet) message {
	return message{
		topic: pk.TopicName, payload: pk.Payload, qos: pk.FixedHeader.Qos, retain: pk.FixedHeader.Retain,
		id: pk.PacketID, properties: &pk.Properties,
	}
}

// publish is one message on its way through the intake. It is reused.
type publish struct {
	session *session
	message message
	code    byte          // for the acknowledgement, in MQTT 5
	err     error         // why it is not durable
	waiter  chan struct{} // of QoS 2: somebody waits; buffered, 1 message a wait
	waited  bool          // whether somebody does
	will    bool          // the last will: not part of the flow of the connection
	begun   time.Time     // when the intake was given it

	// done, refused and slow are what the intake calls, made once.
	done    func(error)
	refused func(*ingest.RejectError)
	slow    func(time.Duration)
}

func newPublish() any {
	p := &publish{waiter: make(chan struct{}, 1)}
	p.done = func(err error) { p.session.settle(p, err) }
	p.refused = func(why *ingest.RejectError) { p.code = reasonCode(why.Reason) }
	p.slow = func(d time.Duration) { p.session.conn.slow(d) }
	return p
}

func (s *session) publish(m message) *publish {
	p := s.broker.publishes.Get().(*publish)
	p.session, p.message = s, m
	return p
}

func (p *publish) release() {
	pool := &p.session.broker.publishes
	p.session, p.message, p.code, p.err, p.waited, p.will = nil, message{}, 0, nil, false, false
	pool.Put(p)
}

// enter waits for room in flight; false when the session has ended. It is
// called by the goroutine that reads from the client, which reads nothing meanwhile.
func (s *session) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight >= s.broker.config.InFlight && !s.ended {
		began := time.Now()
		for s.inFlight >= s.broker.config.InFlight && !s.ended {
			s.room.Wait()
		}
		s.broker.metrics.blocked.Add(time.Since(began).Seconds())
	}
	if s.ended {
		return false
	}
	s.inFlight++
	s.broker.inFlight.Add(1)
	return true
}

// end wakes who waits for room. What is in flight is still settled, without acknowledgement.
func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.room.Broadcast()
}

// fate is what the library is to do with a publish.
type fate int

const (
	taken    fate = iota // nothing: it is or will be acknowledged and routed here
	accepted             // acknowledge and route
	refused              // acknowledge only
)

// take gives a publish to the intake and returns at once, for QoS 2 when its fate is known.
func (s *session) take(m message) fate {
	if !s.enter() {
		return taken
	}
	p := s.publish(m)
	p.waited = m.qos == 2
	waited := p.waited // the publish may be gone when accept returns
	s.broker.accept(p)
	if !waited {
		return taken
	}
	<-p.waiter
	code, err := p.code, p.err
	p.release()
	defer s.leave(1)
	switch {
	case err != nil:
		s.broker.giveUp(s, err)
		return taken
	case code == 0:
		return accepted
	case s.conn.version.Load() != 5:
		return refused
	}
	// The library would answer with a PUBACK where MQTT 5 wants a PUBREC.
	if s.write([]byte{packets.Pubrec << 4, 3, byte(m.id >> 8), byte(m.id), code}) {
		s.broker.metrics.acks.Inc()
	}
	return taken
}

// accept hands a message to the intake. What is kept of its payload, for
// subscribers, is a copy, because the buffer that it lies in is used again.
func (b *Broker) accept(p *publish) {
	payload := p.message.payload
	p.message.payload = nil
	if b.wanted(p.message.retain) {
		p.message.payload = append([]byte{}, payload...)
	}
	p.begun = time.Now()
	b.intake.Accept(b.ctx, ingest.Message{
		Tenant: p.session.identity.Tenant, Client: p.session.client.ID,
		Topic: p.message.topic, Payload: payload,
		Arrival: p.begun.UnixMilli(), Refused: p.refused, Slow: p.slow,
		Sender: p.session.identity.Device, SpeaksFor: p.session.speaksFor,
	}, p.done)
}

// settle is told the fate of a message. It is called by the intake and does not block.
func (s *session) settle(p *publish, err error) {
	p.err = err
	if p.waited {
		p.waiter <- struct{}{}
		return
	}
	s.mu.Lock()
	s.settled = append(s.settled, p)
	start := !s.flushing
	s.flushing = true
	s.mu.Unlock()
	if start && !s.broker.start(s.flush) { // at most one for a session
		s.abandon()
	}
}

// abandon forgets what is settled after the broker was closed.
func (s *session) abandon() {
	s.mu.Lock()
	batch := s.settled
	s.settled, s.flushing = nil, false
	s.mu.Unlock()
	s.broker.left(len(batch))
}

// flush acknowledges and routes what is settled until there is nothing left.
func (s *session) flush() {
	var acks []byte
	for {
		// The intake settles whole groups: let it finish, and write all their acknowledgements at once.
		runtime.Gosched()
		s.mu.Lock()
		batch := s.settled
		if len(batch) == 0 {
			s.flushing = false
			s.mu.Unlock()
			return
		}
		s.settled, s.spare = s.spare[:0], nil
		s.mu.Unlock()

		acks = s.acknowledge(acks[:0], batch)
		entered := 0
		for i, p := range batch {
			if p.err == nil && p.code == 0 {
				s.broker.route(s, &p.message)
			}
			if !p.will {
				entered++
			}
			p.release()
			batch[i] = nil
		}
		s.mu.Lock()
		s.spare = batch
		s.mu.Unlock()
		s.leave(entered)
		s.broker.left(len(batch) - entered)
	}
}

// acknowledge writes the PUBACKs of a batch in one piece. After a message that
// is not durable nothing more is acknowledged: the client sends it all again.
func (s *session) acknowledge(acks []byte, batch []*publish) []byte {
	v5 := s.conn.version.Load() == 5
	n := 0
	var failed error
	for _, p := range batch {
		if p.err != nil {
			failed = p.err
			break
		}
		if p.message.qos != 1 || p.will {
			continue
		}
		n++
		high, low := byte(p.message.id>>8), byte(p.message.id)
		if v5 && p.code != 0 {
			acks = append(acks, packets.Puback<<4, 3, high, low, p.code)
		} else {
			acks = append(acks, packets.Puback<<4, 2, high, low)
		}
	}
	if n > 0 && s.write(acks) {
		s.broker.metrics.acks.Add(float64(n))
		s.broker.metrics.ackWrites.Inc()
		s.broker.metrics.ackSeconds.Observe(time.Since(batch[0].begun).Seconds())
	}
	if failed != nil {
		s.broker.giveUp(s, failed)
	}
	return acks
}

// write sends whole packets between those of the library.
func (s *session) write(b []byte) bool {
	s.client.Lock()
	defer s.client.Unlock()
	if _, err := s.conn.Write(b); err != nil {
		s.client.Stop(err)
		return false
	}
	return true
}

// leave makes room for n messages.
func (s *session) leave(n int) {
	if n == 0 {
		return
	}
	s.mu.Lock()
	full := s.inFlight >= s.broker.config.InFlight
	s.inFlight -= n
	if full {
		s.room.Broadcast()
	}
	s.mu.Unlock()
	s.broker.left(n)
}

// reasonCode is the code of MQTT 5 for a reason of the intake (section 3.4.2.1).
func reasonCode(reason string) byte {
	switch reason {
	case ingest.ReasonRefusedDevice, ingest.ReasonUnknownDevice, ingest.ReasonForeignDevice:
		return packets.ErrNotAuthorized.Code
	case "bad-topic", "bad-device-id":
		return packets.ErrTopicNameInvalid.Code
	case ingest.ReasonTooLarge, ingest.ReasonTooManySamples, ingest.ReasonTooManyMetrics, ingest.ReasonTooManyEvents, ingest.ReasonTooManyDevices,
		ingest.ReasonDeviceMetrics, ingest.ReasonNewDevices, ingest.ReasonTenantDevices:
		return packets.ErrQuotaExceeded.Code
	}
	return packets.ErrPayloadFormatInvalid.Code
}
