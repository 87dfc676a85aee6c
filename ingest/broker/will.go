package broker

import (
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// lastWill is what is published when a connection is lost.
type lastWill struct {
	message
	delay time.Duration
}

// keepWill takes the last will of a connection away from the library, which
// would route it past the intake.
func (s *session) keepWill(cl *mqtt.Client, pk packets.Packet) {
	will := cl.Properties.Will
	cl.Properties.Will = mqtt.Will{}
	if !pk.Connect.WillFlag {
		return
	}
	w := &lastWill{
		message: message{
			topic: will.TopicName, payload: will.Payload, qos: will.Qos, retain: will.Retain,
			properties: &packets.Properties{User: will.User},
		},
		// Without an interval the session ends with the connection, and with it the delay (MQTT 5.0 section 3.1.3.2.2).
		delay: time.Duration(min(will.WillDelayInterval, pk.Properties.SessionExpiryInterval)) * time.Second,
	}
	s.will.Store(w)
}

// loseWill sends the last will of a connection that was lost: now, or after its delay, if the session is kept for so long.
func (s *session) loseWill(kept bool) {
	b := s.broker
	if b.draining.Load() {
		return // our own restart does not make devices look dead
	}
	will := s.will.Load()
	if will == nil {
		return
	}
	if will.delay == 0 || !kept {
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
	late.timer = time.AfterFunc(will.delay, func() {
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
	if will == nil || !s.broker.may(s.identity, will.topic) || !mqtt.IsValidFilter(will.topic, true) {
		return
	}
	s.broker.metrics.wills.Inc()
	if !s.broker.topics.Takes(will.topic, will.payload) {
		s.broker.route(s, &will.message)
		return
	}
	p := s.publish(will.message)
	p.will = true
	s.broker.inFlight.Add(1)
	s.broker.accept(p)
}
