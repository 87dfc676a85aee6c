package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/ingest/broker/identity"
	"github.com/presage-pdm/presage/ingest/journal"
	"github.com/presage-pdm/presage/ingest/payload"
	"github.com/presage-pdm/presage/ingest/subscriber"
	"github.com/presage-pdm/presage/internal/promseries"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/tickets/diagnosis"
	"github.com/presage-pdm/presage/tickets/workflow"
	"github.com/presage-pdm/presage/web"
)

// app is a running Presage: every part, in the order in which it was started.
type app struct {
	settings Settings
	log      *slog.Logger
	started  time.Time
	life     lifecycle
	metrics  *prometheus.Registry
	tasks    tasks
	lookout  *lookout
	// certificates tells when those of the listeners end.
	certificates *prometheus.GaugeVec

	sql       *sqlstore.Store
	series    series.Store
	promQL    *promseries.Store // nil when readings are elsewhere
	directory *fleet.Directory
	watching  *watching
	desk      *tickets.Desk
	workflows *workflow.Library
	wording   *diagnosis.Wording
	bands     *diagnosis.Replay
	hub       *web.Hub
	journal   *journal.Log
	decoder   *payload.Decoder
	intake    *ingest.Intake
	devices   *identity.Authenticator // nil with an external broker
	lanes     *ingest.Lanes
	// external is the subscriber of an external broker; nil with the embedded one.
	external  *subscriber.Subscriber
	setupLink string
	// up is set once every part runs.
	up atomic.Bool

	// scoreboard is the demonstration's; nil otherwise.
	scoreboard web.Scoreboard

	// failed carries why a part ended by itself; one place, the first reason counts.
	failed chan error
	parts  sync.WaitGroup
}

// appOptions are what a command adds to the settings.
type appOptions struct {
	// layers are catalogue files that come with the command, by name, below the operator's.
	layers map[string][]byte
	// prepare runs once the stores are open and before anything is taken in.
	prepare func(ctx context.Context, a *app) error
}

// startApp starts every part. On failure it stops what it had started.
func startApp(ctx context.Context, s Settings, log *slog.Logger, options appOptions) (_ *app, err error) {
	a := &app{settings: s, log: log, started: time.Now().UTC(), metrics: newRegistry(), failed: make(chan error, 1)}
	a.life.log = log
	defer func() {
		if err != nil {
			patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownPatience)
			defer cancel()
			err = errors.Join(err, a.stop(patience))
		}
	}()
	a.tasks, a.lookout, a.certificates = newTasks(a.metrics), newLookout(a.metrics, s.Webhooks), newCertificateMetric(a.metrics)
	for _, start := range []func(context.Context) error{
		func(context.Context) error {
			files, err := openFiles()
			if err != nil {
				return err
			}
			return a.settings.Limits.fitFiles(files, log)
		},
		a.lockData,
		a.openStores,
		func(context.Context) error { return a.openCatalog(options.layers) },
		func(ctx context.Context) error { return a.accounting().follow(ctx) },
		func(ctx context.Context) error {
			if options.prepare == nil {
				return nil
			}
			return options.prepare(ctx, a)
		},
		a.openDesk,
		a.startRelay,
		a.openIntake,
		a.openIdentity,
		a.startWeb,
		a.startLanes,
		a.syncData,
		a.startSource,
	} {
		if err := start(ctx); err != nil {
			return nil, err
		}
	}
	a.up.Store(true)
	return a, nil
}

// lockData makes sure that no other process uses the data folder's journal and series.
func (a *app) lockData(context.Context) error {
	if err := a.settings.makeDataFolder(); err != nil {
		return err
	}
	unlock, err := lockFile(a.settings.path("lock"))
	if err != nil {
		return fmt.Errorf("the data folder %s is in use by another presage: %w", a.settings.Data, err)
	}
	a.life.onStop("lock", func(context.Context) error { return unlock() })
	return nil
}

// syncData makes the names of what was opened in the data folder durable, before anything is acknowledged. Each
// part does the same for the names below its own.
func (a *app) syncData(context.Context) error {
	if err := syncFolder(a.settings.Data); err != nil {
		return fmt.Errorf("sync the data folder: %w", err)
	}
	return nil
}

func (a *app) openStores(ctx context.Context) error {
	var err error
	if a.sql, err = openSQL(ctx, a.settings, a.metrics, a.log); err != nil {
		return err
	}
	a.life.onStop("database", func(context.Context) error { return a.sql.Close() })
	if a.series, a.promQL, err = openSeries(ctx, a.settings, a.metrics, a.log); err != nil {
		return err
	}
	a.life.onStop("series store", func(context.Context) error { return a.series.Close() })
	a.directory = fleet.NewDirectory()
	if err := a.sql.LoadDirectory(ctx, a.directory); err != nil {
		return fmt.Errorf("read the fleet: %w", err)
	}
	a.showRoom()
	return nil
}

// goPart runs a part until ctx ends. A part that ends before takes the app down.
func (a *app) goPart(name string, run func() error) (done <-chan struct{}) {
	ended := make(chan struct{})
	a.parts.Go(func() { // owned by the app: stop waits for it
		defer close(ended)
		if err := run(); err != nil {
			select {
			case a.failed <- fmt.Errorf("%s: %w", name, err):
			default:
			}
		}
	})
	return ended
}

// onStopPart cancels a part and waits for it, or gives it up when patience ends.
func (a *app) onStopPart(name string, cancel context.CancelFunc, done <-chan struct{}) {
	a.life.onStop(name, func(ctx context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// shutdownPatience is how long a shutdown drains before it gives up what is
// left; nothing acknowledged is lost by that.
const shutdownPatience = 30 * time.Second

// wait returns when ctx ends, or with the reason why a part ended by itself.
func (a *app) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-a.failed:
		return err
	}
}

// stop stops every part, the newest first.
func (a *app) stop(ctx context.Context) error {
	err := a.life.stop(ctx)
	if ctx.Err() == nil {
		a.parts.Wait()
	}
	return err
}

// runApp starts the app, tells it apart from other output, and serves until
// ctx ends; a second interrupt, or patience running out, abandons the draining.
func runApp(ctx context.Context, s Settings, std streams, options appOptions, serving func(ctx context.Context, a *app) error) error {
	log := newLogger(s.Log, std.err)
	// From now on, so that one that comes during the start ends nothing; one is enough, as all mean the same.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	a, err := startApp(ctx, s, log, options)
	if err != nil {
		return err
	}
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	a.reloadOnHangup(running, hangup)
	err = serving(running, a)
	cancel()
	log.Info("stopping: what is in flight is made durable first; interrupt again to stop at once")
	patience, giveUp := context.WithTimeout(context.WithoutCancel(ctx), shutdownPatience)
	defer giveUp()
	patience, ignore := interruptible(patience)
	defer ignore()
	if stopErr := a.stop(patience); stopErr != nil {
		err = errors.Join(err, stopErr)
	}
	return err
}

// dataBytes is how much the data folder holds.
func (a *app) dataBytes() int64 { return folderSize(os.DirFS(a.settings.Data)) }
