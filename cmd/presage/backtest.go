package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/catalog"
	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/internal/backtest"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/tickets/quality"
)

type backtestCommand struct {
	settingsFlags
	From      string   `help:"Start of the span: RFC 3339, a date (UTC), or how long ago, such as 90d." required:"" placeholder:"TIME"`
	To        string   `help:"End of the span, which is not part of it." default:"now" placeholder:"TIME"`
	Devices   []string `help:"Only devices whose id matches one of these globs." placeholder:"PATTERN,..."`
	Detectors []string `help:"Catalogue files on top of the built-in catalogue; those of the settings without it." type:"existingfile" placeholder:"FILE,..."`
	Against   []string `help:"Compare with these catalogue files; \"settings\" means those in force." placeholder:"FILE,..."`
	Level     float64  `help:"Level of the statistical tier to try on all devices, 0.5 to 2; what it is compared with has 1." default:"1" placeholder:"LEVEL"`
	Horizon   string   `help:"How long before a failure a ticket counts as its warning." default:"30d" placeholder:"DURATION"`
	WarmUp    string   `help:"How long before the span the detectors begin to learn; what opens then does not count; they begin with the span without it." placeholder:"DURATION"`
	Series    string   `help:"Read the readings from this InfluxDB instead, such as http://host:8086." placeholder:"URL"`
	URL       string   `name:"url" help:"Read the history of this running server over its API instead of a data folder; with --token." placeholder:"URL"`
	Token     string   `help:"API token for --url, of a dispatcher, a planner or an administrator; see presage token create." env:"PRESAGE_TOKEN" placeholder:"TOKEN"`
	JSON      bool     `name:"json" help:"Write the whole report as JSON."`
}

// Run replays the span and prints what would have opened. It runs beside a server or on the folder of a stopped one, and changes neither.
func (c backtestCommand) Run(ctx context.Context, std streams) error {
	s, err := c.load(std, map[string]any{"series.url": c.Series})
	if err != nil {
		return err
	}
	log := newLogger(s.Log, std.err)
	cfg := backtest.DefaultConfig()
	cfg.Engine.FalseTickets = s.Detection.budget()
	known := backtest.Labels{}
	if err := c.span(&cfg, &known, time.Now()); err != nil {
		return err
	}
	var from history
	if c.URL != "" {
		from, err = newRemoteHistory(c.URL, c.Token)
	} else {
		from, err = openStored(ctx, s, log)
	}
	if err != nil {
		return err
	}
	err = c.run(ctx, std, s, cfg, known, from)
	return errors.Join(err, from.Close())
}

// history is what a backtest reads, as stored or over the API of a server.
type history interface {
	backtest.Readings
	backtest.Records
	// LoadDirectory reads the devices and their models.
	LoadDirectory(ctx context.Context, d *fleet.Directory) error
	// failures returns those in a span, closed the closed tickets that were opened in one.
	failures(ctx context.Context, from, to time.Time) ([]quality.Failure, error)
	closed(ctx context.Context, from, to time.Time) ([]tickets.Ticket, error)
	Close() error
}

func (c backtestCommand) run(ctx context.Context, std streams, s Settings, cfg backtest.Config, known backtest.Labels, from history) error {
	directory := fleet.NewDirectory()
	if err := from.LoadDirectory(ctx, directory); err != nil {
		return fmt.Errorf("read the fleet: %w", err)
	}
	devices, err := matching(directory, c.Devices)
	if err != nil {
		return err
	}
	files, plans, err := c.catalogues(s, directory)
	if err != nil {
		return err
	}
	if known.Failures, err = from.failures(ctx, cfg.From, cfg.To); err != nil {
		return fmt.Errorf("read failures: %w", err)
	}
	closed, err := from.closed(ctx, cfg.From.Add(-mostAhead), cfg.To.Add(mostDelay))
	if err != nil {
		return fmt.Errorf("read closed tickets: %w", err)
	}
	known.Closings = quality.Closings(closed)

	bar := benchProgress(std.err, int64(len(devices)), "backtest")
	cfg.Readings, cfg.Records, cfg.Done = from, from, func(string) { _ = bar.Add(1) }
	begun := time.Now()
	results, history, err := backtest.Run(ctx, cfg, devices, plans...)
	_ = bar.Finish()
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case err != nil:
		return err
	case history.WithHistory == 0:
		return fmt.Errorf("nothing is stored of %d devices between %s and %s: choose another span, or another data folder", len(devices),
			cfg.From.Add(-cfg.WarmUp).UTC().Format(time.RFC3339), cfg.To.UTC().Format(time.RFC3339))
	}
	report, err := backtest.NewReport(&cfg, devices, history, results, known)
	if err != nil {
		return err
	}
	report.Seconds = time.Since(begun).Seconds()
	report.Catalogue.Files = files[0]
	if report.Against != nil {
		report.Against.Files = files[1]
	}
	if !c.JSON {
		return report.Write(std.out)
	}
	out := json.NewEncoder(std.out)
	out.SetIndent("", "  ")
	return out.Encode(report)
}

// Between the onset and the opening of a ticket: the clock of a device may be ahead, and some faults take long to be found.
const (
	mostAhead = 24 * time.Hour
	mostDelay = 30 * 24 * time.Hour
)

// span reads the times.
func (c backtestCommand) span(cfg *backtest.Config, known *backtest.Labels, now time.Time) error {
	var errs []error
	moment := func(flag, text string) time.Time {
		t, err := parseMoment(text, now)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", flag, err))
		}
		return t
	}
	duration := func(flag, text string) time.Duration {
		if text == "" {
			return 0
		}
		d, err := catalog.ParseDuration(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", flag, err))
		}
		return d
	}
	cfg.From, cfg.To = moment("--from", c.From), moment("--to", c.To)
	known.Horizon, cfg.WarmUp = duration("--horizon", c.Horizon), duration("--warm-up", c.WarmUp)
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if !cfg.From.Before(cfg.To) {
		return fmt.Errorf("--from is %s and --to is %s: the end must be after the start", cfg.From.UTC().Format(time.RFC3339), cfg.To.UTC().Format(time.RFC3339))
	}
	if !(c.Level >= quality.MinLevel && c.Level <= quality.MaxLevel) {
		return fmt.Errorf("--level %v is not within %v and %v", c.Level, quality.MinLevel, quality.MaxLevel)
	}
	if known.Horizon <= 0 {
		return errors.New("--horizon must be longer than nothing")
	}
	return nil
}

// parseMoment reads "now", how long ago something was, or a time.
func parseMoment(text string, now time.Time) (time.Time, error) {
	if text == "now" {
		return now, nil
	}
	if ago, err := catalog.ParseDuration(text); err == nil {
		return now.Add(-ago), nil
	}
	t, err := quality.ParseTime(text)
	if err != nil {
		return t, fmt.Errorf("%w, or how long ago, such as 90d", err)
	}
	return t, nil
}

// matching returns the devices whose id matches a pattern, in order; all without a pattern. Every pattern must match something.
func matching(directory *fleet.Directory, patterns []string) ([]string, error) {
	var found []string
	used := make([]bool, len(patterns))
	for d := range directory.Devices(telemetry.DefaultTenant) {
		take := len(patterns) == 0
		for i, p := range patterns {
			ok, err := path.Match(p, d.ID)
			if err != nil {
				return nil, fmt.Errorf("--devices: %q is no pattern: use *, ? and [...]", p)
			}
			if ok {
				take, used[i] = true, true
			}
		}
		if take {
			found = append(found, d.ID)
		}
	}
	for i, p := range patterns {
		if !used[i] {
			return nil, fmt.Errorf("--devices: no device matches %q: see the list of devices, or quote the pattern in the shell", p)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("there are no devices in this database: name the data folder with --data, or the database with --database")
	}
	slices.Sort(found)
	return found, nil
}

// catalogues reads the catalogue that is tested and the one it is compared with, if any.
func (c backtestCommand) catalogues(s Settings, directory *fleet.Directory) (files [][]string, plans []detectors.Plans, err error) {
	files = [][]string{s.Catalog}
	if len(c.Detectors) > 0 {
		files[0] = c.Detectors
	}
	switch {
	case len(c.Against) == 1 && c.Against[0] == "settings":
		files = append(files, s.Catalog)
	case len(c.Against) > 0:
		files = append(files, c.Against)
	}
	for i := range files {
		loaded, err := catalog.Load(files[i]...)
		if err != nil {
			return nil, nil, err
		}
		p := catalog.NewPlans(loaded, modelOf(directory))
		if i == 0 {
			p.SetRollouts(everywhere(directory, c.Level))
		}
		plans = append(plans, p)
		files[i] = slices.Concat([]string{}, files[i])
	}
	return files, plans, nil
}

// everywhere gives the statistical tier a level on the devices of all models and of none.
func everywhere(directory *fleet.Directory, level float64) catalog.Rollouts {
	if level == 1 {
		return nil // the plans of the catalogue, shared
	}
	change := map[string]catalog.Change{detectors.BaseRule: {Level: level}}
	all := catalog.Rollouts{{Tenant: telemetry.DefaultTenant}: change}
	for _, m := range directory.Models(telemetry.DefaultTenant) {
		all[catalog.Scope{Tenant: telemetry.DefaultTenant, Model: m.ID}] = change
	}
	return all
}
