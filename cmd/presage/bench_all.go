package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/presage-pdm/presage/internal/bench"
)

type benchAllCommand struct {
	Duration time.Duration `help:"Length of each load." default:"10s"`
	Tickets  int           `help:"Tickets to store." default:"1000000"`
	Devices  int           `help:"Devices of the measurement of memory." default:"100000"`
	Samples  int           `help:"Samples in the write-ahead log at the start." default:"10000000"`
	Database string        `help:"postgres:// URL of an empty database, to measure pages of tickets on it, too." placeholder:"URL"`
	JSON     bool          `name:"json" help:"Print the table as JSON."`
}

// Help says how long it takes.
func (benchAllCommand) Help() string {
	return `Measures everything, one after the other, and prints one table with what is to be reached. Every figure is of this run; a server is started
for each, and nothing else should run on the machine. Takes about ten minutes on two cores, most of them to store a million tickets. Mosquitto is
measured for comparison where it is installed.`
}

// Run measures and prints. A figure that cannot be measured, or a promise that is not kept, ends it.
func (c benchAllCommand) Run(ctx context.Context, std streams) error {
	dir, err := os.MkdirTemp("", "presage-bench-disk-")
	if err != nil {
		return err
	}
	machine, err := bench.Describe(dir)
	os.RemoveAll(dir)
	if err != nil {
		return err
	}
	table := &bench.Table{Machine: machine}
	for _, measure := range []func(context.Context, streams, *bench.Table) error{
		c.ingest, c.latency, c.detectors, c.memory, c.start, c.query, c.pages, c.comparison,
	} {
		told := len(table.Rows)
		if err := measure(ctx, std, table); err != nil {
			return err
		}
		for _, r := range table.Rows[told:] { // for who waits
			fmt.Fprintln(std.err, r)
		}
	}
	if c.JSON {
		return bench.WriteJSON(std.out, table)
	}
	return table.Text(std.out)
}

func mark(v float64) *float64 { return &v }

// markFrom is what is to be reached at a size of most; a smaller one reaches nothing by that.
func markFrom(size, most int, v float64) *float64 {
	if size < most {
		return nil
	}
	return &v
}

// load is the load that performance figures are quoted for.
func (c benchAllCommand) load() benchIngestCommand {
	cfg := bench.DefaultConfig()
	return benchIngestCommand{
		Duration: c.Duration, Connections: cfg.Connections, Inflight: cfg.Inflight, Values: cfg.Values,
		Form: cfg.Form, Faults: cfg.Faults, Verify: bench.VerifyAll,
	}
}

// measured runs a load and holds it to its promises.
func (c benchIngestCommand) measured(ctx context.Context, std streams, what string) (*bench.Report, error) {
	fmt.Fprintf(std.err, "== %s\n", what)
	r, err := c.measure(ctx, std)
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return r, nil
}

func (c benchAllCommand) ingest(ctx context.Context, std streams, t *bench.Table) error {
	r, err := c.load().measured(ctx, std, "durable ingest")
	if err != nil {
		return err
	}
	t.Rows = append(t.Rows,
		bench.Row{What: "durable ingest, 50 connections x 100 in flight, 10 values a message", Bar: mark(100_000), Stretch: mark(300_000), AtLeast: true,
			Value: r.MessagesPerSecond, Unit: "messages/s", Command: "presage bench ingest",
			Beside: fmt.Sprintf("PUBACK p50 %.1f ms, p99 %.1f ms; %d readings read back, none lost, none twice; peak memory %d MiB", r.PubackP50Ms, r.PubackP99Ms, r.Readings, r.PeakMemoryBytes>>20)},
		bench.Row{What: "the same in samples", Bar: mark(1e6), Stretch: mark(3e6), AtLeast: true, Value: r.SamplesPerSecond, Unit: "samples/s", Command: "presage bench ingest"},
		bench.Row{What: "server CPU a sample", Bar: mark(0.8), Stretch: mark(0.2), Value: r.CPUPerSampleUs, Unit: "µs", Command: "presage bench ingest"})
	return nil
}

func (c benchAllCommand) latency(ctx context.Context, std streams, t *bench.Table) error {
	load := c.load()
	load.Rate, load.Faults, load.Verify = 20_000, 20, bench.VerifySample
	r, err := load.measured(ctx, std, "publish to ticket")
	if err != nil {
		return err
	}
	t.Rows = append(t.Rows, bench.Row{What: "publish to ticket on the live stream, p99, at 20,000 messages/s offered", Bar: mark(200), Stretch: mark(50),
		Value: r.TicketP99Ms, Unit: "ms", Beside: fmt.Sprintf("p50 %.1f ms; %d faults", r.TicketP50Ms, r.Faults), Command: "presage bench ingest --rate 20000 --faults 20"})
	return nil
}

func (c benchAllCommand) detectors(ctx context.Context, std streams, t *bench.Table) error {
	fmt.Fprintln(std.err, "== detectors")
	r, err := benchDetectorsCommand{Devices: 500}.measure(ctx)
	if err != nil {
		return err
	}
	t.Rows = append(t.Rows, bench.Row{What: "state of the detectors a series", Bar: mark(2048), Stretch: mark(1024), Value: r.BytesASeries, Unit: "bytes",
		Beside: fmt.Sprintf("%.0f ns a sample; novelty adds %.0f bytes and %.0f ns", r.NsASample, r.NoveltyBytes, r.NoveltyNsASample), Command: "presage bench detectors"})
	return nil
}

func (c benchAllCommand) memory(ctx context.Context, std streams, t *bench.Table) error {
	fmt.Fprintln(std.err, "== memory")
	r, err := benchMemoryCommand{Devices: c.Devices, Values: 10, Rest: 30 * time.Second}.measure(ctx, std)
	if err != nil {
		return err
	}
	t.Rows = append(t.Rows, bench.Row{What: fmt.Sprintf("peak memory, %d devices x 10 metrics, one reading each", c.Devices), Bar: markFrom(c.Devices, 100_000, 4096), Stretch: markFrom(c.Devices, 100_000, 2048),
		Value: float64(r.PeakBytes >> 20), Unit: "MiB", Command: "presage bench memory"})
	return nil
}

func (c benchAllCommand) start(ctx context.Context, std streams, t *bench.Table) error {
	fmt.Fprintln(std.err, "== start")
	r, err := benchStartCommand{Samples: c.Samples}.measure(ctx, std)
	if err != nil {
		return err
	}
	t.Rows = append(t.Rows, bench.Row{What: fmt.Sprintf("ready after kill -9 with %d samples in the write-ahead log", r.Samples), Bar: markFrom(c.Samples, 10_000_000, 10), Stretch: markFrom(c.Samples, 10_000_000, 3),
		Value: r.Seconds, Unit: "s", Beside: fmt.Sprintf("%.2f s without data", r.EmptySeconds), Command: "presage bench start"})
	return nil
}

func (c benchAllCommand) query(ctx context.Context, std streams, t *bench.Table) error {
	fmt.Fprintln(std.err, "== chart")
	r, err := benchQueryCommand{Devices: 20, Rounds: 200}.measure(ctx, std)
	if err != nil {
		return err
	}
	t.Rows = append(t.Rows, bench.Row{What: "chart of a device, 10 metrics x 24 h at 1 min, p99", Bar: mark(20), Stretch: mark(5),
		Value: r.Chart.P99Ms, Unit: "ms", Beside: fmt.Sprintf("p50 %.1f ms", r.Chart.P50Ms), Command: "presage bench query"})
	return nil
}

// pages stores the tickets in both databases at once, which takes longest of all, and reads the pages of one after the other.
func (c benchAllCommand) pages(ctx context.Context, std streams, t *bench.Table) error {
	fmt.Fprintln(std.err, "== pages of tickets")
	commands := []benchTicketsCommand{{Tickets: c.Tickets, Rounds: 100}}
	if c.Database != "" {
		commands = append(commands, benchTicketsCommand{Tickets: c.Tickets, Rounds: 100, Database: c.Database})
	}
	servers, reports := make([]*benchServer, len(commands)), make([]*ticketsReport, len(commands))
	storing, storeCtx := errgroup.WithContext(ctx)
	for i, command := range commands {
		storing.Go(func() (err error) {
			servers[i], reports[i], err = command.store(storeCtx, std)
			return err
		})
	}
	err := storing.Wait()
	for i := range servers {
		if servers[i] != nil {
			defer servers[i].close()
		}
	}
	if err != nil {
		return err
	}
	for i, r := range reports {
		if err := commands[i].read(ctx, servers[i], r); err != nil {
			return err
		}
		if err := servers[i].kill(); err != nil { // not beside the next one
			return err
		}
		command := "presage bench tickets"
		if commands[i].Database != "" {
			command += " --database URL"
		}
		t.Rows = append(t.Rows, bench.Row{What: fmt.Sprintf("page of tickets, %d stored in %s, p99 over %d kinds", r.Tickets, r.Engine, len(r.Kinds)),
			Bar: markFrom(c.Tickets, 1_000_000, 50), Stretch: markFrom(c.Tickets, 1_000_000, 10),
			Value: r.Pages.P99Ms, Unit: "ms", Beside: fmt.Sprintf("p50 %.1f ms", r.Pages.P50Ms), Command: command})
	}
	return nil
}

// comparison measures what has no bar: one message in flight a connection, and Mosquitto where it is there.
func (c benchAllCommand) comparison(ctx context.Context, std streams, t *bench.Table) error {
	one := c.load()
	one.Connections, one.Inflight, one.Verify = 1000, 1, bench.VerifySample
	r, err := one.measured(ctx, std, "one message in flight")
	if err != nil {
		return err
	}
	t.Rows = append(t.Rows, bench.Row{What: "1,000 connections x 1 in flight", Value: r.MessagesPerSecond, Unit: "messages/s",
		Beside: fmt.Sprintf("PUBACK p50 %.1f ms, p99 %.1f ms", r.PubackP50Ms, r.PubackP99Ms), Command: "presage bench ingest --connections 1000 --inflight 1"})
	program := findMosquitto()
	if program == "" {
		fmt.Fprintln(std.err, "Mosquitto is not installed: nothing to compare with")
		return nil
	}
	broker, err := startBenchMosquitto(ctx, program)
	if err != nil {
		return err
	}
	defer broker.close()
	for _, load := range []benchIngestCommand{c.load(), one} {
		fmt.Fprintln(std.err, "== Mosquitto alone")
		cfg := load.config()
		cfg.Broker, cfg.Faults = broker.url, 0
		alone, err := bench.Generate(ctx, cfg, nil)
		if err != nil {
			return fmt.Errorf("mosquitto: %w", err)
		}
		t.Rows = append(t.Rows, bench.Row{What: fmt.Sprintf("Mosquitto alone, nothing kept, nobody subscribed, %d x %d", cfg.Connections, cfg.Inflight),
			Value: float64(alone.Acked) / alone.Elapsed.Seconds(), Unit: "messages/s", Command: "presage bench all"})
	}
	through := c.load()
	through.Broker, through.Verify = broker.url, bench.VerifySample
	if r, err = through.measured(ctx, std, "through Mosquitto"); err != nil {
		return err
	}
	t.Rows = append(t.Rows, bench.Row{What: "through Mosquitto, 50 x 100, until all is stored and judged", Value: float64(r.Acked) / (r.Seconds + r.BehindSeconds), Unit: "messages/s",
		Beside: fmt.Sprintf("server CPU %.2f µs a sample; none lost", r.CPUPerSampleUs), Command: "presage bench ingest --broker URL"})
	return nil
}
