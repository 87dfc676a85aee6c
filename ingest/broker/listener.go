package broker

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// listener accepts connections for the library.
type listener struct {
	broker *Broker
	id     string
	inner  net.Listener
	entrance
	once    sync.Once
	served  sync.WaitGroup // its connections
	stopped chan struct{}  // closed when no connection is accepted any more
	done    chan struct{}  // closed when Serve has returned
}

func newListener(b *Broker, id string, inner net.Listener, e entrance) *listener {
	return &listener{broker: b, id: id, inner: inner, entrance: e, stopped: make(chan struct{}), done: make(chan struct{})}
}

// silence is after how long a peer that answers nothing, not even the operating system's questions, is taken to have vanished. It
// is for clients without a keep-alive of MQTT; the others are noticed by that.
const silence = 2 * time.Minute

// listen opens the socket.
func listen(ctx context.Context, address string) (net.Listener, error) {
	c := net.ListenConfig{
		Control:         boundSilence,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: silence / 2, Interval: silence / 8, Count: 4},
	}
	return c.Listen(ctx, "tcp", address)
}

// waiting is how many connections may be open beyond the limit of clients, so
// that a client that is turned away hears why.
const waiting = 64

func (l *listener) Init(*slog.Logger) error { return nil }
func (l *listener) ID() string              { return l.id }
func (l *listener) Address() string         { return l.inner.Addr().String() }
func (l *listener) Protocol() string        { return "tcp" }

// Serve accepts until the listener is closed.
func (l *listener) Serve(establish listeners.EstablishFn) {
	defer close(l.done)
	for {
		raw, err := l.inner.Accept()
		if err != nil {
			select {
			case <-l.stopped:
				return
			default:
			}
			// Out of file descriptors, most likely: others will be closed.
			l.broker.metrics.turnedAway.WithLabelValues("no-descriptor").Inc()
			if l.broker.complaints.take(time.Now()) {
				l.broker.log.Warn("cannot accept a connection: allow more open files, or fewer connections", "err", err)
			}
			select {
			case <-l.stopped:
				return
			case <-time.After(100 * time.Millisecond):
				continue
			}
		}
		l.pace()
		if l.tls != nil {
			raw = tls.Server(raw, l.tls)
		}
		if c := l.broker.admit(l, raw); c != nil {
			l.served.Go(func() { l.broker.serve(c, establish) })
		}
	}
}

// pace waits while connections come faster than they are to be taken.
func (l *listener) pace() {
	for !l.broker.arrivals.take(time.Now()) {
		select {
		case <-l.stopped:
			return
		case <-time.After(l.broker.arrivals.interval):
		}
	}
}

// Close closes the connections of clients, and those that have not said yet who they are, and waits for all of them: the
// library counts a connection only once it has begun with it, and would not wait for one that is accepted this moment.
//
// It does not call what the library gives it to close clients: that may wait for itself for ever while a client comes or
// goes (https://github.com/mochi-mqtt/server/issues/488).
func (l *listener) Close(listeners.CloseFn) {
	l.stop()
	<-l.done
	l.dismiss()
	l.broker.closeConns()
	l.served.Wait()
}

// dismiss tells clients that the server is shutting down.
func (l *listener) dismiss() {
	for _, cl := range l.broker.server.Clients.GetAll() {
		if cl.Net.Listener == l.id && !cl.Closed() {
			_ = l.broker.server.DisconnectClient(cl, packets.ErrServerShuttingDown) // it gives the code that it is given
		}
	}
}

// stop accepts no more.
func (l *listener) stop() {
	l.once.Do(func() {
		close(l.stopped)
		l.inner.Close()
	})
}
