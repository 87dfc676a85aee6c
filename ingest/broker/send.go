package broker

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// sender writes to the network without making anybody wait. The library holds the lock of a client while it writes to it, and whoever has
// a message for that client waits for the lock: with it, a subscriber that does not read would hold up those that publish.
type sender struct {
	raw  syscall.RawConn // of a plain connection; nil with TLS
	poll func(fd uintptr) bool

	size atomic.Int64  // bytes that the system has not taken yet
	sent chan struct{} // 1: size has become less; one is enough to look

	mu   sync.Mutex
	rest []byte // of size, what send has not begun with
	busy bool   // send runs

	// Of the call of poll, under mu.
	p   []byte
	n   int
	err error
}

// chunk is how much is written at once: what a client has to take within the write time-out, in bytes.
const chunk = 64 << 10

// errDeaf is what writing ends with when too much waits to be taken by the client.
var errDeaf = errors.New("the client does not take what is sent to it")

// Write writes whole packets, one after the other: at once what the system takes, the rest behind the caller's back. A client that does
// not take it in time, or for which too much waits, is disconnected: something would be missing before the next packet.
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.write(p)
	if err != nil {
		if errors.Is(err, errDeaf) {
			c.broker.metrics.deaf.Inc()
		}
		c.Close()
	}
	return n, err
}

func (c *conn) write(p []byte) (int, error) {
	s := &c.sender
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	if !s.busy && s.raw != nil {
		s.p, s.n, s.err = p, 0, nil
		err := s.raw.Write(s.poll)
		n, s.p = s.n, nil
		if err = errors.Join(err, s.err); err != nil {
			return n, err
		}
	}
	if n == len(p) {
		return n, nil
	}
	if s.size.Load() > 2*int64(c.broker.config.QueuedBytes) { // messages are bounded before; answers to what the client asks come on top
		return n, errDeaf
	}
	s.rest = append(s.rest, p[n:]...)
	s.size.Add(int64(len(p) - n))
	if !s.busy {
		if s.busy = c.broker.start(c.send); !s.busy { // Broker.Close waits for it
			return n, net.ErrClosed
		}
	}
	return len(p), nil
}

// trySend writes what the system takes now.
func (s *sender) trySend(fd uintptr) bool {
	for {
		n, err := syscall.Write(int(fd), s.p[s.n:])
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
		case err != nil:
			s.err = os.NewSyscallError("write", err)
		default:
			s.n += n
		}
		return true // never waits
	}
}

// send writes what is left over, until nothing is.
func (c *conn) send() {
	s := &c.sender
	var work []byte
	for {
		s.mu.Lock()
		if len(s.rest) == 0 {
			c.Conn.SetWriteDeadline(time.Time{})
			s.rest, s.busy = nil, false
			s.mu.Unlock()
			c.broker.progress()
			return
		}
		work, s.rest = s.rest, work[:0]
		s.mu.Unlock()
		if err := c.sendAll(work); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				c.broker.metrics.deaf.Inc()
			}
			c.Close()
			s.mu.Lock()
			s.rest = nil // busy stays: nothing more is written
			s.mu.Unlock()
			s.size.Store(0)
			c.broker.progress()
			return
		}
	}
}

func (c *conn) sendAll(work []byte) error {
	for len(work) > 0 {
		if err := c.Conn.SetWriteDeadline(time.Now().Add(c.broker.config.WriteTimeout)); err != nil {
			return err
		}
		n, err := c.Conn.Write(work[:min(len(work), chunk)])
		c.sender.size.Add(int64(-n))
		select {
		case c.sender.sent <- struct{}{}:
		default:
		}
		if err != nil {
			return fmt.Errorf("send: %w", err)
		}
		work = work[n:]
	}
	return nil
}

// room waits until less than most is to be sent; false when the connection is closed. It is called by the
// goroutine that reads from the client, which reads nothing meanwhile.
func (s *sender) room(c *conn, most int) bool {
	for s.size.Load() >= int64(most) {
		select {
		case <-s.sent:
		case <-c.closed:
			return false
		}
	}
	return true
}
