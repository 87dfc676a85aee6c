package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/catalog"
	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/ingest/journal"
	"github.com/presage-pdm/presage/ingest/payload"
	"github.com/presage-pdm/presage/internal/promseries"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/tickets/diagnosis"
	"github.com/presage-pdm/presage/tickets/dispatch"
	"github.com/presage-pdm/presage/tickets/workflow"
)

// house is the durable path of Presage as it is wired in path.go and desk.go, but for the clock: arrivals and ticks are given, so that
// days pass in seconds. It can be killed and opened again.
type house struct {
	t         testing.TB
	dir       string
	plans     *catalog.Plans
	directory *fleet.Directory
	counts    *detectors.Counts
	clock     atomic.Int64 // of the desk: arrival of the finding that it is told

	sql    *sqlstore.Store
	series *promseries.Store
	log    *journal.Log
	intake *ingest.Intake
	lanes  *ingest.Lanes
	ended  chan error // of the lanes
	stop   context.CancelFunc
	abort  context.CancelFunc
	open   bool
	wait   sync.WaitGroup // messages and ticks that are not durable yet
}

func newHouse(t testing.TB, inventory *fleet.Fleet, layer []byte) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), directory: fleet.NewDirectory()}
	h.directory.Replace(telemetry.DefaultTenant, inventory)
	l, err := catalog.Parse("simulation", layer)
	h.check(err)
	c, err := catalog.New(l)
	h.check(err)
	h.plans = catalog.NewPlans(c, func(tenant, id string) (model, kind string) {
		d, _ := h.directory.Device(tenant, id)
		m, _ := h.directory.Model(tenant, d.Model)
		return d.Model, m.Kind
	})
	h.start()
	h.check(h.sql.PutFleet(t.Context(), telemetry.DefaultTenant, inventory))
	t.Cleanup(func() {
		if h.open {
			h.kill()
		}
	})
	return h
}

func (h *house) check(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// start opens everything on what the folder holds.
func (h *house) start() {
	h.t.Helper()
	ctx := context.Background()
	var err error
	h.sql, err = sqlstore.Open(ctx, sqlstore.Config{Path: filepath.Join(h.dir, "presage.db")})
	h.check(err)
	h.series, err = promseries.Open(promseries.DefaultConfig(filepath.Join(h.dir, "series")))
	h.check(err)
	cfg := journal.DefaultConfig()
	cfg.Dir, cfg.Partitions = filepath.Join(h.dir, "journal"), 1
	h.log, err = journal.Open(cfg)
	h.check(err)
	decoder, err := payload.New(payload.DefaultConfig())
	h.check(err)
	h.intake, err = ingest.NewIntake(h.log, decoder, registry{h.directory, h.sql}, ingest.DefaultIntakeConfig())
	h.check(err)

	h.counts = &detectors.Counts{} // a new process counts from zero
	engine := detectors.DefaultConfig()
	engine.Counts = h.counts
	lanes := ingest.DefaultLanesConfig()
	lanes.Dir, lanes.Owner, lanes.CheckpointBytes = filepath.Join(h.dir, "lanes"), "test", 1<<20
	lanes.Registerer = prometheus.NewRegistry()
	h.lanes, err = ingest.NewLanes(ingest.Parts{
		Journal: h.log, Store: h.series, Records: h.sql, Reporter: punctual{h.desk(), &h.clock}, Leases: h.sql,
		Watch: func(int) ingest.Watcher { return detectors.NewEngine(engine, h.plans) },
	}, lanes)
	h.check(err)
	stop, stopNow := context.WithCancel(ctx)
	abort, abortNow := context.WithCancel(ctx)
	h.stop, h.abort, h.ended = stopNow, abortNow, make(chan error, 1)
	run, ended := h.lanes, h.ended
	go func() { ended <- run.Run(stop, abort) }() // ended by kill or finish
	h.open = true
}

func (h *house) desk() *tickets.Desk {
	h.t.Helper()
	flows, err := workflow.Bundled()
	h.check(err)
	library, err := workflow.NewLibrary(flows...)
	h.check(err)
	who := dispatch.DefaultConfig()
	who.Fleet = h.directory
	dispatcher, err := dispatch.New(who)
	h.check(err)
	wording, err := diagnosis.NewWording(h.plans)
	h.check(err)
	cfg := tickets.DefaultConfig()
	cfg.Store, cfg.Fleet, cfg.Log = h.sql, h.directory, slog.New(slog.DiscardHandler)
	cfg.Workflows, cfg.Dispatcher, cfg.Faults = library, dispatcher, wording
	cfg.Now = func() time.Time { return time.UnixMilli(h.clock.Load()) }
	desk, err := tickets.NewDesk(cfg)
	h.check(err)
	return desk
}

// punctual tells the desk of each finding at the moment of its arrival, so that what it writes down can be compared. There is
// one lane, hence one clock. How much later a finding is known on what had to wait is tested with the engine.
type punctual struct {
	desk  *tickets.Desk
	clock *atomic.Int64
}

// Report implements ingest.Reporter.
func (p punctual) Report(ctx context.Context, fence tickets.Fence, findings []detectors.Finding) error {
	for i := range findings {
		p.clock.Store(findings[i].Arrival)
		if err := p.desk.Report(ctx, fence, findings[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// live lets deliveries arrive, with a tick each second, from begin to end. Between from and to Presage does not run.
func (h *house) live(deliveries []delivery, begin, end, from, to int64) {
	h.t.Helper()
	next, killed := 0, false
	var entry []byte
	for tick := begin; tick <= end; tick += 1000 {
		if from <= tick && tick < to {
			if !killed {
				h.durable()
				h.kill()
				h.start()
				killed = true
			}
			continue
		}
		for ; next < len(deliveries) && deliveries[next].arrival <= tick; next++ {
			d := &deliveries[next]
			h.wait.Add(1)
			h.intake.Accept(h.t.Context(), ingest.Message{
				Tenant: telemetry.DefaultTenant, Client: d.device, Topic: d.topic, Payload: d.payload, Arrival: d.arrival,
			}, h.done)
		}
		h.wait.Add(1)
		entry = telemetry.AppendTick(entry[:0], tick)
		h.check(h.log.Append(h.t.Context(), 0, entry, h.done))
	}
	h.durable()
}

// done is called when a message or a tick is durable.
func (h *house) done(err error) {
	if err != nil {
		h.t.Errorf("not durable: %v", err)
	}
	h.wait.Done()
}

func (h *house) durable() { h.wait.Wait() }

// kill ends everything without a last checkpoint.
func (h *house) kill() {
	h.abort()
	h.stop()
	<-h.ended
	h.close()
}

// finish lets the lanes deal with everything and ends them.
func (h *house) finish() {
	h.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !h.dealtWith() {
		if time.Now().After(deadline) {
			h.t.Fatalf("the lanes are not through: %+v", h.lanes.Status())
		}
		time.Sleep(2 * time.Millisecond)
	}
	h.stop()
	h.check(<-h.ended) // the queue of the desk is emptied first
	h.abort()
}

func (h *house) dealtWith() bool {
	for _, s := range h.lanes.Status() {
		if end := h.log.End(s.Partition); s.Store.Position < end || s.Detect.Position < end {
			return false
		}
	}
	return true
}

func (h *house) close() {
	h.check(h.log.Close())
	h.check(h.series.Close())
	h.check(h.sql.Close())
	h.open = false
}

// outcome is what a run left behind.
type outcome struct {
	tickets  []tickets.Ticket
	loud     map[string][]time.Time // by ticket, when somebody was paged
	readings map[series.Key]int
}

// outcome ends the house and returns what it holds.
func (h *house) outcome(begin, end int64) outcome {
	h.t.Helper()
	h.finish()
	ctx := h.t.Context()
	o := outcome{loud: map[string][]time.Time{}, readings: map[series.Key]int{}}
	f := tickets.Filter{Sort: "opened", Limit: 500}
	for {
		page, err := h.sql.List(ctx, telemetry.DefaultTenant, f)
		h.check(err)
		o.tickets = append(o.tickets, page.Tickets...)
		if f.Cursor = page.Next; f.Cursor == "" {
			break
		}
	}
	for {
		events, err := h.sql.ClaimEvents(ctx, "test", time.Now(), time.Hour, 1000)
		h.check(err)
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			if !e.Quiet {
				o.loud[e.Ticket.ID] = append(o.loud[e.Ticket.ID], e.At)
			}
		}
	}
	for d := range h.directory.Devices(telemetry.DefaultTenant) {
		last, err := h.series.Last(ctx, telemetry.DefaultTenant, d.ID)
		h.check(err)
		for metric := range last {
			key := series.Key{Tenant: telemetry.DefaultTenant, Device: d.ID, Metric: metric}
			points, err := h.series.Raw(ctx, key, series.Range{From: time.UnixMilli(begin - hour), To: time.UnixMilli(end + hour)}, 1<<20)
			h.check(err)
			o.readings[key] = len(points)
		}
	}
	h.close()
	slices.SortFunc(o.tickets, func(a, b tickets.Ticket) int { return a.OnsetAt.Compare(b.OnsetAt) })
	return o
}
