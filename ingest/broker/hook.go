package broker

import (
	"context"
	"crypto/tls"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// hook is where the library asks the broker.
type hook struct {
	mqtt.HookBase
	broker *Broker
}

func (h *hook) ID() string { return "presage" }

func (h *hook) Provides(b byte) bool {
	switch b {
	case mqtt.OnConnectAuthenticate, mqtt.OnSessionEstablish, mqtt.OnDisconnect, mqtt.OnACLCheck,
		mqtt.OnPublish, mqtt.OnSubscribe, mqtt.OnUnsubscribe, mqtt.OnPacketEncode,
		mqtt.OnSelectSubscribers, mqtt.OnPublishDropped, mqtt.OnQosPublish, mqtt.OnQosComplete, mqtt.OnQosDropped,
		mqtt.OnClientExpired, mqtt.OnRetainedExpired, mqtt.OnPacketProcessed:
		return true
	}
	return false
}

// connOf is the connection of a client of the network, nil for the broker's own and for sessions without a client.
func connOf(cl *mqtt.Client) *conn {
	c, _ := cl.Net.Conn.(*conn)
	return c
}

// OnConnectAuthenticate decides whose the connection is. The library does not know the client yet.
func (h *hook) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	c := connOf(cl)
	if c == nil {
		return false
	}
	credentials := Credentials{
		Client: cl.ID, Username: string(pk.Connect.Username), Password: pk.Connect.Password, Remote: c.RemoteAddr(),
		Optional: c.listener.anonymous,
	}
	if t, ok := c.Conn.(*tls.Conn); ok {
		state := t.ConnectionState()
		credentials.TLS = &state
	}
	id, err := h.broker.identify(credentials)
	if err != nil {
		h.broker.refused(credentials, err, time.Now())
		return false
	}
	cl.ID = sessionID(id, cl.ID)
	s := newSession(h.broker, cl, c, id)
	s.keepWill(cl, pk)
	c.version.Store(uint32(cl.Properties.ProtocolVersion))
	if cl.Properties.Props.TopicAliasMaximum > topicAliases {
		cl.State.TopicAliases.Outbound = mqtt.NewOutboundTopicAliases(topicAliases)
	}
	if !h.broker.introduce(c, s) {
		return false
	}
	if !h.broker.members.join(s, time.Now()) {
		h.broker.refused(credentials, &RefusedError{Reason: "revoked", Device: id.Device, Detail: errDismissed.Error()}, time.Now())
		return false
	}
	select {
	case <-c.closed: // and out of the members before it was in
		h.broker.members.leave(s)
	default:
	}
	return true
}

// OnSessionEstablish sends the last will of a connection that this one takes
// the place of, before anything that this one says.
func (h *hook) OnSessionEstablish(cl *mqtt.Client, pk packets.Packet) {
	h.broker.replaceWill(cl.ID, pk.Connect.Clean)
	if existing, ok := h.broker.server.Clients.Get(cl.ID); ok {
		if c := connOf(existing); c != nil && c.session != nil && !existing.Closed() {
			c.session.sendWill()
		}
	}
}

// OnDisconnect sends the last will, unless the client took its leave, or the broker is what goes; and decides
// whether the session is kept.
func (h *hook) OnDisconnect(cl *mqtt.Client, err error, expire bool) {
	c := connOf(cl)
	if c == nil || c.session == nil {
		return
	}
	kept := !expire && h.broker.leaveSession(cl)
	if err != nil {
		c.session.loseWill(kept)
	}
}

// OnACLCheck decides about the topic of a publish, as the client wrote it; about
// the filter of a subscription, and the topic of each message that is delivered, as they are within the broker.
func (h *hook) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	if cl.Net.Inline {
		return true
	}
	c := connOf(cl)
	if c == nil || c.session == nil {
		// A session whose client is away: what is queued for it is checked when it was subscribed.
		return !write
	}
	s := c.session
	if write {
		// A topic alias has no topic yet; it was set by a publish that was checked.
		return topic == "" || h.broker.may(s.identity, topic)
	}
	if mqtt.IsSharedFilter(topic) {
		return h.broker.mayRead(s.identity, unmountFilter(s.mount, topic))
	}
	known, ok := within(s.mount, topic)
	return ok && h.broker.mayRead(s.identity, known)
}

// OnPublish takes what is for the intake and was not taken before, see fast.go, and leaves the rest to the library.
func (h *hook) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if cl.Net.Inline {
		pk.Origin = pk.Connect.ClientIdentifier // set by route
		return pk, nil
	}
	s := connOf(cl).session
	if pk.TopicName == "" {
		// An alias that was never set (MQTT 5.0 section 3.3.2.3.4); nobody has checked a topic.
		_ = h.broker.server.DisconnectClient(cl, packets.ErrProtocolViolation)
		return pk, packets.ErrRejectPacket
	}
	if !h.broker.topics.Takes(pk.TopicName, pk.Payload) {
		h.broker.metrics.plain.Inc()
		if tooDeep(pk.TopicName) || tooRich(&pk.Properties) {
			return h.refusePlain(cl, pk)
		}
		pk.TopicName = s.mount + pk.TopicName
		h.broker.boundRetained(&pk)
		return pk, nil
	}
	switch s.take(messageOf(&pk)) {
	case accepted:
		pk.TopicName = s.mount + pk.TopicName
		h.broker.boundRetained(&pk)
		return pk, nil
	case refused:
		return pk, packets.CodeSuccessIgnore
	}
	return pk, packets.ErrRejectPacket
}

// OnPacketEncode takes the mount off delivered messages, and tells clients of MQTT 5 how large a packet may be.
func (h *hook) OnPacketEncode(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	switch pk.FixedHeader.Type {
	case packets.Publish:
		if c := connOf(cl); c != nil && c.session != nil {
			c.queue.leave(queuedSize(&pk))
			if topic, ok := within(c.session.mount, pk.TopicName); ok {
				pk.TopicName = topic
			}
		}
	case packets.Suback:
		if c := connOf(cl); c != nil && cl.Properties.ProtocolVersion == 5 {
			c.tellExcess(&pk)
		}
	case packets.Connack:
		pk.Properties.MaximumPacketSize = uint32(h.broker.config.PacketBytes)
		pk.Properties.TopicAliasMaximum = topicAliases
	}
	return pk
}

// wanted tells whether anybody but the intake may want a message.
func (b *Broker) wanted(retain bool) bool {
	return retain || atomic.LoadInt64(&b.server.Info.Subscriptions) > 0
}

// route retains a message of a session and gives it to its subscribers.
func (b *Broker) route(s *session, m *message) {
	if m.payload == nil || !b.wanted(m.retain) || tooDeep(m.topic) {
		return
	}
	out := packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: m.qos, Retain: m.retain},
		TopicName:   s.mount + m.topic,
		Payload:     m.payload,
		PacketID:    min(uint16(m.qos), 1), // the library wants one with QoS 1 and 2, and gives each subscriber another
	}
	if m.properties != nil {
		out.Properties = *m.properties
		out.Properties.TopicAlias, out.Properties.TopicAliasFlag = 0, false
		if tooRich(m.properties) {
			out.Properties.User = nil
		}
	}
	out.Connect.ClientIdentifier = s.client.ID // for OnPublish
	b.boundRetained(&out)
	if err := b.server.InjectPacket(b.inline, out); err != nil {
		b.log.Warn("cannot route a message", "err", err)
	}
}

// Publish gives a message of Presage's own to the subscribers of a tenant, past the
// intake; for example a command to a device.
func (b *Broker) Publish(_ context.Context, tenant, topic string, payload []byte, qos byte, retain bool) error {
	return b.server.InjectPacket(b.inline, packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: qos, Retain: retain},
		TopicName:   mount(tenant) + topic,
		Payload:     payload,
		PacketID:    min(uint16(qos), 1),
	})
}
