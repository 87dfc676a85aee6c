package broker

import (
	"crypto/tls"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/listeners"
)

// listener accepts connections for the library.
type listener struct {
	broker *Broker
	inner  net.Listener
	once   sync.Once
	done   chan struct{} // closed when Serve has returned
}

const listenerID = "mqtt"

// waiting is how many connections may be open beyond the limit of clients, so
// that a client that is turned away hears why.
const waiting = 64

func (l *listener) Init(*slog.Logger) error { return nil }
func (l *listener) ID() string              { return listenerID }
func (l *listener) Address() string         { return l.inner.Addr().String() }
func (l *listener) Protocol() string        { return "tcp" }

// Serve accepts until the listener is closed.
func (l *listener) Serve(establish listeners.EstablishFn) {
	defer close(l.done)
	for {
		raw, err := l.inner.Accept()
		if err != nil {
			select {
			case <-l.broker.stopped:
				return
			default:
			}
			// Out of file descriptors, most likely: others will be closed.
			l.broker.log.Warn("cannot accept a connection", "err", err)
			select {
			case <-l.broker.stopped:
				return
			case <-time.After(100 * time.Millisecond):
				continue
			}
		}
		if l.broker.config.TLS != nil {
			raw = tls.Server(raw, l.broker.config.TLS)
		}
		c := newConn(l.broker, raw)
		if !l.broker.remember(c) {
			l.broker.metrics.turnedAway.WithLabelValues("too-many").Inc()
			raw.Close()
			continue
		}
		c.SetDeadline(time.Now().Add(l.broker.config.ConnectTimeout))
		l.broker.wait.Go(func() { // Broker.Close waits for it
			defer c.Close()
			establish(listenerID, c) // its error is that of the client
		})
	}
}

// Close closes the connections of clients, and those that have not said yet who they are.
func (l *listener) Close(closeClients listeners.CloseFn) {
	l.stop()
	<-l.done
	closeClients(listenerID)
	l.broker.closeConns()
}

// stop accepts no more.
func (l *listener) stop() {
	l.once.Do(func() {
		close(l.broker.stopped)
		l.inner.Close()
	})
}
