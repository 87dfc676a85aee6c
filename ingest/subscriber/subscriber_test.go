package subscriber

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/internal/realserver"
)

// patience bounds how long a test waits for what must come.
const patience = 20 * time.Second

// ledger is an intake that writes down what it was given. It settles at once,
// or when the test says so.
type ledger struct {
	mu     sync.Mutex
	cond   sync.Cond
	hold   bool
	held   []func(error)
	seen   map[string]int // times that a payload was accepted
	order  []string
	paused atomic.Int32
}

func newLedger() *ledger {
	l := &ledger{seen: map[string]int{}}
	l.cond.L = &l.mu
	return l
}

func (l *ledger) Accept(_ context.Context, m ingest.Message, done func(error)) {
	l.mu.Lock()
	l.order = append(l.order, string(m.Payload))
	l.seen[string(m.Payload)]++
	hold := l.hold
	if hold {
		l.held = append(l.held, done)
	}
	l.cond.Broadcast()
	l.mu.Unlock()
	if !hold {
		done(nil)
	}
}

func (l *ledger) PauseTicks() func() {
	l.paused.Add(1)
	return sync.OnceFunc(func() { l.paused.Add(-1) })
}

// await waits until ok, called with the lock held.
func (l *ledger) await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	late := false
	timer := time.AfterFunc(patience, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		late = true
		l.cond.Broadcast()
	})
	defer timer.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for !ok() {
		if late {
			t.Fatalf("%s: not within %s; %d payloads seen", what, patience, len(l.seen))
		}
		l.cond.Wait()
	}
}

type topics struct{}

func (topics) Takes(topic string, payload []byte) bool { return len(payload) > 0 }
func (topics) Filters() []string                       { return []string{"presage/v1/+/telemetry", "presage/v1/+/state"} }

func config(m *realserver.MosquittoServer) Config {
	c := DefaultConfig()
	c.URL = m.URL
	c.FirstPause, c.LongestPause = 10*time.Millisecond, 200*time.Millisecond
	return c
}

// run starts a subscriber and returns what stops it and waits for its end.
func run(t *testing.T, c Config, l *ledger) (s *Subscriber, stop func()) {
	t.Helper()
	s, err := New(c, Parts{Intake: l, Topics: topics{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }() // stop waits for it
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Error("Run does not end")
		}
	})
	t.Cleanup(stop)
	return s, stop
}

func ready(t *testing.T, s *Subscriber) {
	t.Helper()
	eventually(t, "subscribed", func() bool { return s.Ready() == nil })
}

// publisher publishes with QoS 1 and knows what the broker acknowledged.
type publisher struct {
	t   *testing.T
	url string
	mqtt.Client
	acked []string
}

func newPublisher(t *testing.T, m *realserver.MosquittoServer) *publisher {
	p := &publisher{t: t, url: m.URL}
	p.connect()
	t.Cleanup(func() { p.Disconnect(0) })
	return p
}

func (p *publisher) connect() {
	p.t.Helper()
	eventually(p.t, "the publisher is connected", func() bool {
		p.Client = mqtt.NewClient(mqtt.NewClientOptions().AddBroker(p.url).SetClientID("publisher").SetAutoReconnect(false))
		token := p.Connect()
		return token.WaitTimeout(patience) && token.Error() == nil
	})
}

// send publishes until the broker has acknowledged.
func (p *publisher) send(topic, payload string, retained bool) {
	p.t.Helper()
	eventually(p.t, "the broker acknowledges", func() bool {
		token := p.Publish(topic, 1, retained, payload)
		if token.WaitTimeout(2*time.Second) && token.Error() == nil {
			p.acked = append(p.acked, payload)
			return true
		}
		p.Disconnect(0)
		p.connect()
		return false
	})
}

func (p *publisher) sendMany(prefix string, n int) {
	p.t.Helper()
	for i := range n {
		p.send("presage/v1/car/telemetry", fmt.Sprintf("%s-%d", prefix, i), false)
	}
}

// TestSurvivesBrokerAndProcessRestarts restarts the broker while messages flow, then the
// subscriber with messages queued, then the subscriber while messages are not durable.
func TestSurvivesBrokerAndProcessRestarts(t *testing.T) {
	m := realserver.Mosquitto(t)
	l := newLedger()
	s, stop := run(t, config(m), l)
	ready(t, s)
	p := newPublisher(t, m)

	p.sendMany("before", 50)
	var restart sync.WaitGroup
	restart.Go(func() { m.Stop(); m.Start() })
	p.sendMany("during", 300)
	restart.Wait()
	ready(t, s)
	everything(t, l, p)

	stop()
	p.sendMany("away", 100) // queued by the broker for a client that is away
	s, stop = run(t, config(m), l)
	ready(t, s)
	everything(t, l, p)

	// The intake takes messages and never makes them durable; the process ends.
	l.mu.Lock()
	l.hold = true
	l.mu.Unlock()
	p.sendMany("undurable", 20)
	l.await(t, "the intake has them", func() bool { return len(l.held) == 20 })
	c := config(m)
	stopAfter(t, s, stop, l)
	l.mu.Lock()
	l.hold, l.held = false, nil
	for k := range l.seen {
		if strings.HasPrefix(k, "undurable") {
			delete(l.seen, k)
		}
	}
	l.mu.Unlock()
	s, _ = run(t, c, l)
	ready(t, s)
	everything(t, l, p)
}

// stopAfter stops a subscriber whose intake gives up what it holds.
func stopAfter(t *testing.T, s *Subscriber, stop func(), l *ledger) {
	t.Helper()
	l.mu.Lock()
	held := l.held
	l.mu.Unlock()
	var failing sync.WaitGroup
	failing.Go(func() {
		for _, done := range held {
			done(errors.New("power cut"))
		}
	})
	stop()
	failing.Wait()
	if n := testutil.ToFloat64(s.metrics.unacknowledged); n < float64(len(held)) {
		t.Errorf("%v counted as not durable, want %d", n, len(held))
	}
}

// everything waits until all that the broker acknowledged was seen.
func everything(t *testing.T, l *ledger, p *publisher) {
	t.Helper()
	l.await(t, "everything acknowledged has arrived", func() bool {
		return !slices.ContainsFunc(p.acked, func(payload string) bool { return l.seen[payload] == 0 })
	})
}

// TestAcknowledgesOnlyWhatIsDurable gives up a connection of which a message is not durable, and gets it
// and all behind it again, in order.
func TestAcknowledgesOnlyWhatIsDurable(t *testing.T) {
	m := realserver.Mosquitto(t)
	l := newLedger()
	l.hold = true
	s, _ := run(t, config(m), l)
	ready(t, s)
	p := newPublisher(t, m)
	p.sendMany("m", 5)
	l.await(t, "the intake has them", func() bool { return len(l.held) == 5 })
	l.mu.Lock()
	held := l.held
	l.held, l.hold = nil, false
	l.mu.Unlock()
	for _, i := range []int{4, 0, 3, 2} { // the second is late
		held[i](nil)
	}
	eventually(t, "only the first is acknowledged", func() bool { return testutil.ToFloat64(s.metrics.acks) == 1 })
	held[1](errors.New("disk full"))
	l.await(t, "the rest comes again", func() bool { return len(l.order) == 9 })
	if got, want := l.order[5:], []string{"m-1", "m-2", "m-3", "m-4"}; !slices.Equal(got, want) {
		t.Errorf("got %v again, want %v", got, want)
	}
	ready(t, s)
}

func TestEndWaitsForAcknowledgements(t *testing.T) {
	m := realserver.Mosquitto(t)
	l := newLedger()
	l.hold = true
	s, stop := run(t, config(m), l)
	ready(t, s)
	p := newPublisher(t, m)
	p.sendMany("m", 10)
	l.await(t, "the intake has them", func() bool { return len(l.held) == 10 })
	var ending sync.WaitGroup
	ending.Go(stop)
	l.mu.Lock()
	held := l.held
	l.hold = false
	l.mu.Unlock()
	for _, done := range held {
		done(nil)
	}
	ending.Wait()
	// The broker throws away what it has not read of a connection when the same client comes again: once it has
	// answered another client, it has read the acknowledgements.
	p.sendMany("last", 3)
	s, _ = run(t, config(m), l)
	ready(t, s)
	everything(t, l, p)
	l.mu.Lock()
	defer l.mu.Unlock()
	for payload, n := range l.seen {
		if n != 1 {
			t.Errorf("%s came %d times: its acknowledgement was lost at the end", payload, n)
		}
	}
	if n := testutil.ToFloat64(s.metrics.fresh); n != 0 {
		t.Error("the session was lost")
	}
}

func TestRetainedReadingsAreNotReadAgain(t *testing.T) {
	m := realserver.Mosquitto(t)
	p := newPublisher(t, m)
	p.send("presage/v1/car/telemetry", "old", true)
	p.send("presage/v1/car/state", "online", true)
	l := newLedger()
	s, _ := run(t, config(m), l)
	ready(t, s)
	p.send("presage/v1/car/telemetry", "new", true)
	l.await(t, "the live one", func() bool { return l.seen["new"] > 0 })
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen["old"] > 0 || l.seen["online"] != 1 {
		t.Errorf("got %v", l.seen)
	}
}

func TestPausesTheClockOfSilence(t *testing.T) {
	m := realserver.Mosquitto(t)
	l := newLedger()
	m.Stop()
	s, stop := run(t, config(m), l)
	eventually(t, "the clock is stopped while there is no broker", func() bool {
		return l.paused.Load() == 1 && testutil.ToFloat64(s.metrics.lost) > 1
	})
	if err := s.Ready(); err == nil || !strings.Contains(err.Error(), m.URL) {
		t.Errorf("got %v, want an error that names the broker", err)
	}
	m.Start()
	ready(t, s)
	eventually(t, "the clock runs", func() bool { return l.paused.Load() == 0 })
	m.Kill()
	eventually(t, "the clock is stopped again", func() bool { return l.paused.Load() == 1 })
	stop()
	if n := l.paused.Load(); n != 0 {
		t.Errorf("%d pauses after the end", n)
	}
}

func TestShardsAreSessionsOfTheirOwn(t *testing.T) {
	m := realserver.Mosquitto(t)
	c := config(m)
	c.Shards = [][]string{{"presage/v1/+/telemetry"}, {"presage/v1/+/state"}}
	l := newLedger()
	s, _ := run(t, c, l)
	ready(t, s)
	p := newPublisher(t, m)
	p.send("presage/v1/car/telemetry", "a", false)
	p.send("presage/v1/car/state", "b", false)
	p.send("presage/v1/car/other", "c", false)
	l.await(t, "both", func() bool { return l.seen["a"] == 1 && l.seen["b"] == 1 })
	if ids := []string{s.shards[0].id, s.shards[1].id}; !slices.Equal(ids, []string{"presage-0", "presage-1"}) {
		t.Errorf("got %v", ids)
	}
}

func TestPublish(t *testing.T) {
	m := realserver.Mosquitto(t)
	l := newLedger()
	s, stop := run(t, config(m), l)
	ready(t, s)
	if err := s.Publish(t.Context(), "presage/v1/car/state", []byte("command")); err != nil {
		t.Fatal(err)
	}
	l.await(t, "the message, which comes back here", func() bool { return l.seen["command"] == 1 })
	stop()
	if err := s.Publish(t.Context(), "a", nil); err == nil || !strings.Contains(err.Error(), "stopped") {
		t.Errorf("got %v after the end", err)
	}
}

// TestTLS puts TLS in front of the broker, and shows that the certificate is checked.
func TestTLS(t *testing.T) {
	m := realserver.Mosquitto(t)
	certificate, roots := selfSigned(t)
	front, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { front.Close() })
	go func() { // ends when front is closed
		for {
			c, err := front.Accept()
			if err != nil {
				return
			}
			go forward(c, strings.TrimPrefix(m.URL, "tcp://"))
		}
	}()
	c := config(m)
	c.URL = "ssl://" + front.Addr().String()
	untrusting, _ := run(t, c, newLedger())
	eventually(t, "an unknown certificate is refused", func() bool { return testutil.ToFloat64(untrusting.metrics.lost) > 0 })
	if err := untrusting.Ready(); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v", err)
	}
	c.ClientID = "trusting"
	c.TLS = &tls.Config{RootCAs: roots}
	s, _ := run(t, c, newLedger())
	ready(t, s)
}

func forward(c net.Conn, to string) {
	defer c.Close()
	d, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer d.Close()
	go func() { // ends when either side is closed
		io.Copy(d, c)
		d.Close()
	}()
	io.Copy(c, d)
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

func TestConfig(t *testing.T) {
	c := DefaultConfig()
	c.URL = "ssl://user:p%40ss@broker.example:8883"
	if err := c.prepare(); err != nil {
		t.Fatal(err)
	}
	if c.Username != "user" || c.Password != "p@ss" || c.URL != "ssl://broker.example:8883" {
		t.Errorf("got %q, %q, %q", c.Username, c.Password, c.URL)
	}
	for _, bad := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.URL = "" }, "url"},
		{func(c *Config) { c.URL = "user:secret@host" }, "url"},
		{func(c *Config) { c.URL = "http://broker" }, "scheme"},
		{func(c *Config) { c.ClientID = "" }, "client_id"},
		{func(c *Config) { c.Shards = [][]string{{}} }, "shards[0]"},
		{func(c *Config) { c.Timeout = 0 }, "timeout"},
		{func(c *Config) { c.WaitingBytes = 0 }, "waiting_bytes"},
	} {
		c := DefaultConfig()
		c.URL = "tcp://127.0.0.1:1883"
		bad.change(&c)
		if _, err := New(c, Parts{Topics: topics{}}); err == nil || !strings.Contains(err.Error(), bad.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v, want an error with %q", err, bad.want)
		}
	}
}

// eventually waits until something is so that only another process or goroutine can bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}
