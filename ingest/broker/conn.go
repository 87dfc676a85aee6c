package broker

import (
	"errors"
	"math"
	"net"
	"os"
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
	session *session // set when the client has said who it is, before anything else is read

	// Of the reading goroutine.
	stream   stream
	started  bool      // the first packet was handed over
	pass     int       // bytes of a packet for the library that are still to be handed over
	over     *oversize // used by Close, too, which comes after
	deadline time.Time // of reading, as it was last set
	topic    string    // of the last publish
	allowed  bool      // whether the client may publish to it

	version atomic.Uint32 // of the protocol, 0 before CONNECT
	parked  atomic.Bool
	once    sync.Once
	closed  chan struct{}
}

func newConn(b *Broker, c net.Conn) *conn {
	return &conn{Conn: c, broker: b, closed: make(chan struct{})}
}

// errTooLarge is what reading ends with when the first packet is larger than a CONNECT may be.
var errTooLarge = errors.New("the first packet is too large")

// Read gives the library the packets that are not taken here. It never gives it
// more than one at a time, so that a packet is dealt with before the next is looked at.
func (c *conn) Read(p []byte) (int, error) {
	for {
		if c.broker.draining.Load() {
			return 0, c.park()
		}
		if c.pass > 0 {
			if c.stream.buffered() == 0 {
				if err := c.fill(); err != nil {
					return 0, err
				}
				continue
			}
			n := c.stream.read(p[:min(len(p), c.pass)])
			c.pass -= n
			return n, nil
		}
		if err := c.next(); err != nil {
			return 0, err
		}
	}
}

// next looks at the packet at the front: it takes it, or lets it pass, or reads more of it.
func (c *conn) next() error {
	most := c.broker.config.PacketBytes
	if !c.started {
		most = min(most, connectBytes)
	}
	f, state := c.stream.front()
	switch {
	case state == partial:
		return c.fill()
	case state == malformed:
		c.pass = math.MaxInt // the library closes the connection
	case f.length+1 > most:
		if f.kind() == packets.Publish && c.stream.topic(f) == "" && !c.stream.full() {
			return c.fill() // the topic is worth knowing
		}
		c.over = &oversize{kind: f.kind(), length: f.length, topic: c.stream.topic(f)}
		if !c.started {
			return errTooLarge
		}
		c.pass = math.MaxInt // the library closes the connection, after Close has said why
	case !c.started:
		c.started, c.pass = true, f.size()
	case f.kind() == packets.Publish && f.size() <= readBuffer:
		if c.stream.buffered() < f.size() {
			return c.fill()
		}
		if c.take(f, c.stream.packet(f)) {
			c.stream.skip(f.size())
		} else {
			c.pass = f.size()
		}
	default:
		c.pass = f.size()
	}
	return nil
}

// fill reads from the network, once.
func (c *conn) fill() error {
	if c.session != nil {
		c.keepAlive()
	}
	n, err := c.stream.fill(c.Conn)
	if err != nil && n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && c.broker.draining.Load() {
		return nil // Read parks
	}
	if n > 0 {
		return nil
	}
	return err
}

// keepAlive moves the deadline as the library would with every packet (MQTT 5.0 section 3.1.2.10).
func (c *conn) keepAlive() {
	var t time.Time
	if seconds := c.session.client.State.Keepalive; seconds > 0 {
		t = time.Now().Add(time.Duration(seconds) * time.Second * 3 / 2)
	}
	c.SetDeadline(t)
}

// park keeps the reading goroutine until the connection is closed.
func (c *conn) park() error {
	c.parked.Store(true)
	c.broker.progress()
	<-c.closed
	return net.ErrClosed
}

// SetDeadline bounds reading, to the second: the library moves the deadline with
// every packet. Writing is bounded by Write.
func (c *conn) SetDeadline(t time.Time) error {
	if t.IsZero() == c.deadline.IsZero() && t.Sub(c.deadline).Abs() < time.Second {
		return nil
	}
	c.deadline = t
	return c.Conn.SetReadDeadline(t)
}

// Write writes whole packets, and fails when the client does not take them in time.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(time.Now().Add(c.broker.config.WriteTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// Close ends the connection. A client whose packet was too large is told so first.
func (c *conn) Close() error {
	var err error
	c.once.Do(func() {
		close(c.closed)
		c.broker.forget(c)
		if c.session != nil {
			c.session.end()
		}
		if c.over != nil {
			if c.broker.start(c.linger) {
				return
			}
		}
		err = c.Conn.Close()
	})
	return err
}

// lingerFor is how long a client whose packet was too large may go on sending
// it. Without reading on, the operating system would throw away the reason that was sent.
const lingerFor = 2 * time.Second

func (c *conn) linger() {
	defer c.Conn.Close()
	c.Conn.SetDeadline(time.Now().Add(lingerFor))
	if c.version.Load() == 5 {
		c.Conn.Write([]byte{packets.Disconnect << 4, 2, packets.ErrPacketTooLarge.Code, 0})
	}
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	c.broker.tooLarge(c)
	buffer := make([]byte, 16<<10)
	for {
		if _, err := c.Conn.Read(buffer); err != nil {
			return
		}
	}
}
