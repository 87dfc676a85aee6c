package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/ingest/broker"
	"github.com/presage-pdm/presage/ingest/journal"
	"github.com/presage-pdm/presage/ingest/payload"
	"github.com/presage-pdm/presage/ingest/subscriber"
)

// The durable path: source, intake, journal and lanes.

// openIntake opens the journal and the intake in front of it.
func (a *app) openIntake(ctx context.Context) error {
	cfg := journal.DefaultConfig()
	cfg.Dir, cfg.Partitions, cfg.MaxBytes = a.settings.path("journal"), a.settings.Ingest.Lanes, a.settings.Ingest.JournalBytes
	cfg.Logger, cfg.Registerer = a.log, a.metrics
	log, err := journal.Open(cfg)
	if err != nil {
		return fmt.Errorf("open the journal in %s: %w", cfg.Dir, err)
	}
	a.journal = log
	a.life.onStop("journal", func(context.Context) error { return log.Close() })

	topics := payload.DefaultConfig()
	topics.Patterns = a.settings.MQTT.Topics
	if a.decoder, err = payload.New(topics); err != nil {
		return fmt.Errorf("mqtt.topics: %w", err)
	}
	taking := ingest.DefaultIntakeConfig()
	taking.Logger, taking.Registerer = a.log, a.metrics
	taking.Limits.PayloadBytes = a.settings.Ingest.MaxPayload
	a.settings.Limits.intake(&taking.Limits)
	if taking.UnknownDevices, err = ingest.ParsePolicy(a.settings.UnknownDevices); err != nil {
		return err
	}
	if a.intake, err = ingest.NewIntake(log, a.decoder, registry{a.directory, a.sql}, taking); err != nil {
		return err
	}
	return nil
}

// startLanes applies the journal.
func (a *app) startLanes(ctx context.Context) error {
	cfg := ingest.DefaultLanesConfig()
	cfg.Dir, cfg.Logger, cfg.Registerer = a.settings.path("lanes"), a.log, a.metrics
	cfg.CheckpointEvery = a.settings.Ingest.CheckpointEvery
	host, err := os.Hostname()
	if err != nil {
		host = "presage"
	}
	cfg.Owner = fmt.Sprintf("%s/%d", host, os.Getpid())
	engine := detectors.DefaultConfig()
	metrics := detectors.NewMetrics(a.metrics)
	engine.Logger, engine.Reorder, engine.Counts = a.log, a.settings.Ingest.ReorderWindow, metrics.Counts()
	engine.NoveltyMemory = a.settings.Detection.Memory / int64(a.journal.Partitions())
	engine.FalseTickets = a.settings.Detection.budget()
	engine.Criticality = func(tenant, id string) int {
		d, _ := a.directory.Device(tenant, id)
		return d.Criticality
	}
	engine.Firmware = func(tenant, id string) string {
		d, _ := a.directory.Device(tenant, id)
		return d.Firmware
	}
	heard := newHeardStore(a.series, a.sql, a.log, a.tasks)
	a.gauge("fleet_seen_pending", "Devices of which the database is still to be told when they were last heard of.", heard.waiting)
	a.lanes, err = ingest.NewLanes(ingest.Parts{
		Journal: a.journal, Store: heard, Records: a.sql, Reporter: reporter{a.desk, a.hub, a.log}, Leases: a.sql,
		Watch: func(partition int) ingest.Watcher {
			engine := engine
			engine.Meter = metrics.Lane(partition)
			return detectors.NewEngine(engine, a.watching)
		},
	}, cfg)
	if err != nil {
		return err
	}
	noting, cancelNoting := context.WithCancel(context.WithoutCancel(ctx))
	a.onStopPart("last heard", cancelNoting, a.goPart("last heard", func() error { heard.run(noting); return nil }))
	stop, cancelStop := context.WithCancel(context.WithoutCancel(ctx))
	abort, cancelAbort := context.WithCancel(context.WithoutCancel(ctx))
	done := a.goPart("lanes", func() error { return a.lanes.Run(stop, abort) })
	a.life.onStop("lanes", func(ctx context.Context) error {
		defer cancelAbort()
		cancelStop()
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			cancelAbort()
			<-done
			return ctx.Err()
		}
	})

	ticking, cancelTicks := context.WithCancel(context.WithoutCancel(ctx))
	ticks := a.goPart("intake", func() error { return a.intake.Run(ticking) })
	a.life.onStop("intake", func(ctx context.Context) error {
		err := a.intake.Close(ctx)
		cancelTicks()
		<-ticks
		return err
	})
	return nil
}

// startSource lets messages in, last of all.
func (a *app) startSource(ctx context.Context) error {
	if a.settings.MQTT.Broker != "" {
		return a.startSubscriber(ctx)
	}
	cfg := broker.DefaultConfig()
	cfg.Address, cfg.RequireCredentials = a.settings.MQTT.Listen, a.settings.MQTT.RequireCredentials
	a.settings.Limits.broker(&cfg)
	cfg.PacketBytes = max(cfg.PacketBytes, a.settings.Ingest.MaxPayload+64<<10)
	cfg.TLSAddress = a.settings.MQTT.TLSListen
	var err error
	if cfg.TLS, err = a.settings.MQTT.tls(); err != nil {
		return err
	}
	if err := a.showCertificate("mqtt", cfg.TLS); err != nil {
		return err
	}
	b, err := broker.New(cfg, broker.Parts{
		Intake: a.intake, Topics: a.decoder, Authenticator: a.devices, Logger: a.log, Registerer: a.metrics,
	})
	if err != nil {
		return err
	}
	if err := b.Start(); err != nil {
		return err
	}
	a.decoder.OnUnknownAlias(a.askForBirth(ctx, func(ctx context.Context, r payload.Rebirth) error {
		return b.Publish(ctx, r.Tenant, r.Topic, r.Payload, 0, false)
	}))
	a.life.onStop("broker", func(ctx context.Context) error {
		return errors.Join(b.Drain(ctx), b.Close())
	})
	following, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a.onStopPart("credentials", cancel, a.goPart("credentials", func() error { a.devices.Run(following, b.Withdraw); return nil }))
	return nil
}

// startSubscriber takes messages from the external broker.
func (a *app) startSubscriber(ctx context.Context) error {
	cfg := subscriber.DefaultConfig()
	cfg.URL = a.settings.MQTT.Broker
	cfg.Username, cfg.Password = a.settings.MQTT.Username, a.settings.MQTT.Password
	s, err := subscriber.New(cfg, subscriber.Parts{Intake: a.intake, Topics: a.decoder, Logger: a.log, Registerer: a.metrics})
	if err != nil {
		return fmt.Errorf("mqtt.broker: %w", err)
	}
	a.decoder.OnUnknownAlias(a.askForBirth(ctx, func(ctx context.Context, r payload.Rebirth) error {
		return s.Publish(ctx, r.Topic, r.Payload)
	}))
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := a.goPart("subscriber", func() error { return s.Run(running) })
	a.onStopPart("subscriber", cancel, done)
	a.external = s
	return nil
}
