package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/net/netutil"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/web"
	"github.com/presage-pdm/presage/web/password"
	"github.com/presage-pdm/presage/web/ui"
)

// startWeb opens API and pages.
func (a *app) startWeb(ctx context.Context) error {
	diagnoser, err := a.diagnoser()
	if err != nil {
		return err
	}
	hasher, err := password.New(password.DefaultParams())
	if err != nil {
		return err
	}
	cfg := web.DefaultConfig()
	cfg.Tickets, cfg.Desk, cfg.Diagnoses, cfg.Bands, cfg.Series = a.sql, a.desk, diagnoser, a.bands, a.series
	cfg.Wording, cfg.Workflows = a.wording, a.workflows
	cfg.Devices, cfg.Directory = a.sql, a.directory
	cfg.Users, cfg.Sessions, cfg.Tokens, cfg.Passwords, cfg.DeviceCredentials = a.sql, a.sql, a.sql, hasher, a.sql
	cfg.Failures = a.sql
	cfg.Maintenance = announced{a.sql, a.directory}
	cfg.Quarantine = quarantine{a.sql, a.intake}
	cfg.Deliveries, cfg.Catalog, cfg.Detectors = a.sql, a.watching, a.accounting()
	cfg.Scoreboard, cfg.Hub = a.scoreboard, a.hub
	cfg.About, cfg.Ready = a.about, a.unready
	cfg.Assets = ui.Assets()
	if a.promQL != nil {
		cfg.PromQL = a.promQL.Handler(telemetry.DefaultTenant)
	}
	a.settings.Limits.web(&cfg)
	cfg.Metrics, cfg.Registerer, cfg.Log = a.metrics, a.metrics, a.log
	cfg.Version, cfg.PublicURL = version, a.settings.publicURL()
	if cfg.SetupToken, err = a.setupToken(ctx); err != nil {
		return err
	}
	server, err := web.New(cfg)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", a.settings.HTTP.Listen)
	if err != nil {
		return fmt.Errorf("open pages and API: %w; choose another address with --http", err)
	}
	listener = netutil.LimitListener(listener, a.settings.Limits.HTTPConnections) // more wait in the operating system's queue
	if a.settings.HTTP.TLSCertificate != "" {
		certificate, err := tls.LoadX509KeyPair(a.settings.HTTP.TLSCertificate, a.settings.HTTP.TLSKey)
		if err != nil {
			listener.Close()
			return fmt.Errorf("http.tls_certificate: %w", err)
		}
		secure := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
		if err := a.showCertificate("http", secure); err != nil {
			listener.Close()
			return err
		}
		listener = tls.NewListener(listener, secure)
	}
	serving := server.HTTPServer()
	done := a.goPart("web", func() error {
		if err := serving.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	keeping, cancel := context.WithCancel(context.WithoutCancel(ctx))
	kept := a.goPart("sessions", func() error { server.Housekeep(keeping); return nil })
	refreshed := a.goPart("fleet", func() error { return a.refreshFleet(keeping) })
	dispatched := a.goPart("dispatch", func() error { return a.dispatchPending(keeping) })
	ended := a.goPart("maintenance", func() error { return a.lookAgain(keeping) })
	reviewed := a.goPart("review", func() error { return a.accounting().run(keeping) })
	swept := a.goPart("housekeeping", func() error { return a.keepHouse(keeping) })
	lookedOut := a.goPart("lookout", func() error { return a.lookOut(keeping) })
	a.life.onStop("web", func(ctx context.Context) error {
		cancel()
		server.Close()
		err := serving.Shutdown(ctx)
		if err != nil {
			err = errors.Join(err, serving.Close())
		}
		<-done
		<-kept
		<-refreshed
		<-dispatched
		<-ended
		<-reviewed
		<-swept
		<-lookedOut
		return err
	})
	return nil
}

// setupToken is the secret of the link that makes the first admin; empty when
// there are users.
func (a *app) setupToken(ctx context.Context) (string, error) {
	users, err := a.sql.Users(ctx, telemetry.DefaultTenant)
	if err != nil {
		return "", fmt.Errorf("read the users: %w", err)
	}
	if len(users) > 0 {
		return "", nil
	}
	secret := access.NewSecret()
	a.setupLink = a.settings.publicURL() + "/setup?token=" + secret
	return secret, nil
}

// about tells how the server is doing.
func (a *app) about(ctx context.Context) (web.About, error) {
	if !a.up.Load() {
		return web.About{}, fmt.Errorf("presage is starting: %w", tickets.ErrUnavailable)
	}
	about := web.About{
		Version: version, Started: a.started,
		Database: a.sql.Engine() + " " + a.settings.databaseName(),
		Series:   "embedded " + a.settings.path("series"),
		Broker:   "embedded " + a.settings.MQTT.Listen,
		DataDir:  a.settings.Data, DataBytes: a.dataBytes(),
		Devices: a.directory.Count(telemetry.DefaultTenant),
	}
	a.room().tell(&about)
	if a.settings.Series.URL != "" {
		about.Series = "InfluxDB " + redactURL(a.settings.Series.URL)
	}
	if a.settings.MQTT.Broker != "" {
		about.Broker = "external " + redactURL(a.settings.MQTT.Broker)
	}
	if !a.up.Load() {
		return about, nil // the lanes are not there yet
	}
	for _, lane := range a.lanes.Status() {
		about.Lanes = append(about.Lanes, web.AboutLane{
			Partition: lane.Partition, DetectLagS: lane.Detect.LagSeconds, StoreLagS: lane.Store.LagSeconds,
			Position: strconv.FormatUint(uint64(lane.Detect.Position), 10),
		})
	}
	about.OldestUnprocessedS = a.behind()
	open := true
	page, err := a.sql.List(ctx, telemetry.DefaultTenant, tickets.Filter{Open: &open, Limit: 1})
	if err != nil {
		return about, err
	}
	about.TicketsOpen = page.Total
	return about, nil
}

// behind is the age of the oldest reading that is not yet stored or not yet judged, in seconds.
func (a *app) behind() float64 {
	oldest := 0.0
	for _, lane := range a.lanes.Status() {
		oldest = max(oldest, lane.Detect.LagSeconds, lane.Store.LagSeconds)
	}
	return oldest
}

// unready tells what keeps Presage from being ready.
func (a *app) unready(ctx context.Context) []web.Unready {
	var problems []web.Unready
	check := func(name string, err error) {
		if err != nil {
			problems = append(problems, web.Unready{Check: name, Detail: err.Error()})
		}
	}
	if !a.up.Load() {
		return []web.Unready{{Check: "start", Detail: "Presage is starting."}}
	}
	check("journal", a.journal.Err())
	problems = append(problems, a.room().problems()...)
	check("lanes", a.lanes.Ready(ctx))
	if a.external != nil {
		check("broker", a.external.Ready())
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	check("database", a.sql.Ping(ctx))
	return problems
}

// quarantine keeps what could not be read, and tries it again.
type quarantine struct {
	*sqlstore.Store
	intake *ingest.Intake
}

// Retry implements web.Quarantine.
func (q quarantine) Retry(ctx context.Context, tenant, id string) error {
	entry, err := q.QuarantinedByID(ctx, tenant, id)
	if err != nil {
		return err
	}
	var refused *ingest.RejectError
	switch err := q.intake.Retry(ctx, entry.Rejected); {
	case errors.As(err, &refused):
		return &web.RejectedError{Reason: refused.Reason, Detail: refused.Detail}
	case err != nil:
		return err
	}
	return q.DeleteQuarantined(ctx, tenant, id)
}
