package ingest

import (
	"context"
	"log/slog"
	"sync"
)

// registrar makes unknown devices known, one after the other, beside the path
// of the messages: while the registry's store is away, readings are still
// journalled. A device whose registration was lost asks again with its next message.
type registrar struct {
	patience
	registry Registry
	metrics  *intakeMetrics

	queue chan device
	mu    sync.Mutex
	asked map[device]struct{} // in the queue or in work
}

type device struct{ tenant, id string }

// registrations is how many devices wait at most; a message of one more waits
// for room. 4096 is a few seconds of a store at work.
const registrations = 4096

func newRegistrar(r Registry, log *slog.Logger, m *intakeMetrics) *registrar {
	return &registrar{patience: patience{log, m.retries, m.effects}, registry: r, metrics: m, queue: make(chan device, registrations), asked: make(map[device]struct{})}
}

// asking reports whether a device is in the queue or in work.
func (r *registrar) asking(tenant, id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, yes := r.asked[device{tenant, id}]
	return yes
}

// waiting is how many devices are in the queue or in work, of all tenants.
func (r *registrar) waiting() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.asked)
}

// ask has a device registered, once however often it is asked. It waits for room until ctx ends.
func (r *registrar) ask(ctx context.Context, tenant, id string) {
	d := device{tenant, id}
	r.mu.Lock()
	_, known := r.asked[d]
	if !known {
		r.asked[d] = struct{}{}
	}
	r.mu.Unlock()
	if known {
		return
	}
	select {
	case r.queue <- d:
	case <-ctx.Done():
		r.forget(d)
	}
}

func (r *registrar) forget(d device) {
	r.mu.Lock()
	delete(r.asked, d)
	r.mu.Unlock()
}

// run registers until ctx ends.
func (r *registrar) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-r.queue:
			r.register(ctx, d)
			r.forget(d)
		}
	}
}

func (r *registrar) register(ctx context.Context, d device) {
	err := r.persist(ctx, effectRegister, func() error { return r.registry.Register(ctx, d.tenant, d.id) })
	switch {
	case err == nil:
		r.metrics.registered.Inc()
	case !givenUp(err):
		r.log.Error("device not registered", "device", d.id, "err", err)
	}
}
