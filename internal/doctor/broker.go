package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Broker is the external MQTT broker.
type Broker struct {
	// URL may hold user and password.
	URL                string
	Username, Password string
	// Session is the client identifier of the durable session that Presage holds.
	Session string
	// Filters are the topic filters that Presage subscribes to.
	Filters []string
	// Running is set when a Presage runs on the data folder: its session is then left alone. Ran is set when one ever did: without, a
	// session would not be there yet, or be that of a Presage elsewhere, which is not to be pushed out.
	Running, Ran bool
}

// Check connects under a name of its own, asks for the subscriptions, reads what the broker tells of itself, and
// looks whether the session of Presage is kept.
func (b Broker) Check() Check { return Check{Name: "broker", Look: b.look} }

// durableSession is why a session matters, and what keeps it.
const durableSession = "What devices publish while Presage is away is lost without it: start Presage once, give the broker persistence, and leave persistent_client_expiration unset. See deploy/mosquitto.conf."

func (b Broker) look(ctx context.Context) []Result {
	client, err := b.connect(ctx, fmt.Sprintf("presage-doctor-%d", os.Getpid()), true)
	if err != nil {
		return one(b.unreachable(err))
	}
	results := one(Good("It answers and takes our credentials."))
	results = append(results, b.rights(ctx, client), b.statistics(ctx, client))
	client.Disconnect(100)
	return append(results, b.session(ctx))
}

// connection is a connected client and whether the broker had a session of it.
type brokerConnection struct {
	mqtt.Client
	present bool
}

func (b Broker) connect(ctx context.Context, id string, clean bool) (brokerConnection, error) {
	u, err := url.Parse(b.URL)
	if err != nil {
		return brokerConnection{}, errors.New("mqtt.broker is no URL") // without it: it may hold a password
	}
	username, password := b.Username, b.Password
	if u.User != nil && username == "" {
		username = u.User.Username()
		password, _ = u.User.Password()
	}
	u.User = nil
	o := mqtt.NewClientOptions().AddBroker(u.String()).SetClientID(id).SetProtocolVersion(4).SetCleanSession(clean).
		SetAutoReconnect(false).SetConnectRetry(false).SetConnectTimeout(10 * time.Second).
		// Nothing is acknowledged: what the broker has for a session stays there.
		SetAutoAckDisabled(true).SetDefaultPublishHandler(func(mqtt.Client, mqtt.Message) {})
	if username != "" {
		o.SetUsername(username).SetPassword(password)
	}
	client := mqtt.NewClient(o)
	token := client.Connect()
	if err := await(ctx, token); err != nil {
		client.Disconnect(0)
		return brokerConnection{}, err
	}
	return brokerConnection{client, token.(*mqtt.ConnectToken).SessionPresent()}, nil
}

func await(ctx context.Context, token mqtt.Token) error {
	select {
	case <-token.Done():
		return token.Error()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b Broker) unreachable(err error) Result {
	text := strings.ToLower(err.Error())
	if strings.Contains(text, "not authorized") || strings.Contains(text, "bad user name or password") {
		return Bad(fmt.Sprintf("It refuses our credentials: %v.", err), "Correct mqtt.username and mqtt.password, or those in mqtt.broker; with Mosquitto, mosquitto_passwd sets them.")
	}
	return Bad(fmt.Sprintf("It cannot be reached: %v.", err), "No message comes in while it is away. Check scheme, host and port in mqtt.broker, and the firewall.")
}

// rights asks for every subscription, and gives them back.
func (b Broker) rights(ctx context.Context, client brokerConnection) Result {
	filters := map[string]byte{}
	for _, f := range b.Filters {
		filters[f] = 1
	}
	token := client.SubscribeMultiple(filters, nil)
	if err := await(ctx, token); err != nil {
		return Bad(fmt.Sprintf("It does not answer a subscription: %v.", err), "Look at its log and its access control list: the user needs to read "+strings.Join(b.Filters, ", ")+".")
	}
	var refused, weak []string
	for filter, qos := range token.(*mqtt.SubscribeToken).Result() {
		switch qos {
		case 0x80:
			refused = append(refused, filter)
		case 0:
			weak = append(weak, filter)
		}
	}
	_ = await(ctx, client.Unsubscribe(b.Filters...)) // the session ends with the connection anyway
	slices.Sort(refused)
	switch {
	case len(refused) > 0:
		return Bad("It refuses the subscriptions to "+strings.Join(refused, ", ")+".", "Let the user read them: with Mosquitto, topic read … in the acl_file.")
	case len(weak) > 0:
		return Bad("It grants QoS 0 only.", "Messages would be lost: set max_qos to 1 or 2.")
	}
	return Good("It grants all %d subscriptions with QoS 1.", len(b.Filters))
}

// statistics reads what brokers such as Mosquitto publish of themselves.
func (b Broker) statistics(ctx context.Context, client brokerConnection) Result {
	const version, dropped = "$SYS/broker/version", "$SYS/broker/publish/messages/dropped"
	var mu sync.Mutex
	told := map[string]string{}
	all := make(chan struct{}, 1) // a signal: both have come
	take := func(_ mqtt.Client, m mqtt.Message) {
		mu.Lock()
		defer mu.Unlock()
		told[m.Topic()] = string(m.Payload())
		if len(told) == 2 {
			select {
			case all <- struct{}{}:
			default:
			}
		}
	}
	token := client.SubscribeMultiple(map[string]byte{version: 0, dropped: 0}, take)
	if await(ctx, token) != nil {
		return Good("It tells nothing of itself.")
	}
	select { // retained messages come at once
	case <-all:
	case <-time.After(2 * time.Second):
	case <-ctx.Done():
	}
	mu.Lock()
	defer mu.Unlock()
	name := told[version]
	if name == "" {
		name = "A broker that does not name itself"
	}
	if n, err := strconv.ParseFloat(told[dropped], 64); err == nil && n > 0 {
		return Weak(fmt.Sprintf("%s has dropped %.0f messages since its start.", name, n),
			"Its queues are bounded: max_queued_messages 0, max_queued_bytes 0 and max_inflight_messages 0 in mosquitto.conf keep what a busy or absent Presage has not taken.")
	}
	return Good("%s has dropped nothing that it tells of.", name)
}

// session looks whether the broker keeps what is published while Presage is away. It takes the place of Presage for
// a moment, and therefore only while that does not run.
func (b Broker) session(ctx context.Context) Result {
	if b.Running {
		return Good("The session %s belongs to the Presage that runs.", b.Session)
	}
	if !b.Ran {
		return Good("The session %s begins with the first start.", b.Session)
	}
	client, err := b.connect(ctx, b.Session, false)
	if err != nil {
		return Bad(fmt.Sprintf("The session %s cannot be taken up: %v.", b.Session, err), "Let the user connect with this client identifier.")
	}
	client.Disconnect(100)
	if client.present {
		return Good("It keeps the session %s, and what is published meanwhile.", b.Session)
	}
	// The look has made an empty session, which is ended so that nothing is left behind.
	if made, err := b.connect(ctx, b.Session, true); err == nil {
		made.Disconnect(100)
	}
	return Weak(fmt.Sprintf("It has no session %s.", b.Session), durableSession)
}
