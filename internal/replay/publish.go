package replay

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// publisher sends messages with QoS 1, several at a time, in order. When the connection
// breaks, everything that was not acknowledged is sent again over a new one. Each connection
// has a client of its own, because the library's own reconnecting reports messages as
// acknowledged that it has only sent again. It is used by one goroutine.
type publisher struct {
	config *Config
	result *Result
	id     string

	client  mqtt.Client // nil without a connection
	pending []*outgoing // sent and not acknowledged, oldest first
}

type outgoing struct {
	topic   string
	payload []byte
	token   mqtt.Token // of the present connection
}

// send publishes a message when there is room in flight.
func (p *publisher) send(ctx context.Context, topic string, payload []byte) error {
	for len(p.pending) >= p.config.InFlight {
		if err := p.settle(ctx); err != nil {
			return err
		}
	}
	out := &outgoing{topic: topic, payload: payload}
	p.pending = append(p.pending, out)
	p.result.Sent++
	if p.client == nil {
		return p.connect(ctx)
	}
	out.token = p.client.Publish(topic, 1, false, payload)
	return nil
}

// drain waits until everything is acknowledged.
func (p *publisher) drain(ctx context.Context) error {
	for len(p.pending) > 0 {
		if err := p.settle(ctx); err != nil {
			return err
		}
	}
	return nil
}

// settle waits for the acknowledgement of the oldest message.
func (p *publisher) settle(ctx context.Context) error {
	oldest := p.pending[0].token
	late := time.NewTimer(p.config.Patience)
	defer late.Stop()
	select {
	case <-oldest.Done():
	case <-late.C:
		return fmt.Errorf("replay: the broker acknowledged nothing for %s", p.config.Patience)
	case <-ctx.Done():
		return ctx.Err()
	}
	if oldest.Error() == nil {
		p.pending = p.pending[1:]
		p.result.Acked++
		return nil
	}
	return p.connect(ctx)
}

// longestPause is the longest pause between two attempts to connect.
const longestPause = 2 * time.Second

// connect makes a new connection and sends everything again that is not acknowledged.
func (p *publisher) connect(ctx context.Context) error {
	p.close()
	deadline := time.Now().Add(p.config.Patience)
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, longestPause) {
		client := mqtt.NewClient(p.options())
		token := client.Connect()
		select {
		case <-token.Done():
		case <-ctx.Done():
			client.Disconnect(0)
			return ctx.Err()
		}
		err := token.Error()
		if err == nil {
			p.client = client
			break
		}
		if refused(err) || time.Now().Add(pause).After(deadline) {
			return fmt.Errorf("replay: connect to %s: %w", redacted(p.config.Broker), err)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
	for _, out := range p.pending {
		out.token = p.client.Publish(out.topic, 1, false, out.payload)
	}
	return nil
}

// refused tells whether the broker has answered, and would answer the same again.
func refused(err error) bool {
	for _, final := range []error{
		packets.ErrorRefusedBadProtocolVersion, packets.ErrorRefusedIDRejected,
		packets.ErrorRefusedBadUsernameOrPassword, packets.ErrorRefusedNotAuthorised,
	} {
		if errors.Is(err, final) {
			return true
		}
	}
	return false
}

func (p *publisher) options() *mqtt.ClientOptions {
	o := mqtt.NewClientOptions().
		AddBroker(p.config.Broker).
		SetClientID(p.id).
		SetProtocolVersion(4).
		SetCleanSession(true). // with a broken connection every token of it fails
		SetAutoReconnect(false).
		SetConnectTimeout(10 * time.Second).
		SetWriteTimeout(p.config.Patience)
	if u, err := url.Parse(p.config.Broker); err == nil && u.User != nil {
		password, _ := u.User.Password()
		o.SetUsername(u.User.Username()).SetPassword(password)
	}
	if p.config.TLS != nil {
		o.SetTLSConfig(p.config.TLS)
	}
	return o
}

func (p *publisher) close() {
	if p.client != nil {
		p.client.Disconnect(250) // milliseconds
		p.client = nil
	}
}

// redacted is a URL without its password.
func redacted(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "the broker"
	}
	return u.Redacted()
}
