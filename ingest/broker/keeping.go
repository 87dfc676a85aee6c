package broker

import (
	"sync/atomic"

	mqtt "github.com/mochi-mqtt/server/v2"
)

// away is how many sessions are kept of which the client is away.
func (b *Broker) away() int64 {
	return int64(b.server.Clients.Len()) - atomic.LoadInt64(&b.server.Info.ClientsConnected)
}

// leaveSession is told that a client goes whose session is to be kept, and returns whether it is. When as many are kept as may be,
// this one ends and none that is there, so that nobody who makes up identifiers pushes out the sessions of others.
func (b *Broker) leaveSession(cl *mqtt.Client) (kept bool) {
	if cl.IsTakenOver() || b.away() < int64(b.config.Sessions) {
		return true // the client itself still counts as connected
	}
	b.endSession(cl)
	b.metrics.sessionsDropped.Inc()
	return false
}

// keeps tells whether the session of a client outlives its connection.
func keeps(cl *mqtt.Client) bool {
	if cl.Properties.ProtocolVersion == 5 {
		return cl.Properties.Props.SessionExpiryInterval > 0
	}
	return !cl.Properties.Clean
}

// endSession forgets a session whose client is away.
func (b *Broker) endSession(cl *mqtt.Client) {
	cl.ClearInflights()
	b.server.UnsubscribeClient(cl)
	if known, ok := b.server.Clients.Get(cl.ID); ok && known == cl {
		b.server.Clients.Delete(cl.ID)
	}
}

// OnClientExpired takes the subscriptions of a session away that nobody came back to: the library forgets the session alone.
func (h *hook) OnClientExpired(cl *mqtt.Client) {
	if !cl.IsTakenOver() {
		h.broker.endSession(cl)
	}
}
