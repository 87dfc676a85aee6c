package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/internal/simulation"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/web"
)

type demoCommand struct {
	serveFlags
	Vehicles int    `help:"Simulated vehicles." default:"200"`
	TVs      int    `name:"tvs" help:"Simulated TVs." default:"100"`
	Machines int    `help:"Simulated factory machines." default:"50"`
	Seed     uint64 `help:"Another seed breaks other devices." default:"1"`
}

// demoPassword lets people into the demonstration, which answers on this machine only.
const demoPassword = "presage-demo"

// Run serves with a simulated fleet until the process is told to stop.
func (c demoCommand) Run(ctx context.Context, std streams) error {
	if c.Data == "" && c.Config == "" {
		c.Data = "./demo-data"
	}
	s, err := c.load(std)
	if err != nil {
		return err
	}
	if !loopback(s.HTTP.Listen) {
		return fmt.Errorf("the demonstration has a password that everybody knows: serve it on 127.0.0.1, not on %s", s.HTTP.Listen)
	}
	cfg := simulation.DefaultConfig()
	cfg.Seed, cfg.Vehicles, cfg.TVs, cfg.Machines = c.Seed, c.Vehicles, c.TVs, c.Machines
	simulated, err := simulation.New(cfg)
	if err != nil {
		return err
	}
	d := &demo{fleet: simulated, out: std.out}
	options := appOptions{layers: map[string][]byte{"demo.yaml": simulation.Catalog()}, prepare: d.prepare}
	return runApp(ctx, s, std, options, d.serve)
}

// demo is a running demonstration.
type demo struct {
	fleet *simulation.Fleet
	out   io.Writer
	app   *app
	// again is set when the data folder holds a demonstration already. Only what
	// happens from since on is then judged: the truth of the run before is gone with it.
	again bool
	since time.Time
}

// prepare registers the fleet, and accounts for people to look at it with.
func (d *demo) prepare(ctx context.Context, a *app) error {
	d.app, a.scoreboard = a, d
	inventory := d.fleet.Inventory()
	d.since = time.Now()
	_, d.again = a.directory.Device(telemetry.DefaultTenant, inventory.Devices[0].ID)
	if err := a.sql.PutFleet(ctx, telemetry.DefaultTenant, inventory); err != nil {
		return fmt.Errorf("register the simulated fleet: %w", err)
	}
	if err := a.sql.LoadDirectory(ctx, a.directory); err != nil {
		return fmt.Errorf("read the fleet: %w", err)
	}
	accounts := []access.User{
		{Name: "admin", Display: "Ada (admin)", Role: access.Admin},
		{Name: "dispatcher", Display: "Dana (dispatcher)", Role: access.Dispatcher},
		{Name: "planner", Display: "Pia (planner)", Role: access.Planner},
		{Name: "viewer", Display: "Vic (viewer)", Role: access.Viewer},
	}
	for _, t := range inventory.Technicians {
		u := access.User{Name: t.ID, Display: t.Name, Role: access.Technician, Technician: t.ID}
		if len(t.Languages) > 0 {
			u.Language = t.Languages[0]
		}
		accounts = append(accounts, u)
	}
	hash, err := hashPassword(demoPassword) // once: all have the same, and it takes its time
	if err != nil {
		return err
	}
	for _, u := range accounts {
		u.PasswordHash = hash
		if err := addUser(ctx, a.sql, u); err != nil && !errors.Is(err, tickets.ErrConflict) {
			return err
		}
	}
	return nil
}

// historyLength is how much past the demonstration begins with.
const historyLength = 14 * 24 * time.Hour

// serve publishes the history, then goes on in real time.
func (d *demo) serve(ctx context.Context, a *app) error {
	a.announce(d.out)
	fmt.Fprintf(d.out, "Sign in as dispatcher, planner, viewer, admin, or a technician such as %s; the password is %s.\n\n",
		d.fleet.Inventory().Technicians[0].ID, demoPassword)
	broker := a.settings.MQTT.Broker
	if broker == "" {
		broker = "mqtt://" + a.settings.MQTT.Listen
		if a.settings.MQTT.Username != "" {
			broker = "mqtt://" + a.settings.MQTT.Username + ":" + a.settings.MQTT.Password + "@" + a.settings.MQTT.Listen
		}
	}
	cfg := simulation.DefaultPublisherConfig(broker)
	cfg.Logger = a.log
	publisher, err := simulation.Connect(ctx, d.fleet, cfg)
	if err != nil {
		return ended(ctx, err)
	}
	err = d.publish(ctx, publisher)
	closeErr := publisher.Close()
	d.sum()
	return errors.Join(ended(ctx, err), ended(ctx, closeErr))
}

// ended forgets the error of work that was told to stop.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (d *demo) publish(ctx context.Context, publisher *simulation.Publisher) error {
	backfill := simulation.DefaultBackfill(time.Now())
	backfill.From = backfill.To.Add(-historyLength)
	if d.again {
		// The history is stored; the simulation still has to live through it to go on from there.
		for range d.fleet.History(backfill.From, backfill.To, backfill.Step, backfill.Chunk) {
			if ctx.Err() != nil {
				return nil
			}
		}
	} else if err := d.backfill(ctx, publisher, backfill); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "%d devices publish in real time now; the first fault is seconds away.\n\n", d.fleet.Devices())
	reporting, cancel := context.WithCancel(ctx)
	reported := d.app.goPart("scoreboard", func() error { d.report(reporting); return nil })
	defer func() {
		cancel()
		<-reported
	}()
	live := make(chan error, 1)
	go func() { live <- publisher.Live(reporting) }() // ends with reporting, which publish cancels and awaits below
	select {
	case err := <-live:
		return err
	case err := <-d.app.failed:
		cancel()
		return errors.Join(err, <-live)
	}
}

// backfill publishes two weeks of the past through the same path as everything else.
func (d *demo) backfill(ctx context.Context, publisher *simulation.Publisher, cfg simulation.BackfillConfig) error {
	began := time.Now()
	var bar *progressbar.ProgressBar
	cfg.Progress = func(done, total int) {
		if bar == nil {
			bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(d.out), progressbar.OptionSetDescription("two weeks of history"),
				progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
		}
		_ = bar.Set(done)
	}
	if err := publisher.Backfill(ctx, cfg); err != nil {
		return fmt.Errorf("publish the history: %w", err)
	}
	if bar != nil {
		_ = bar.Finish()
	}
	published := time.Since(began)
	for d.app.behind() > 0 {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(100 * time.Millisecond):
		}
	}
	fmt.Fprintf(d.out, "Two weeks of history published in %s, stored and judged in %s.\n",
		published.Round(100*time.Millisecond), time.Since(began).Round(100*time.Millisecond))
	return nil
}

// report prints what is declared and what is found, as it happens.
func (d *demo) report(ctx context.Context) {
	declared, ticketed := map[string]bool{}, map[string]bool{}
	for _, f := range d.fleet.Faults() {
		if f.Past {
			declared[f.ID], ticketed[f.ID] = true, true
		}
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		score, err := d.Scoreboard(ctx, telemetry.DefaultTenant)
		if err != nil {
			if ctx.Err() == nil {
				d.app.log.Warn("scoreboard not updated", "err", err)
			}
			continue
		}
		for i := len(score.Faults) - 1; i >= 0; i-- {
			f := score.Faults[i]
			if !declared[f.ID] {
				declared[f.ID] = true
				fmt.Fprintf(d.out, "%s  fault   %-22s %s, customer would call at %s\n", clock(f.InjectedAt), f.Device, f.Title.In("en"), clock(f.ExpectedCallAt))
			}
			if f.Ticket != "" && !ticketed[f.ID] {
				ticketed[f.ID] = true
				fmt.Fprintf(d.out, "%s  ticket  %-22s %s, %.0f s before the call   %d of %d faults ticketed, %d false tickets\n",
					clock(f.TicketedAt), f.Device, f.TicketNumber, *f.LeadS, score.Ticketed, score.Injected, score.FalseTickets)
			}
		}
	}
}

func clock(t time.Time) string { return t.Local().Format("15:04:05") }

// sum prints the scoreboard once more at the end.
func (d *demo) sum() {
	score, err := d.Scoreboard(context.Background(), telemetry.DefaultTenant)
	if err != nil {
		return
	}
	fmt.Fprintf(d.out, "\nfaults declared %d, ticketed %d, false tickets %d", score.Injected, score.Ticketed, score.FalseTickets)
	if score.MedianLeadS != nil {
		fmt.Fprintf(d.out, ", median lead %s before the customer would call", time.Duration(*score.MedianLeadS*float64(time.Second)).Round(time.Second))
	}
	fmt.Fprintln(d.out)
}

// Scoreboard implements web.Scoreboard: declared faults against tickets.
func (d *demo) Scoreboard(ctx context.Context, tenant string) (web.Score, error) {
	all, err := d.tickets(ctx, d.app.sql, tenant)
	if err != nil {
		return web.Score{}, err
	}
	faults := d.fleet.Faults()
	if d.again {
		faults = slices.DeleteFunc(faults, func(f simulation.Fault) bool { return f.Past })
		all = slices.DeleteFunc(all, func(t simulation.Ticket) bool { return t.OpenedAt.Before(d.since) })
	}
	judged := simulation.Judge(faults, all)
	score := web.Score{
		Injected: judged.Injected, Ticketed: judged.Ticketed, FalseTickets: judged.FalseTickets, MedianLeadS: judged.MedianLeadS,
	}
	for _, f := range judged.Faults {
		score.Faults = append(score.Faults, webFault(f))
	}
	for _, kind := range simulation.Kinds() {
		score.Kinds = append(score.Kinds, web.DemoKind{Kind: string(kind), Title: kind.Title()})
	}
	return score, nil
}

// tickets reads what the scoreboard judges. A ticket that was reopened counts
// once more at each reopening, and one that the run before left open at each
// return of its fault.
func (d *demo) tickets(ctx context.Context, store *sqlstore.Store, tenant string) ([]simulation.Ticket, error) {
	var all []simulation.Ticket
	filter := tickets.Filter{Sort: "opened", Limit: 500}
	for {
		page, err := store.List(ctx, tenant, filter)
		if err != nil {
			return nil, fmt.Errorf("read tickets for the scoreboard: %w", err)
		}
		for _, t := range page.Tickets {
			judged := simulation.Ticket{
				ID: t.ID, Number: t.Number, Device: t.Device, Component: t.Component, FaultCode: t.FaultCode, OpenedAt: t.OpenedAt,
			}
			all = append(all, judged)
			left := d.again && t.OpenedAt.Before(d.since) && t.Occurrences > 1
			if t.Reopened == 0 && !left {
				continue
			}
			history, err := store.History(ctx, tenant, t.ID)
			if err != nil {
				return nil, fmt.Errorf("read the history of ticket %s for the scoreboard: %w", t.Number, err)
			}
			for _, e := range history {
				if e.Kind == "reopened" || left && e.Kind == "evidence" {
					judged.OpenedAt = e.At
					all = append(all, judged)
				}
			}
		}
		if page.Next == "" {
			return all, nil
		}
		filter.Cursor = page.Next
	}
}

// Inject implements web.Scoreboard.
func (d *demo) Inject(_ context.Context, _, kind string) (web.DemoFault, error) {
	f, err := d.fleet.Inject(simulation.Kind(kind), time.Now())
	switch {
	case errors.Is(err, simulation.ErrUnknownKind):
		return web.DemoFault{}, fmt.Errorf("%w: %w", tickets.ErrNotFound, err)
	case errors.Is(err, simulation.ErrNoDevice):
		return web.DemoFault{}, fmt.Errorf("%w: %w", tickets.ErrConflict, err)
	case err != nil:
		return web.DemoFault{}, err
	}
	return webFault(simulation.FaultScore{Fault: f}), nil
}

func webFault(f simulation.FaultScore) web.DemoFault {
	return web.DemoFault{
		ID: f.ID, Kind: string(f.Kind), Device: f.Device, Model: f.Model, Component: f.Component, FaultCode: f.FaultCode, Title: f.Title,
		InjectedAt: f.InjectedAt, ExpectedCallAt: f.ExpectedCallAt,
		Ticket: f.Ticket, TicketNumber: f.TicketNumber, TicketedAt: f.TicketedAt, LeadS: f.LeadS, Caught: f.Caught,
	}
}
