package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"time"
)

// client is an MQTT 3.1.1 connection that publishes with QoS 1 and keeps many
// messages in flight. It speaks just the packets that takes (OASIS MQTT 3.1.1,
// sections 3.1 to 3.4 and 3.14), so that the generator costs little beside the
// server that it measures.
type client struct {
	conn net.Conn
	r    *bufio.Reader
	w    *bufio.Writer
}

// Packet types, in the upper half of the first byte.
const (
	packetConnect    = 1 << 4
	packetConnack    = 2 << 4
	packetPublish    = 3 << 4
	packetPuback     = 4 << 4
	packetDisconnect = 14 << 4
	qos1             = 1 << 1
)

// dial connects to a broker URL, mqtt://user:password@host:1883.
func dial(ctx context.Context, broker, clientID string) (*client, error) {
	u, err := url.Parse(broker)
	if err != nil {
		return nil, fmt.Errorf("broker URL: %w", err)
	}
	if u.Scheme != "mqtt" && u.Scheme != "tcp" {
		return nil, fmt.Errorf("broker URL %s: the load generator speaks mqtt:// only", u.Redacted())
	}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), "1883")
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	c := &client{conn: conn, r: bufio.NewReaderSize(conn, 16<<10), w: bufio.NewWriterSize(conn, 64<<10)}
	if err := c.handshake(clientID, u.User); err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect to the broker as %s: %w", clientID, err)
	}
	return c, nil
}

func (c *client) handshake(clientID string, user *url.Userinfo) error {
	const cleanSession = 1 << 1
	flags := byte(cleanSession)
	payload := appendText(nil, clientID)
	if user != nil {
		flags |= 1 << 7
		payload = appendText(payload, user.Username())
		if password, ok := user.Password(); ok {
			flags |= 1 << 6
			payload = appendText(payload, password)
		}
	}
	body := appendText(nil, "MQTT")
	body = append(body, 4, flags, 0, 0) // level 4, no keep-alive: the load is one
	body = append(body, payload...)
	packet := appendLength([]byte{packetConnect}, len(body))
	if err := c.conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	if _, err := c.conn.Write(append(packet, body...)); err != nil {
		return err
	}
	var answer [4]byte
	if _, err := io.ReadFull(c.r, answer[:]); err != nil {
		return err
	}
	if answer[0] != packetConnack || answer[1] != 2 {
		return fmt.Errorf("the broker answered with packet %#x", answer[:])
	}
	if code := answer[3]; code != 0 {
		return fmt.Errorf("the broker refused the connection with return code %d", code)
	}
	return c.conn.SetDeadline(time.Time{})
}

// publish buffers one QoS 1 message; flush sends what was buffered.
func (c *client) publish(topic string, id uint16, payload []byte) error {
	var header [8]byte
	head := appendLength(append(header[:0], packetPublish|qos1), 2+len(topic)+2+len(payload))
	if _, err := c.w.Write(head); err != nil {
		return err
	}
	var length [2]byte
	binary.BigEndian.PutUint16(length[:], uint16(len(topic)))
	if _, err := c.w.Write(length[:]); err != nil {
		return err
	}
	if _, err := c.w.WriteString(topic); err != nil {
		return err
	}
	binary.BigEndian.PutUint16(length[:], id)
	if _, err := c.w.Write(length[:]); err != nil {
		return err
	}
	_, err := c.w.Write(payload)
	return err
}

func (c *client) flush() error { return c.w.Flush() }

var errNotPuback = errors.New("the broker sent something else than PUBACK")

// puback reads the packet identifier of the next acknowledgement.
func (c *client) puback() (uint16, error) {
	var packet [4]byte
	if _, err := io.ReadFull(c.r, packet[:]); err != nil {
		return 0, err
	}
	if packet[0] != packetPuback || packet[1] != 2 {
		return 0, fmt.Errorf("%w: %#x", errNotPuback, packet)
	}
	return binary.BigEndian.Uint16(packet[2:]), nil
}

// close says goodbye and closes the connection.
func (c *client) close() error {
	_, err := c.conn.Write([]byte{packetDisconnect, 0})
	return errors.Join(err, c.conn.Close())
}

func appendText(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}

// appendLength appends a remaining length (MQTT 3.1.1 section 2.2.3).
func appendLength(dst []byte, n int) []byte {
	for n >= 0x80 {
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	return append(dst, byte(n))
}
