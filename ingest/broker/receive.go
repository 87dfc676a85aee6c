package broker

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// receiver reads from the network into a buffer that is only borrowed when something has come, so that many
// connections that say nothing cost little.
type receiver struct {
	raw  syscall.RawConn // of a plain connection; nil with TLS
	poll func(fd uintptr) bool

	// What poll found.
	n   int
	err error
}

// receive reads once. It waits without a buffer when the stream has none.
func (c *conn) receive() (int, error) {
	c.broker.giveBack(c.stream.release())
	switch {
	case c.stream.buffered() > 0:
		n, err := c.Conn.Read(c.stream.room(c.broker.borrow))
		c.stream.received(n)
		return n, err
	case c.receiver.raw != nil:
		if err := c.receiver.raw.Read(c.receiver.poll); err != nil {
			return 0, err
		}
		return c.receiver.n, c.receiver.err
	}
	// TLS has buffers of its own: wait for the first byte, and read the rest of the record with the next call.
	n, err := c.Conn.Read(c.first[:])
	copy(c.stream.room(c.broker.borrow), c.first[:n])
	c.stream.received(n)
	return n, err
}

// tryRead reads when something is there, or reports that there is nothing.
func (c *conn) tryRead(fd uintptr) bool {
	room := c.stream.room(c.broker.borrow)
	for {
		n, err := syscall.Read(int(fd), room)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			c.broker.giveBack(c.stream.release())
			return false
		case err != nil:
			c.receiver.n, c.receiver.err = 0, os.NewSyscallError("read", err)
		case n == 0:
			c.receiver.n, c.receiver.err = 0, io.EOF
		default:
			c.stream.received(n)
			c.receiver.n, c.receiver.err = n, nil
		}
		return true
	}
}

func (b *Broker) borrow() *buffer {
	b.lent.Add(1)
	return b.buffers.Get().(*buffer)
}

func (b *Broker) giveBack(buf *buffer) {
	if buf != nil {
		b.lent.Add(-1)
		b.buffers.Put(buf)
	}
}

// slowest is the rate, in bytes a second, that a client has to keep up in the middle of a packet: a tenth of what GPRS gives.
const slowest = 512

// fill reads from the network, once.
func (c *conn) fill() error {
	if c.session != nil {
		c.keepAlive()
	}
	n, err := c.receive()
	switch {
	case n > 0:
		return nil
	case err != nil && errors.Is(err, os.ErrDeadlineExceeded):
		if c.broker.draining.Load() {
			return nil // Read parks
		}
		if c.midway() {
			c.broker.metrics.stalled.Inc()
		}
	}
	return err
}

// midway tells whether a part of a packet has come and a part has not.
func (c *conn) midway() bool { return c.pass > 0 || c.stream.buffered() > 0 }

// keepAlive moves the deadline as the library would with every packet (MQTT 5.0 section 3.1.2.10), and bounds the time
// that one packet may take, however many pieces it comes in.
func (c *conn) keepAlive() {
	var t time.Time
	now := time.Now()
	if seconds := c.session.client.State.Keepalive; seconds > 0 {
		t = now.Add(time.Duration(seconds) * time.Second * 3 / 2)
	}
	if !c.midway() {
		c.began = time.Time{}
	} else {
		if c.began.IsZero() {
			c.began = now
		}
		last := c.began.Add(c.broker.config.PacketTimeout + time.Duration(c.size/slowest)*time.Second)
		if t.IsZero() || last.Before(t) {
			t = last
		}
	}
	c.SetDeadline(t)
}
