package bench

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// Load is what was sent and acknowledged.
type Load struct {
	// Elapsed is from the first message to the last PUBACK.
	Elapsed time.Duration
	// Sent and Acked are messages of the load, those of the warm-up not counted.
	Sent, Acked int64
	// Warm are the messages of the warm-up, all of them acknowledged.
	Warm    int64
	puback  histogram
	devices []*device
	faults  []*fault
}

// Puback returns the q-quantile of the time from writing a message, or from when it was due in an open loop, to its PUBACK.
func (l *Load) Puback(q float64) time.Duration { return l.puback.quantile(q) }

// Readings is how many messages with readings were acknowledged, the warm-up included.
func (l *Load) Readings() int64 {
	n := int64(0)
	for _, d := range l.devices {
		n += int64(d.acked.n)
	}
	return n
}

// Generate connects, has every device say a first word, tells warm, publishes
// for the configured time and waits for what is in flight. The warm-up makes devices and series known, so that
// their registration is not measured with the load.
func Generate(ctx context.Context, cfg Config, warm func() error) (*Load, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	senders := make([]*sender, cfg.Connections)
	connecting, connectCtx := errgroup.WithContext(ctx)
	connecting.SetLimit(32)
	for i := range senders {
		connecting.Go(func() error {
			c, err := dial(connectCtx, cfg.Broker, fmt.Sprintf("%s-client-%05d", cfg.Prefix, i))
			if err == nil {
				senders[i] = newSender(c, cfg)
			}
			return err
		})
	}
	err := connecting.Wait()
	defer func() {
		for _, s := range senders {
			if s != nil {
				s.c.close()
			}
		}
	}()
	if err != nil {
		return nil, err
	}
	load := &Load{faults: newFaults(cfg)}
	start := time.Now().Add(-time.Second).UnixMilli()
	for i := range cfg.Devices {
		id := cfg.deviceID(i)
		d := &device{id: id, topic: cfg.Form.topic(id), start: start}
		load.devices = append(load.devices, d)
		s := senders[i%len(senders)]
		s.devices = append(s.devices, d)
	}
	for i, f := range load.faults {
		s := senders[i%len(senders)]
		s.faults = append(s.faults, f)
	}
	all := func(run func(ctx context.Context, i int, s *sender) error) error {
		group, ctx := errgroup.WithContext(ctx)
		for i, s := range senders {
			group.Go(func() error { return s.run(ctx, func(ctx context.Context) error { return run(ctx, i, s) }) })
		}
		return group.Wait()
	}
	if err := all(func(ctx context.Context, _ int, s *sender) error { return s.warmUp(ctx) }); err != nil {
		return nil, fmt.Errorf("warm-up: %w", err)
	}
	for _, s := range senders {
		load.Warm += s.sent
		s.sent, s.puback = 0, histogram{}
	}
	for _, f := range load.faults {
		f.acked = false // what was acknowledged were the crashes before the last
	}
	if warm != nil {
		if err := warm(); err != nil {
			return nil, err
		}
	}
	if cfg.Duration == 0 {
		return load, nil
	}
	began := time.Now()
	schedule(load.faults, began, cfg.Duration)
	err = all(func(ctx context.Context, i int, s *sender) error {
		if cfg.Rate > 0 {
			return s.offer(ctx, newPace(cfg, began, i))
		}
		return s.publish(ctx, began.Add(cfg.Duration))
	})
	load.Elapsed = time.Since(began)
	for _, s := range senders {
		load.Sent += s.sent
		load.Acked += int64(s.puback.total)
		load.puback.merge(&s.puback)
	}
	return load, err
}

// pace is when the messages of one connection are due in an open loop.
type pace struct {
	first time.Time
	every time.Duration
	count int
}

// newPace is the share of connection i: the connections take turns.
func newPace(cfg Config, began time.Time, i int) pace {
	every := time.Duration(float64(time.Second) * float64(cfg.Connections) / float64(cfg.Rate))
	offset := time.Duration(float64(every) * float64(i) / float64(cfg.Connections))
	count := 0
	if offset < cfg.Duration {
		count = int((cfg.Duration-offset-1)/every) + 1
	}
	return pace{first: began.Add(offset), every: every, count: count}
}

func (p pace) due(n int) time.Time { return p.first.Add(time.Duration(n) * p.every) }
