package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/internal/bus"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/tickets/diagnosis"
	"github.com/presage-pdm/presage/tickets/dispatch"
	"github.com/presage-pdm/presage/tickets/workflow"
	"github.com/presage-pdm/presage/web"
)

// openDesk makes the desk with its workflows, dispatch and wording.
func (a *app) openDesk(context.Context) error {
	flows, err := workflow.Bundled()
	if err != nil {
		return fmt.Errorf("bundled workflows: %w", err)
	}
	a.workflows, err = workflow.NewLibrary(flows...)
	if err != nil {
		return fmt.Errorf("workflows: %w", err)
	}
	dispatching := dispatch.DefaultConfig()
	dispatching.Fleet = a.directory
	dispatcher, err := dispatch.New(dispatching)
	if err != nil {
		return fmt.Errorf("dispatch: %w", err)
	}
	if a.wording, err = diagnosis.NewWording(a.watching); err != nil {
		return fmt.Errorf("wording: %w", err)
	}
	cfg := tickets.DefaultConfig()
	cfg.Store, cfg.Fleet, cfg.Log, cfg.Registerer = a.sql, a.directory, a.log, a.metrics
	cfg.Workflows, cfg.Dispatcher, cfg.Faults = a.workflows, dispatcher, a.wording
	a.settings.Desk.desk(&cfg)
	a.desk, err = tickets.NewDesk(cfg)
	return err
}

// startRelay moves events from the outbox to browsers and webhooks.
func (a *app) startRelay(ctx context.Context) error {
	a.hub = web.NewHub()
	cfg := bus.DefaultConfig()
	metrics := bus.NewMetrics(a.metrics)
	cfg.Log, cfg.Metrics = a.log, metrics
	relay := bus.NewRelay(a.sql, cfg)
	relay.Subscribe("browsers", func(_ context.Context, e tickets.Event) error { return a.hub.Event(e) })
	if err := a.startWebhooks(ctx, relay, metrics); err != nil {
		return err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := a.goPart("relay", func() error { return relay.Run(running) })
	a.onStopPart("relay", cancel, done)
	return nil
}

// startWebhooks posts events to the configured receivers.
func (a *app) startWebhooks(ctx context.Context, relay *bus.Relay, metrics *bus.Metrics) error {
	for i, s := range a.settings.Webhooks {
		cfg := bus.DefaultWebhookConfig()
		cfg.Name, cfg.URL, cfg.Secret, cfg.Log, cfg.Metrics = s.Name, s.URL, s.Secret, a.log, metrics
		hook, err := bus.NewWebhook(a.sql, cfg)
		if err != nil {
			return fmt.Errorf("webhooks[%d]: %w", i, err)
		}
		relay.Subscribe("webhook "+s.Name, hook.Take)
		running, cancel := context.WithCancel(context.WithoutCancel(ctx))
		done := a.goPart("webhook", func() error { hook.Run(running); return nil })
		a.onStopPart("webhook", cancel, done)
	}
	return nil
}

// diagnoser explains tickets.
func (a *app) diagnoser() (*diagnosis.Diagnoser, error) {
	a.bands = diagnosis.NewReplay(a.series, a.watching)
	cfg := diagnosis.DefaultConfig()
	cfg.Store, cfg.Readings, cfg.Events, cfg.Bands = a.sql, a.series, a.sql, a.bands
	cfg.Fleet, cfg.Plans, cfg.Wording, cfg.Log = a.directory, a.watching, a.wording, a.log
	return diagnosis.New(cfg)
}

// reporter takes the findings of the lanes to the desk, and shows them to
// browsers once they are kept.
type reporter struct {
	desk *tickets.Desk
	hub  *web.Hub
	log  *slog.Logger
}

// Report implements ingest.Reporter.
func (r reporter) Report(ctx context.Context, fence tickets.Fence, findings []detectors.Finding) error {
	if err := r.desk.Report(ctx, fence, findings); err != nil {
		return err
	}
	now := time.Now().UTC()
	for i := range findings {
		if findings[i].Backfill {
			continue
		}
		if err := r.hub.Finding(tickets.Evidence{Finding: findings[i], RecordedAt: now}); err != nil {
			r.log.Error("finding not shown live", "device", findings[i].Device, "err", err)
		}
	}
	return nil
}

// chore is something that the desk does now and then.
type chore struct {
	task   string
	do     func(ctx context.Context, tenant string) (n int, err error)
	done   string // what is logged with how many it was done to; empty for nothing
	failed string
}

// dispatchPending looks again, now and then, for somebody to take what nobody could.
func (a *app) dispatchPending(ctx context.Context) error {
	return a.nowAndThen(ctx, dispatchAgain, chore{taskDispatch, a.desk.DispatchPending, "pending tickets dispatched", "pending tickets not dispatched"})
}

// nowAndThen does chores for every tenant until ctx ends.
func (a *app) nowAndThen(ctx context.Context, every time.Duration, chores ...chore) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for _, tenant := range a.directory.Tenants() {
			for _, c := range chores {
				n, err := c.do(ctx, tenant)
				a.tasks.note(c.task, err)
				if err != nil && ctx.Err() == nil {
					a.log.Warn(c.failed, "err", err)
				}
				if n > 0 && c.done != "" {
					a.log.Info(c.done, "count", n)
				}
			}
		}
	}
}

// dispatchAgain is how often tickets without anybody to take them are looked at.
const dispatchAgain = 30 * time.Second

// refreshFleet reads the fleet again now and then, so that an import by another
// process reaches this one.
func (a *app) refreshFleet(ctx context.Context) error {
	tick := time.NewTicker(fleetRefresh)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := a.sql.LoadDirectory(ctx, a.directory)
		a.tasks.note(taskFleet, err)
		if err != nil && ctx.Err() == nil {
			a.log.Warn("fleet not read again", "err", err)
		}
	}
}

// fleetRefresh is how long an import by another process takes to be noticed, at most.
const fleetRefresh = 15 * time.Second
