package subscriber

import (
	"context"
	"strings"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/presage-pdm/presage/ingest"
)

// connection hands the messages of one connection to the intake and acknowledges
// them. Three goroutines meet here, of which none may wait for the next: the
// library's, which would stop answering the broker; the worker, which waits in the
// intake when that is behind; and the acknowledger, since acknowledging may wait for the network.
type connection struct {
	shard *shard
	lost  chan error // 1: the first reason is enough

	ctx    context.Context // of the intake's work on this connection
	cancel context.CancelFunc
	wait   sync.WaitGroup // of the worker and the acknowledger

	mu       sync.Mutex
	arrived  sync.Cond   // of mu: something for the worker, or the end
	settled  sync.Cond   // of mu: something for the acknowledger, or the end
	room     sync.Cond   // of mu: the worker took something, or the end
	idle     sync.Cond   // of mu: nothing is between arriving and acknowledged
	waiting  []*delivery // not with the intake yet
	bytes    int         // of waiting
	flow     []*delivery // not acknowledged yet, in the order in which they came
	acking   int         // taken off flow, but not acknowledged yet
	failed   bool        // something is not durable: it and all behind it come again
	stopped  bool        // take nothing more
	finished bool
}

// delivery is one message on its way.
type delivery struct {
	mqtt.Message
	durable bool
}

func newConnection(s *shard) *connection {
	c := &connection{shard: s, lost: make(chan error, 1)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	for _, cond := range []*sync.Cond{&c.arrived, &c.settled, &c.room, &c.idle} {
		cond.L = &c.mu
	}
	c.wait.Go(c.work)        // end waits for it
	c.wait.Go(c.acknowledge) // end waits for it
	return c
}

// receive takes a message from the library. It waits only when far too much is
// waiting already, beyond what the broker may have in flight; the connection may then be
// lost to the keep-alive, and the messages come again.
func (c *connection) receive(_ mqtt.Client, m mqtt.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.bytes >= c.shard.owner.config.WaitingBytes && !c.stopped && !c.finished {
		c.room.Wait()
	}
	if c.stopped || c.finished {
		return // not acknowledged: it comes again
	}
	d := &delivery{Message: m}
	c.waiting = append(c.waiting, d)
	c.flow = append(c.flow, d)
	c.bytes += len(m.Payload())
	c.arrived.Signal()
}

// work gives messages to the intake in the order in which they came.
func (c *connection) work() {
	owner := c.shard.owner
	for {
		c.mu.Lock()
		for len(c.waiting) == 0 && !c.finished {
			c.arrived.Wait()
		}
		if c.finished {
			c.mu.Unlock()
			return
		}
		batch := c.waiting
		c.waiting = nil
		c.mu.Unlock()
		for _, m := range batch {
			c.mu.Lock()
			c.bytes -= len(m.Payload())
			finished := c.finished
			c.room.Broadcast()
			c.mu.Unlock()
			if finished {
				return
			}
			if why := c.skip(m); why != "" {
				owner.metrics.skipped.WithLabelValues(why).Inc()
				c.settle(m, nil)
				continue
			}
			owner.metrics.messages.Inc()
			owner.intake.Accept(c.ctx, ingest.Message{
				Tenant: owner.config.Tenant, Client: c.shard.id,
				Topic: m.Topic(), Payload: m.Payload(), Arrival: time.Now().UnixMilli(),
			}, func(err error) { c.settle(m, err) })
		}
	}
}

// The reasons for skipping a message, as they stand in the label "reason".
const (
	skipNotOurs  = "not-ours"
	skipRetained = "retained"
)

// held is what is between the broker and its acknowledgement.
type held struct{ messages, bytes int }

func (c *connection) held() held {
	c.mu.Lock()
	defer c.mu.Unlock()
	return held{len(c.flow) + c.acking, c.bytes}
}

// skip tells why a message is not for the intake; it is acknowledged all the same.
// A retained message is sent again with every subscription: a state still holds, but a reading or an event of
// the past would count once more.
func (c *connection) skip(m mqtt.Message) string {
	switch {
	case !c.shard.owner.topics.Takes(m.Topic(), m.Payload()):
		return skipNotOurs
	case m.Retained() && !strings.HasSuffix(m.Topic(), "/state"):
		return skipRetained
	}
	return ""
}

// settle is called by the intake and does not wait. What is not durable is not acknowledged; since the
// broker sends it again to a new connection only, this one is given up.
func (c *connection) settle(d *delivery, err error) {
	if err != nil {
		c.shard.owner.metrics.unacknowledged.Inc()
		c.giveUp(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.failed = true
		c.idle.Broadcast()
		return
	}
	d.durable = true
	if c.flow[0].durable {
		c.settled.Signal()
	}
}

// giveUp ends the connection.
func (c *connection) giveUp(err error) {
	select {
	case c.lost <- err:
	default: // it ends already
	}
}

// acknowledge tells the broker what is durable, in the order in which it came (MQTT
// 3.1.1 section 4.6).
func (c *connection) acknowledge() {
	for {
		c.mu.Lock()
		for !c.finished && (len(c.flow) == 0 || !c.flow[0].durable) {
			c.settled.Wait()
		}
		if c.finished {
			c.mu.Unlock()
			return
		}
		n := 0
		for n < len(c.flow) && c.flow[n].durable {
			n++
		}
		batch := c.flow[:n:n]
		c.flow = c.flow[n:]
		c.acking = n
		c.mu.Unlock()
		for _, d := range batch {
			d.Ack() // to nowhere when the connection is gone: the message comes again
		}
		c.shard.owner.metrics.acks.Add(float64(n))
		c.mu.Lock()
		if c.acking = 0; len(c.flow) == 0 {
			c.idle.Broadcast()
		}
		c.mu.Unlock()
	}
}

// stop takes nothing more and waits until what was taken is acknowledged, at most for limit.
func (c *connection) stop(limit time.Duration) {
	timer := time.AfterFunc(limit, c.cancel) // the intake then gives up what it waits for
	defer timer.Stop()
	over := context.AfterFunc(c.ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.idle.Broadcast()
	})
	defer over()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	c.room.Broadcast()
	for len(c.flow)+c.acking > 0 && !c.failed && c.ctx.Err() == nil {
		c.idle.Wait()
	}
}

// end lets both goroutines end and waits for them.
func (c *connection) end() {
	c.cancel()
	c.mu.Lock()
	c.finished = true
	for _, cond := range []*sync.Cond{&c.arrived, &c.settled, &c.room, &c.idle} {
		cond.Broadcast()
	}
	c.mu.Unlock()
	c.wait.Wait()
}
