package main

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// crashCatalog watches the temperature of the gateways. The condition must last, so that a reading that is
// sent again is not judged by itself, and silence is off, because it depends on the clock of the machine.
const crashCatalog = `
version: 1
models:
  - match: {}
    rules:
      - {id: too-hot, fault: too-hot, metric: temp, limit: {above: 100, clear: 90, for: 1ms}}
      - {id: silence, disabled: true}
faults:
  - {code: too-hot, component: burner, severity: major, title: {en: Too hot}}
`

// Where a script has its faults: of every twenty messages a gateway gets too hot for four, and three are the crashes of
// a TV that is never heard of otherwise. That is so often that findings wait for the desk at most times.
const (
	hotEvery, hotFrom, hotFor = 20, 14, 4
	tvEvery, tvFrom, tvFor    = 20, 5, 3
)

// said is a message of a script: numbered readings, or a crash of a TV behind the gateway.
type said struct {
	tv string // whose crash; empty for readings
	at int64  // Unix milliseconds, rising within the script
	n  int
}

func (m *said) topic(gateway string) string {
	if m.tv != "" {
		return "presage/v1/" + m.tv + "/event"
	}
	return "presage/v1/" + gateway + "/telemetry"
}

func (m *said) payload() string {
	if m.tv != "" {
		return fmt.Sprintf(`{"ts":%d,"code":"crash"}`, m.at)
	}
	temp := 60 + float64(m.n%7)
	if m.n%hotEvery >= hotFrom && m.n%hotEvery < hotFrom+hotFor {
		temp = 120
	}
	return fmt.Sprintf(`{"ts":%d,"values":{"n":%d,"temp":%v}}`, m.at, m.n, temp)
}

// gateway publishes a script over one connection at a time, some messages in flight at once, and
// remembers each PUBACK. What was not acknowledged it sends again, in order, as a device would.
type gateway struct {
	id     string
	pace   time.Duration // between two messages
	window int           // messages in flight
	trail  *trail        // nil where nobody asks when a PUBACK was sent

	mu     sync.Mutex
	waits  []time.Duration // for each PUBACK, since waited was called
	script []said          // as far as it was ever sent
	acked  []bool          // by message
	first  int             // not acknowledged
	acks   *atomic.Int64
}

// newGateways returns gateways whose acknowledgements are counted together.
func newGateways(n, window int, pace time.Duration) ([]*gateway, *atomic.Int64) {
	acks := new(atomic.Int64)
	all := make([]*gateway, n)
	for i := range all {
		all[i] = &gateway{id: fmt.Sprintf("gateway-%d", i), pace: pace, window: window, acks: acks}
	}
	return all, acks
}

// message returns a message of the script, writing it when it is the next.
func (g *gateway) message(n int) said {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n == len(g.script) {
		m := said{n: n, at: time.Now().UnixMilli()}
		if n > 0 {
			m.at = max(m.at, g.script[n-1].at+1)
		}
		if k := n % tvEvery; k >= tvFrom && k < tvFrom+tvFor {
			m.tv = fmt.Sprintf("tv-%s-%d", strings.TrimPrefix(g.id, "gateway-"), n/tvEvery)
		}
		g.script, g.acked = append(g.script, m), append(g.acked, false)
	}
	return g.script[n]
}

func (g *gateway) ack(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.acked[n] {
		g.acked[n] = true
		g.acks.Add(1)
	}
	for g.first < len(g.acked) && g.acked[g.first] {
		g.first++
	}
}

func (g *gateway) note(wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waits = append(g.waits, wait)
}

// waited returns how long PUBACKs took since it was last called.
func (g *gateway) waited() []time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	waits := g.waits
	g.waits = nil
	return waits
}

// unacked is the first message without PUBACK.
func (g *gateway) unacked() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.first
}

// snapshot returns the script and what of it is acknowledged by now.
func (g *gateway) snapshot() (script []said, acked []bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]said(nil), g.script...), append([]bool(nil), g.acked...)
}

// publish sends messages until stop is closed, and then up to most acknowledges what it has in flight. It
// ends by itself when the first most messages are acknowledged.
func (g *gateway) publish(p *process, stop <-chan struct{}, most int) {
	for g.unacked() < most {
		select {
		case <-stop:
			return
		default:
		}
		client, err := g.connect(p)
		if err != nil {
			time.Sleep(20 * time.Millisecond) // the server is away
			continue
		}
		g.stream(client, stop, most)
		client.Disconnect(0)
	}
}

func (g *gateway) connect(p *process) (mqtt.Client, error) {
	d, err := p.tryConnect(g.id, func(o *mqtt.ClientOptions) {
		o.SetConnectTimeout(2 * time.Second)
		o.SetWriteTimeout(2 * time.Second)
		if g.trail != nil {
			o.SetCustomOpenConnectionFn(g.trail.dial)
		}
	})
	if err != nil {
		return nil, err
	}
	return d.client, nil
}

// flying is a message that waits for its PUBACK.
type flying struct {
	n     int
	token mqtt.Token
	since time.Time
}

// ackPatience is how long a gateway waits for one PUBACK before it connects anew.
const ackPatience = 20 * time.Second

// stream publishes over one connection until that is lost.
func (g *gateway) stream(client mqtt.Client, stop <-chan struct{}, most int) {
	var air []flying
	land := func() bool {
		f := air[0]
		air = air[1:]
		if !f.token.WaitTimeout(ackPatience) || f.token.Error() != nil {
			return false
		}
		g.ack(f.n)
		g.note(time.Since(f.since))
		return true
	}
	for n := g.unacked(); ; n++ {
		stopped := n >= most
		select {
		case <-stop:
			stopped = true
		default:
		}
		if stopped {
			break
		}
		m := g.message(n)
		token := client.Publish(m.topic(g.id), 1, false, m.payload())
		if g.trail != nil {
			g.trail.sent(token.(*mqtt.PublishToken).MessageID(), n)
		}
		air = append(air, flying{n, token, time.Now()})
		if len(air) >= g.window && !land() {
			break
		}
		if g.pace > 0 {
			time.Sleep(g.pace)
		}
	}
	for len(air) > 0 {
		land() // also behind one that failed: a later one may be acknowledged
	}
}

// publishing is a set of gateways at work.
type publishing struct {
	stop chan struct{}
	wait sync.WaitGroup
}

// publishAll lets gateways publish until end is called, or each up to the length of its script when repeat is set.
func publishAll(p *process, all []*gateway, repeat bool) *publishing {
	w := &publishing{stop: make(chan struct{})}
	for _, g := range all {
		most := int(^uint(0) >> 1)
		if repeat {
			most = len(g.script)
		}
		w.wait.Go(func() { g.publish(p, w.stop, most) }) // ended by end
	}
	return w
}

func (w *publishing) end() {
	close(w.stop)
	w.wait.Wait()
}

// afresh returns gateways with the same scripts and no PUBACK.
func afresh(all []*gateway) []*gateway {
	acks := new(atomic.Int64)
	again := make([]*gateway, len(all))
	for i, g := range all {
		again[i] = &gateway{id: g.id, window: 50, script: g.script, acked: make([]bool, len(g.script)), acks: acks}
	}
	return again
}

// finish acknowledges every script to its end.
func finish(t testing.TB, p *process, all []*gateway) {
	t.Helper()
	w := publishAll(p, all, true)
	done := make(chan struct{})
	go func() { // ends with the gateways, at the latest with the test's deadline
		defer close(done)
		w.wait.Wait()
	}()
	select {
	case <-done:
	case <-time.After(3 * time.Minute):
		close(w.stop)
		t.Fatal("the rest was not acknowledged within three minutes")
	}
}
