package broker

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// conn is the connection of one client. It stops reading while the broker
// drains, so that what is in flight can still be acknowledged on it, and notices
// packets that are too large.
type conn struct {
	net.Conn
	broker  *Broker
	session *session // set when the client has said who it is, before it publishes

	frames   framer
	over     *oversize // used by the reading goroutine, and by Close after it
	deadline time.Time // of reading, as it was last set

	version atomic.Uint32 // of the protocol, 0 before CONNECT
	parked  atomic.Bool
	once    sync.Once
	closed  chan struct{}
}

func newConn(b *Broker, c net.Conn) *conn {
	return &conn{
		Conn: c, broker: b, closed: make(chan struct{}),
		frames: framer{most: b.config.PacketBytes, first: true},
	}
}

// errTooLarge is what reading ends with when the first packet is larger than a CONNECT may be.
var errTooLarge = errors.New("the first packet is too large")

func (c *conn) Read(p []byte) (int, error) {
	for {
		if c.broker.draining.Load() {
			return 0, c.park()
		}
		n, err := c.Conn.Read(p)
		if n > 0 {
			first := c.frames.first
			if over := c.frames.scan(p[:n]); over != nil {
				c.over = over
				if first {
					return 0, errTooLarge
				}
			}
		}
		if err != nil && n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && c.broker.draining.Load() {
			continue
		}
		return n, err
	}
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
