package broker

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// client speaks MQTT packet by packet, so that tests see what stands on the wire.
type client struct {
	t       testing.TB
	conn    net.Conn
	read    *bufio.Reader
	version byte
}

// patience bounds how long a test waits for what must come.
const patience = 10 * time.Second

type connectOption func(*packets.Packet)

func withWill(topic, payload string, retain bool) connectOption {
	return func(pk *packets.Packet) {
		pk.Connect.WillFlag, pk.Connect.WillTopic, pk.Connect.WillPayload, pk.Connect.WillRetain = true, topic, []byte(payload), retain
		pk.Connect.WillQos = 1
	}
}

func withWillDelay(seconds uint32) connectOption {
	return func(pk *packets.Packet) {
		pk.Connect.WillProperties.WillDelayInterval = seconds
		pk.Properties.SessionExpiryInterval, pk.Properties.SessionExpiryIntervalFlag = 3600, true
	}
}

func withUser(name, password string) connectOption {
	return func(pk *packets.Packet) {
		pk.Connect.UsernameFlag, pk.Connect.Username = true, []byte(name)
		pk.Connect.PasswordFlag, pk.Connect.Password = true, []byte(password)
	}
}

func resume(pk *packets.Packet) { pk.Connect.Clean = false }

// dial opens a connection without saying anything on it.
func dial(t testing.TB, b *Broker) *client {
	t.Helper()
	conn, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &client{t: t, conn: conn, read: bufio.NewReader(conn)}
}

// connect opens a session that must be granted.
func connect(t testing.TB, b *Broker, version byte, id string, options ...connectOption) *client {
	t.Helper()
	c, ack := tryConnect(t, b, version, id, options...)
	if ack.ReasonCode != 0 {
		t.Fatalf("connect %s: refused with %#x", id, ack.ReasonCode)
	}
	return c
}

func tryConnect(t testing.TB, b *Broker, version byte, id string, options ...connectOption) (*client, packets.Packet) {
	t.Helper()
	c := dial(t, b)
	c.version = version
	pk := packets.Packet{
		FixedHeader:     packets.FixedHeader{Type: packets.Connect},
		ProtocolVersion: version,
		Connect: packets.ConnectParams{
			ProtocolName: []byte("MQTT"), Clean: true, Keepalive: 60, ClientIdentifier: id,
		},
	}
	for _, o := range options {
		o(&pk)
	}
	c.send(pk)
	return c, c.expect(packets.Connack)
}

func (c *client) send(pk packets.Packet) {
	c.t.Helper()
	if _, err := c.conn.Write(c.encode(pk)); err != nil {
		c.t.Fatalf("send packet of type %d: %v", pk.FixedHeader.Type, err)
	}
}

func (c *client) encode(pk packets.Packet) []byte {
	c.t.Helper()
	pk.ProtocolVersion = c.version
	var buf bytes.Buffer
	var err error
	switch pk.FixedHeader.Type {
	case packets.Connect:
		err = pk.ConnectEncode(&buf)
	case packets.Publish:
		err = pk.PublishEncode(&buf)
	case packets.Subscribe:
		err = pk.SubscribeEncode(&buf)
	case packets.Puback:
		err = pk.PubackEncode(&buf)
	case packets.Pubrel:
		err = pk.PubrelEncode(&buf)
	case packets.Pingreq:
		err = pk.PingreqEncode(&buf)
	case packets.Disconnect:
		err = pk.DisconnectEncode(&buf)
	default:
		c.t.Fatalf("cannot send packets of type %d", pk.FixedHeader.Type)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return buf.Bytes()
}

func publishPacket(topic, payload string, qos byte, id uint16) packets.Packet {
	return packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: qos},
		TopicName:   topic, Payload: []byte(payload), PacketID: id,
	}
}

func (c *client) publish(topic, payload string, qos byte, id uint16) {
	c.t.Helper()
	c.send(publishPacket(topic, payload, qos, id))
}

func (c *client) retain(topic, payload string, id uint16) {
	c.t.Helper()
	pk := publishPacket(topic, payload, 1, id)
	pk.FixedHeader.Retain = true
	c.send(pk)
}

func (c *client) subscribe(filter string) byte {
	c.t.Helper()
	c.send(packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1},
		PacketID:    9999, Filters: packets.Subscriptions{{Filter: filter, Qos: 0}},
	})
	return c.expect(packets.Suback).ReasonCodes[0]
}

// receive reads the next packet, or why there is none.
func (c *client) receive(within time.Duration) (packets.Packet, error) {
	c.conn.SetReadDeadline(time.Now().Add(within))
	first, err := c.read.ReadByte()
	if err != nil {
		return packets.Packet{}, err
	}
	pk := packets.Packet{ProtocolVersion: c.version}
	if err := pk.FixedHeader.Decode(first); err != nil {
		return pk, err
	}
	length, _, err := packets.DecodeLength(c.read)
	if err != nil {
		return pk, err
	}
	pk.FixedHeader.Remaining = length
	body := make([]byte, length)
	if _, err := io.ReadFull(c.read, body); err != nil {
		return pk, err
	}
	switch pk.FixedHeader.Type {
	case packets.Connack:
		err = pk.ConnackDecode(body)
	case packets.Publish:
		err = pk.PublishDecode(body)
	case packets.Puback:
		err = pk.PubackDecode(body)
	case packets.Pubrec:
		err = pk.PubrecDecode(body)
	case packets.Pubcomp:
		err = pk.PubcompDecode(body)
	case packets.Suback:
		err = pk.SubackDecode(body)
	case packets.Disconnect:
		err = pk.DisconnectDecode(body)
	}
	return pk, err
}

// expect reads the next packet, which must be of a type.
func (c *client) expect(kind byte) packets.Packet {
	c.t.Helper()
	pk, err := c.receive(patience)
	if err != nil {
		c.t.Fatalf("want a packet of type %d: %v", kind, err)
	}
	if pk.FixedHeader.Type != kind {
		c.t.Fatalf("got a packet of type %d (%v), want %d", pk.FixedHeader.Type, pk, kind)
	}
	return pk
}

func (c *client) expectAck(id uint16, code byte) {
	c.t.Helper()
	if pk := c.expect(packets.Puback); pk.PacketID != id || pk.ReasonCode != code {
		c.t.Fatalf("got PUBACK of %d with code %#x, want %d with %#x", pk.PacketID, pk.ReasonCode, id, code)
	}
}

func (c *client) expectMessage(topic, payload string) packets.Packet {
	c.t.Helper()
	pk := c.expect(packets.Publish)
	if pk.TopicName != topic || string(pk.Payload) != payload {
		c.t.Fatalf("got %q on %q, want %q on %q", pk.Payload, pk.TopicName, payload, topic)
	}
	return pk
}

// silent shows that nothing was sent before the answer to a ping, which the broker
// writes after whatever it had to say to what came before.
func (c *client) silent() {
	c.t.Helper()
	c.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pingreq}})
	c.expect(packets.Pingresp)
}

// expectClosed reads until the broker has closed the connection, and returns the
// packets before.
func (c *client) expectClosed() []packets.Packet {
	c.t.Helper()
	var all []packets.Packet
	for {
		pk, err := c.receive(patience)
		if err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				c.t.Fatal("the connection is still open")
			}
			return all
		}
		all = append(all, pk)
	}
}
