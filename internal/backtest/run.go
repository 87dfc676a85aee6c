package backtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/tickets"
)

// Result is what one catalogue would have done.
type Result struct {
	// Tickets are those that would have opened in the span, oldest first.
	Tickets []tickets.Rehearsed
	// Withheld counts findings that opened no ticket and why.
	Withheld map[Withheld]int
}

// Withheld is a reason for which findings of a rule open no ticket.
type Withheld struct{ Reason, Detector, Rule, FaultCode string }

// History is how much was replayed.
type History struct {
	// Devices were asked for; WithHistory of them had something in the span, warm-up included.
	Devices, WithHistory int
	Readings, Events     int64
	// Metrics is how many series were read.
	Metrics int
}

// Run replays the devices once, through an engine for each of the plans. The results are in the order of the plans, and the same for
// any number of workers. Devices do not see each other.
func Run(ctx context.Context, cfg Config, devices []string, plans ...detectors.Plans) ([]Result, History, error) {
	if err := cfg.validate(); err != nil {
		return nil, History{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		mu      sync.Mutex // guards what follows
		failed  error
		history = History{Devices: len(devices)}
		results = make([]Result, len(plans))
		wait    sync.WaitGroup
		todo    = make(chan string) // unbuffered: a worker takes a device when it is free
	)
	for i := range results {
		results[i].Withheld = map[Withheld]int{}
	}
	for range min(cfg.Workers, max(len(devices), 1)) {
		wait.Go(func() { // waited for below
			for device := range todo {
				one, h, err := replay(ctx, &cfg, device, plans)
				mu.Lock()
				if err != nil {
					if failed == nil {
						failed = fmt.Errorf("backtest %s: %w", device, err)
					}
					cancel()
				} else {
					history.add(h)
					for i := range one {
						results[i].add(one[i])
					}
					if cfg.Done != nil {
						cfg.Done(device)
					}
				}
				mu.Unlock()
			}
		})
	}
feeding:
	for _, device := range devices {
		select {
		case todo <- device:
		case <-ctx.Done():
			break feeding
		}
	}
	close(todo)
	wait.Wait()
	if failed == nil {
		failed = ctx.Err()
	}
	if failed != nil {
		return nil, history, failed
	}
	for i := range results {
		slices.SortFunc(results[i].Tickets, func(a, b tickets.Rehearsed) int {
			return cmp.Or(a.OpenedAt.Compare(b.OpenedAt), strings.Compare(a.Device, b.Device), strings.Compare(a.Component, b.Component), strings.Compare(a.FaultCode, b.FaultCode))
		})
	}
	return results, history, nil
}

func (h *History) add(o History) {
	h.WithHistory += o.WithHistory
	h.Readings += o.Readings
	h.Events += o.Events
	h.Metrics += o.Metrics
}

func (r *Result) add(o Result) {
	r.Tickets = append(r.Tickets, o.Tickets...)
	for w, n := range o.Withheld {
		r.Withheld[w] += n
	}
}

// quiet is the longest time that passes at once while a device says nothing. Silence is found that much late at most.
const quiet = 10 * time.Second

// replay runs one device through its engines.
func replay(ctx context.Context, cfg *Config, device string, plans []detectors.Plans) ([]Result, History, error) {
	var h History
	in, err := openStream(ctx, cfg, device)
	if err != nil {
		return nil, h, err
	}
	h.Metrics = len(in.open)
	all := make([]rehearsal, len(plans))
	for i, p := range plans {
		all[i] = rehearsal{cfg: cfg, engine: detectors.NewEngine(cfg.Engine, p), desk: tickets.NewRehearsal(cfg.ReopenWithin), withheld: map[Withheld]int{}}
	}
	now := int64(0) // what the engines were told, in ms
	elapse := func(to int64) {
		for now+1000 <= to {
			seconds := min(to-now, quiet.Milliseconds()) / 1000
			now += seconds * 1000
			for i := range all {
				all[i].take(all[i].engine.Elapse(now, uint64(seconds)))
			}
		}
	}
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return nil, h, ctx.Err()
		}
		b, err := in.next(ctx)
		if err != nil {
			return nil, h, err
		}
		if b == nil {
			break
		}
		if n == 0 {
			h.WithHistory, now = 1, b.Arrival
		}
		elapse(b.Arrival)
		h.Readings += int64(len(b.Samples))
		h.Events += int64(len(b.Events))
		for i := range all {
			all[i].take(all[i].engine.Apply(b))
		}
	}
	if h.WithHistory > 0 {
		elapse(cfg.To.UnixMilli() - 1)
	}
	results := make([]Result, len(all))
	for i := range all {
		results[i] = all[i].result()
	}
	return results, h, nil
}

// rehearsal is one engine and its desk.
type rehearsal struct {
	cfg      *Config
	engine   *detectors.Engine
	desk     *tickets.Rehearsal
	withheld map[Withheld]int
}

// take hands findings to the desk.
func (r *rehearsal) take(findings []detectors.Finding) {
	for i := range findings {
		f := &findings[i]
		if f.Withheld != "" && f.Phase == detectors.Raised && f.Arrival >= r.cfg.From.UnixMilli() {
			r.withheld[Withheld{f.Withheld, f.Detector, f.Rule, f.FaultCode}]++
		}
		r.desk.Take(f)
	}
}

func (r *rehearsal) result() Result {
	out := Result{Withheld: r.withheld}
	for _, t := range r.desk.Tickets() {
		if !t.OpenedAt.Before(r.cfg.From) {
			out.Tickets = append(out.Tickets, *t)
		}
	}
	return out
}
