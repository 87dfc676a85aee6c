package broker

import (
	"net"
	"net/netip"
)

// doors counts who is connected: in all, for each remote address and device, and those that have not said yet who
// they are. It is part of [Broker], under its mutex.
type doors struct {
	conns     map[*conn]struct{}
	strangers map[*conn]struct{} // of conns, those without a session
	addresses map[netip.Addr]int // connections of each; only counted when there is a limit
	devices   map[deviceKey]int  // connections of each
}

// deviceKey is a device, or a gateway, whatever it signed in with.
type deviceKey struct{ tenant, device string }

func keyOf(id Identity) deviceKey { return deviceKey{id.Tenant, id.Device} }

func newDoors() doors {
	return doors{
		conns: map[*conn]struct{}{}, strangers: map[*conn]struct{}{},
		addresses: map[netip.Addr]int{}, devices: map[deviceKey]int{},
	}
}

// remember counts a connection in, or says why it is turned away. When too many strangers are waiting, one of
// them has to go to make room, any of them: an honest client is a stranger for the blink of an eye, so it
// is hardly ever hit, and somebody who opens connections and says nothing keeps nobody out.
func (b *Broker) remember(c *conn) (refusal string, evicted *conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := &b.doors
	if len(d.conns) >= b.config.Connections+waiting {
		return "too-many", nil
	}
	if most := b.config.ConnectionsPerAddress; most > 0 {
		c.address = addressOf(c.Conn)
		if d.addresses[c.address] >= most {
			c.address = netip.Addr{}
			return "too-many-of-address", nil
		}
		if c.address.IsValid() {
			d.addresses[c.address]++
		}
	}
	if len(d.strangers) >= b.config.Handshakes {
		for evicted = range d.strangers { // the order of maps is random
			delete(d.strangers, evicted)
			break
		}
	}
	d.conns[c], d.strangers[c] = struct{}{}, struct{}{}
	return "", evicted
}

// introduce says that a connection has a session now; false when it is closed already, or its device has too many.
func (b *Broker) introduce(c *conn, s *session) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, open := b.doors.conns[c]; !open {
		return false
	}
	if s.identity.Device != "" {
		if b.doors.devices[keyOf(s.identity)] >= b.config.ConnectionsPerDevice {
			b.metrics.turnedAway.WithLabelValues("too-many-of-device").Inc()
			return false
		}
		b.doors.devices[keyOf(s.identity)]++
	}
	delete(b.doors.strangers, c)
	c.session = s
	return true
}

// forget counts a connection out, and returns its session, nil when it has none and will have none.
func (b *Broker) forget(c *conn) *session {
	b.mu.Lock()
	d := &b.doors
	delete(d.conns, c)
	delete(d.strangers, c)
	countOut(d.addresses, c.address)
	if c.session != nil {
		countOut(d.devices, keyOf(c.session.identity))
	}
	s := c.session
	b.mu.Unlock()
	b.progress()
	return s
}

// countOut takes one from a count, and forgets what is not there any more.
func countOut[K comparable](counts map[K]int, key K) {
	switch counts[key] {
	case 0:
	case 1:
		delete(counts, key)
	default:
		counts[key]--
	}
}

// addressOf is the address of the other end; the zero address when that is no IP.
func addressOf(c net.Conn) netip.Addr {
	a, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}
