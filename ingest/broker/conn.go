package broker

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// conn is the connection of one client. It reads packets, takes publishes for the
// intake out of the stream, see fast.go, and hands all others to the library. It stops
// reading while the broker drains, so that what is in flight can still be acknowledged
// on it, and notices packets that are too large.
type conn struct {
	net.Conn
	broker  *Broker
	session *session // set by introduce when the client has said who it is, before anything else is read
	// listener is where it came in.
	listener *listener

	// Of the reading goroutine.
	stream   stream
	receiver receiver
	first    [1]byte
	started  bool      // the first packet was handed over
	pass     int       // bytes of a packet for the library that are still to be handed over
	size     int       // of the packet at the front, as far as that is known
	began    time.Time // when the packet that is not complete was begun, zero when none is
	deadline time.Time // of reading, as it was last set
	topic    string    // of the last publish
	allowed  bool      // whether the client may publish to it
	excess   []int     // which filters of the SUBSCRIBE in work are too many
	wishes   []wish    // which retained messages it asks for

	address netip.Addr // of the other end, for counting; see doors.go
	queue   queue      // what waits to be delivered, see queue.go
	sender  sender

	pause   atomic.Int64             // until when nothing is read, in Unix nanoseconds; 0 for no pause
	version atomic.Uint32            // of the protocol, 0 before CONNECT
	over    atomic.Pointer[oversize] // what reading ended with, nil for anything else
	parked  atomic.Bool
	once    sync.Once
	closed  chan struct{}
}

func newConn(b *Broker, raw net.Conn) *conn {
	c := &conn{Conn: raw, broker: b, closed: make(chan struct{})}
	if plain, ok := raw.(*net.TCPConn); ok {
		if system, err := plain.SyscallConn(); err == nil {
			c.receiver.raw, c.sender.raw = system, system
		}
	}
	c.receiver.poll, c.sender.poll = c.tryRead, c.sender.trySend
	c.sender.sent = make(chan struct{}, 1)
	return c
}

// clientID is the identifier that the client gave itself; empty before it did.
func (c *conn) clientID() string {
	if c.session == nil {
		return ""
	}
	return c.session.client.ID
}

// What reading ends with when the client sends what cannot be read on.
var (
	errTooLarge  = errors.New("the packet is too large")
	errMalformed = errors.New("the length of the packet is malformed")
)

// Read gives the library the packets that are not taken here. It never gives it
// more than one at a time, so that a packet is dealt with before the next is looked at.
func (c *conn) Read(p []byte) (int, error) {
	for {
		if c.broker.draining.Load() {
			return 0, c.park()
		}
		if c.pause.Load() != 0 {
			c.rest()
			continue
		}
		if c.pass > 0 {
			if c.stream.buffered() == 0 {
				if err := c.fill(); err != nil {
					return 0, err
				}
				continue
			}
			n := c.stream.read(p[:min(len(p), c.pass)])
			if c.pass -= n; c.pass == 0 {
				c.began = time.Time{}
			}
			return n, nil
		}
		if err := c.next(); err != nil {
			return 0, err
		}
	}
}

// next looks at the packet at the front: it takes it, or lets it pass, or reads more of it.
func (c *conn) next() error {
	f, state := c.stream.front()
	if state == complete {
		c.size = f.size()
	} else {
		c.size = 0
	}
	most := c.broker.config.PacketBytes
	if !c.started || f.kind() != packets.Publish {
		most = min(most, controlBytes)
	}
	switch {
	case state == partial:
		return c.fill()
	case state == malformed:
		return errMalformed
	case f.length+1 > most:
		if c.started && f.kind() == packets.Publish && c.stream.topic(f) == "" && !c.stream.full() {
			return c.fill() // the topic is worth knowing
		}
		c.over.Store(&oversize{kind: f.kind(), length: f.length, topic: c.stream.topic(f)})
		return errTooLarge
	case !c.started:
		c.started, c.pass = true, f.size()
	case f.kind() == packets.Publish && f.size() <= readBuffer:
		if c.stream.buffered() < f.size() {
			return c.fill()
		}
		if c.take(f, c.stream.packet(f)) {
			c.stream.skip(f.size())
			c.began = time.Time{}
		} else {
			c.pass = f.size()
		}
	default:
		c.pass = f.size()
	}
	return nil
}

// park keeps the reading goroutine until the connection is closed.
func (c *conn) park() error {
	c.parked.Store(true)
	c.broker.progress()
	<-c.closed
	return net.ErrClosed
}

// SetDeadline bounds reading. It leaves a deadline that is nearly right, by a second and an eighth of the time that is left at most: the
// library moves it with every packet. Writing is bounded by itself.
func (c *conn) SetDeadline(t time.Time) error {
	if t.IsZero() && c.deadline.IsZero() || !t.IsZero() && !c.deadline.IsZero() && t.Sub(c.deadline).Abs() < min(time.Second, time.Until(t)/8) {
		return nil
	}
	c.deadline = t
	return c.Conn.SetReadDeadline(t)
}

// Close ends the connection. A client whose packet was too large is told so first.
func (c *conn) Close() error {
	var err error
	c.once.Do(func() {
		close(c.closed)
		if s := c.broker.forget(c); s != nil {
			s.end()
			c.broker.members.leave(s)
		}
		if over := c.over.Load(); over != nil && c.broker.start(func() { c.linger(over) }) {
			return
		}
		err = c.Conn.Close()
	})
	return err
}

// lingerFor is how long a client whose packet was too large may go on sending
// it. Without reading on, the operating system would throw away the reason that was sent.
const lingerFor = 2 * time.Second

func (c *conn) linger(over *oversize) {
	defer c.Conn.Close()
	c.Conn.SetDeadline(time.Now().Add(lingerFor))
	if c.version.Load() == 5 {
		c.Conn.Write([]byte{packets.Disconnect << 4, 2, packets.ErrPacketTooLarge.Code, 0})
	}
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	c.broker.tooLarge(c, over)
	buffer := make([]byte, 16<<10)
	for {
		if _, err := c.Conn.Read(buffer); err != nil {
			return
		}
	}
}
