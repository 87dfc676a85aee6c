package broker

import (
	"fmt"
	"net"
	"runtime/debug"
	"time"

	"github.com/mochi-mqtt/server/v2/listeners"
)

// admit makes a connection of what was accepted, or closes it when there are too many, and returns nil.
func (b *Broker) admit(l *listener, raw net.Conn) *conn {
	c := newConn(b, raw)
	c.listener = l
	refusal, evicted := b.remember(c)
	if refusal != "" {
		b.metrics.turnedAway.WithLabelValues(refusal).Inc()
		raw.Close()
		return nil
	}
	if evicted != nil {
		b.metrics.turnedAway.WithLabelValues("too-many-handshakes").Inc()
		evicted.Conn.Close() // its goroutine does the rest
	}
	c.SetDeadline(time.Now().Add(b.config.ConnectTimeout))
	return c
}

// serve lives through a connection. Whatever a client sends, the worst that comes of it is the end of its own
// connection: the library has been seen to index beyond a packet that is cut short.
func (b *Broker) serve(c *conn, establish listeners.EstablishFn) {
	defer func() {
		c.Close()
		b.giveBack(c.stream.buf) // the library keeps the connection as long as the session
		c.stream = stream{}
	}()
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		b.metrics.panics.Inc()
		if b.complaints.take(time.Now()) {
			b.log.Error("a packet made the broker panic, its connection is closed: please report it", "client", c.clientID(), "err", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
		b.bury(c, fmt.Errorf("panic: %v", p))
	}()
	establish(c.listener.id, c) // its error is that of the client
}

// bury does for a connection that panicked what the library does at the end of all others.
func (b *Broker) bury(c *conn, why error) {
	if c.session == nil {
		return
	}
	cl := c.session.client
	cl.Stop(why)
	kept := keeps(cl) && b.leaveSession(cl)
	c.session.loseWill(kept)
	if !kept && !cl.IsTakenOver() {
		b.endSession(cl)
	}
}
