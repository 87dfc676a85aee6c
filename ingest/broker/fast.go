package broker

import (
	"bytes"
	"unicode/utf8"
)

// take gives a publish to the intake without the library, which would copy it
// twice and allocate a kilobyte for it. It takes the ordinary ones only: QoS 0 and 1, not
// retained, without properties, on a topic for the intake that the client may use. It returns false
// for all others and for whatever is wrong, which the library then deals with. The
// body is that of a whole PUBLISH (MQTT 5.0 section 3.3), and only valid until take returns.
func (c *conn) take(f frame, body []byte) bool {
	const duplicate, retain = 8, 1
	qos := f.header >> 1 & 3
	if qos > 1 || f.header&retain != 0 || qos == 0 && f.header&duplicate != 0 || len(body) < 2 {
		return false
	}
	n := int(body[0])<<8 | int(body[1])
	body = body[2:]
	if len(body) < n {
		return false
	}
	topic, payload := body[:n], body[n:]
	m := message{qos: qos}
	if qos == 1 {
		if len(payload) < 2 {
			return false
		}
		m.id, payload = uint16(payload[0])<<8|uint16(payload[1]), payload[2:]
		if m.id == 0 {
			return false
		}
	}
	if c.version.Load() == 5 {
		if len(payload) == 0 || payload[0] != 0 { // the length of the properties
			return false
		}
		payload = payload[1:]
	}
	if !c.knows(topic) || !c.broker.topics.Takes(c.topic, payload) {
		return false
	}
	m.topic, m.payload = c.topic, payload
	c.session.take(m)
	return true
}

// knows tells whether a client may publish to a topic, and sets c.topic to it. Since most clients
// publish to one topic, the last one is remembered.
func (c *conn) knows(topic []byte) bool {
	if string(topic) != c.topic {
		if len(topic) == 0 || !utf8.Valid(topic) || bytes.ContainsAny(topic, "+#\x00") {
			return false
		}
		c.topic = string(topic)
		c.allowed = c.broker.may(c.session.identity, c.topic)
	}
	return c.allowed
}
