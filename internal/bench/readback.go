package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"

	"github.com/valyala/fastjson"
	"golang.org/x/sync/errgroup"
)

// Verify says which readings are read back.
type Verify string

// What is read back: of every message all metrics, or one that the seed chooses for each device; or nothing at all.
const (
	VerifyAll    Verify = "all"
	VerifySample Verify = "sample"
	VerifyNone   Verify = "none"
)

// ReadBack is what became of the acknowledged messages.
type ReadBack struct {
	Readings   int64 // values that were compared
	Lost       int64 // messages that were acknowledged, but of which a value cannot be read back
	Duplicated int64 // messages of which a value can be read back more than once
	Strange    int64 // values that nobody sent
}

const (
	// pageMessages is how many messages one question is about, half of what the API answers raw.
	pageMessages = 10_000
	// readers is how many questions are asked at once.
	readers = 4
)

// Check reads every message back over the API, those of the warm-up too, and compares it with
// what was acknowledged. progress, when not nil, is told the values compared; it is called by one goroutine at a time.
func (a *API) Check(ctx context.Context, cfg Config, load *Load, verify Verify, seed uint64, progress func(values int64)) (ReadBack, error) {
	var mu sync.Mutex
	var total ReadBack
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for i, d := range load.devices {
		metrics := make([]int, cfg.Values)
		for m := range metrics {
			metrics[m] = m
		}
		if verify == VerifySample {
			metrics = []int{rand.New(rand.NewPCG(seed, uint64(i))).IntN(cfg.Values)}
		}
		group.Go(func() error {
			r := reader{api: a, device: d, found: make([]uint16, len(d.offsets)), twice: make([]bool, len(d.offsets))}
			for _, m := range metrics {
				n, err := r.metric(ctx, m)
				if err != nil {
					return err
				}
				if progress != nil {
					mu.Lock()
					progress(n)
					mu.Unlock()
				}
			}
			mu.Lock()
			defer mu.Unlock()
			r.add(&total, len(metrics))
			return nil
		})
	}
	err := group.Wait()
	return total, err
}

// reader reads one device back.
type reader struct {
	api      *API
	device   *device
	parser   fastjson.Parser
	buffer   []byte
	found    []uint16 // by message: metrics that were found with their value
	twice    []bool   // by message: a metric was found more than once
	readings int64
	strange  int64
}

// add sums the device up, of which so many metrics were read.
func (r *reader) add(total *ReadBack, metrics int) {
	total.Readings += r.readings
	total.Strange += r.strange
	for n := range r.found {
		if r.device.acked.has(n) && int(r.found[n]) < metrics {
			total.Lost++
		}
		if r.twice[n] {
			total.Duplicated++
		}
	}
}

// metric reads one metric of every message and returns how many values those were.
func (r *reader) metric(ctx context.Context, m int) (int64, error) {
	before := r.readings
	for from := 0; from < len(r.device.offsets); from += pageMessages {
		if err := r.page(ctx, m, from, min(from+pageMessages, len(r.device.offsets))); err != nil {
			return 0, err
		}
	}
	return r.readings - before, nil
}

// page reads one metric of the messages from <= n < to.
func (r *reader) page(ctx context.Context, m, from, to int) error {
	path := fmt.Sprintf("/api/v1/devices/%s/series?metric=m%d&step=raw&from=%d&to=%d",
		url.PathEscape(r.device.id), m, r.device.stamp(from), r.device.stamp(to-1)+1)
	body, err := r.api.fetch(ctx, path, r.buffer)
	if err != nil {
		return err
	}
	r.buffer = body
	answer, err := r.parser.ParseBytes(body)
	if err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	n, last := from, -1 // the next message, and the one found last
	for _, point := range answer.GetArray("points") {
		pair := point.GetArray()
		if len(pair) != 2 {
			return fmt.Errorf("GET %s: a point is not a pair of time and value", path)
		}
		at, value := pair[0].GetInt64(), pair[1].GetFloat64()
		for n < to && r.device.stamp(n) < at {
			n++
		}
		r.readings++
		switch {
		case n == to || r.device.stamp(n) != at || values[valueAt(n, m)].value != value:
			r.strange++
		case n == last:
			r.twice[n] = true
		default:
			r.found[n]++
			last = n
		}
	}
	return nil
}
