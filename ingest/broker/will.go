package broker

import (
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// keepWill takes the last will of a connection away from the library, which
// would route it past the intake.
func (s *session) keepWill(cl *mqtt.Client, pk packets.Packet) {
	will := cl.Properties.Will
	cl.Properties.Will = mqtt.Will{}
	if !pk.Connect.WillFlag {
		return
	}
	p := &packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: will.Qos, Retain: will.Retain},
		TopicName:   will.TopicName,
		Payload:     will.Payload,
		Properties:  packets.Properties{User: will.User},
		Origin:      cl.ID,
	}
	p.Connect.WillProperties.WillDelayInterval = will.WillDelayInterval
	// Without an interval the session ends with the connection, and with it the delay (MQTT 5.0 section 3.1.3.2.2).
	if expiry := pk.Properties.SessionExpiryInterval; will.WillDelayInterval > expiry {
		p.Connect.WillProperties.WillDelayInterval = expiry
	}
	s.will.Store(p)
}

// loseWill sends the last will of a connection that was lost, now or after its delay.
func (s *session) loseWill() {
	b := s.broker
	if b.draining.Load() {
		return // our own restart does not make devices look dead
	}
	will := s.will.Load()
	if will == nil {
		return
	}
	delay := will.Connect.WillProperties.WillDelayInterval
	if delay == 0 {
		s.sendWill()
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	id := s.client.ID
	if old := b.wills[id]; old != nil {
		old.timer.Stop()
	}
	late := &lateWill{session: s}
	late.timer = time.AfterFunc(time.Duration(delay)*time.Second, func() {
		b.mu.Lock()
		current := b.wills[id] == late
		if current {
			delete(b.wills, id)
		}
		b.mu.Unlock()
		if current && !b.draining.Load() {
			s.sendWill()
		}
	})
	b.wills[id] = late
}

// lateWill is a last will that waits for its delay.
type lateWill struct {
	session *session
	timer   *time.Timer
}

// replaceWill forgets the waiting will of a client that has come back; one
// that starts anew has ended its session, which sends the will.
func (b *Broker) replaceWill(id string, clean bool) {
	b.mu.Lock()
	late := b.wills[id]
	delete(b.wills, id)
	b.mu.Unlock()
	if late == nil {
		return
	}
	late.timer.Stop()
	if clean {
		late.session.sendWill()
	}
}

// sendWill publishes the last will like any message, once.
func (s *session) sendWill() {
	will := s.will.Swap(nil)
	if will == nil || !s.broker.may(s.identity, will.TopicName) || !mqtt.IsValidFilter(will.TopicName, true) {
		return
	}
	s.broker.metrics.wills.Inc()
	if !s.broker.topics.Takes(will.TopicName, will.Payload) {
		s.broker.route(s.mount, *will)
		return
	}
	p := s.publish(*will)
	p.will = true
	s.broker.inFlight.Add(1)
	s.broker.accept(p)
}
