package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/presage-pdm/presage/internal/bench"
)

type benchIngestCommand struct {
	Duration    time.Duration `help:"How long to publish." default:"10s"`
	Connections int           `help:"MQTT connections." default:"50"`
	Devices     int           `help:"Devices, spread over the connections; 0 is ten a connection." default:"0"`
	Inflight    int           `help:"Messages without PUBACK at once, a connection." default:"100"`
	Values      int           `help:"Metrics in a message." default:"10"`
	Form        bench.Form    `help:"How readings are written: json or senml." enum:"json,senml" default:"json"`
	Rate        int           `help:"Messages a second to offer, whether the server keeps up or not; times count from when a message was due. 0 publishes as fast as the server acknowledges." default:"0"`
	Faults      int           `help:"Devices that break each second while the load runs: each is a ticket whose delay is measured." default:"5"`
	Verify      bench.Verify  `help:"What to read back of every message: all metrics, a sample of one that the seed chooses for each device, or none." enum:"all,sample,none" default:"all"`
	Seed        uint64        `help:"Seed of --verify sample; 0 chooses one." default:"0"`
	Broker      string        `help:"Publish to this broker: that of a running server, with --token; else a server is started that takes its messages from there. Without it a server is started with its own broker." placeholder:"URL"`
	HTTP        string        `name:"http" help:"API of the running server." default:"http://127.0.0.1:8080" placeholder:"URL"`
	Token       string        `help:"API token of the running server; see presage token create." env:"PRESAGE_TOKEN" placeholder:"TOKEN"`
	JSON        bool          `name:"json" help:"Print the report as JSON."`
}

// Help says what the figures mean.
func (benchIngestCommand) Help() string {
	return `Every device publishes a reading before the load begins. PUBACK times count from writing a message, or with
--rate from when it was due. A ticket counts as open when the live stream tells it, on the clock of this program.
Peak memory is VmHWM of a server that was started for the run, and the largest of once-a-second samples of
process_resident_memory_bytes of a running one. The command fails when an acknowledged message is lost or comes twice, or a fault has no ticket.`
}

// config is the load that the flags ask for.
func (c benchIngestCommand) config() bench.Config {
	return bench.Config{
		Broker: c.Broker, Duration: c.Duration, Connections: c.Connections, Devices: c.Devices, Inflight: c.Inflight,
		Values: c.Values, Form: c.Form, Rate: c.Rate, Faults: c.Faults, Prefix: fmt.Sprintf("bench-%d", os.Getpid()),
	}
}

// Run loads the server and prints the report. It fails when anything
// acknowledged was lost or came twice.
func (c benchIngestCommand) Run(ctx context.Context, std streams) error {
	report, err := c.measure(ctx, std)
	if err != nil {
		return err
	}
	if c.JSON {
		err = bench.WriteJSON(std.out, report)
	} else {
		err = report.Text(std.out)
	}
	return errors.Join(err, report.Err())
}

// measure loads a running server, or one that it starts.
func (c benchIngestCommand) measure(ctx context.Context, std streams) (*bench.Report, error) {
	cfg := c.config()
	if c.Broker != "" && c.Token != "" {
		api := bench.NewAPI(c.HTTP, c.Token)
		peak := watchMemory(ctx, api)
		report, err := c.load(ctx, cfg, api, std.err)
		most, peakErr := peak.stop()
		if err = errors.Join(err, peakErr); err != nil {
			return nil, err
		}
		report.PeakMemoryBytes, report.PeakMemorySource = most, "sampled each second"
		return report, nil
	}
	var flags []string
	if c.Broker != "" {
		flags = []string{"--broker", c.Broker}
	}
	server, err := newBenchServer(std, "", flags...)
	if err != nil {
		return nil, err
	}
	defer server.close()
	ids, err := cfg.DeviceIDs()
	if err != nil {
		return nil, err
	}
	if err := server.register(ctx, ids); err != nil {
		return nil, err
	}
	if _, err := server.start(ctx); err != nil {
		return nil, err
	}
	if cfg.Broker == "" {
		cfg.Broker = server.mqtt
	}
	report, err := c.load(ctx, cfg, server.api(), std.err)
	if err != nil {
		return nil, err
	}
	report.PeakMemorySource = "VmHWM"
	report.PeakMemoryBytes, err = server.memory("VmHWM")
	return report, err
}

// load publishes and reads back.
func (c benchIngestCommand) load(ctx context.Context, cfg bench.Config, api *bench.API, progress io.Writer) (*bench.Report, error) {
	begun, err := api.Vitals(ctx)
	if err != nil {
		return nil, err
	}
	watch, err := api.Watch(ctx, cfg.Prefix)
	if err != nil {
		return nil, err
	}
	defer watch.Close()
	var before bench.Vitals
	load, err := bench.Generate(ctx, cfg, func() (err error) {
		fmt.Fprintf(progress, "publishing for %s ...\n", cfg.Duration)
		before, err = api.Vitals(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	acked := time.Now()
	if err := api.Drain(ctx, begun.Messages+load.Warm+load.Acked); err != nil {
		return nil, err
	}
	behind := time.Since(acked)
	after, err := api.Vitals(ctx)
	if err != nil {
		return nil, err
	}
	opening, err := api.Openings(ctx, watch, load)
	if err != nil {
		return nil, err
	}
	if err := watch.Close(); err != nil {
		return nil, err
	}
	report := bench.NewReport(cfg, load)
	report.Server(after.CPU-before.CPU, behind)
	report.Tickets(opening)
	back, err := c.readBack(ctx, cfg, load, api, progress)
	report.Back(c.Verify, back)
	return &report, err
}

func (c benchIngestCommand) readBack(ctx context.Context, cfg bench.Config, load *bench.Load, api *bench.API, progress io.Writer) (bench.ReadBack, error) {
	if c.Verify == bench.VerifyNone {
		return bench.ReadBack{}, nil
	}
	values := load.Readings()
	seed := c.Seed
	if c.Verify == bench.VerifyAll {
		values *= int64(cfg.Values)
	} else {
		if seed == 0 {
			seed = uint64(time.Now().UnixNano())
		}
		fmt.Fprintf(progress, "reading back a sample, seed %d\n", seed)
	}
	bar := benchProgress(progress, values, "reading back")
	back, err := api.Check(ctx, cfg, load, c.Verify, seed, func(n int64) { _ = bar.Add64(n) })
	_ = bar.Finish()
	return back, err
}

// benchProgress is a bar for somebody who looks at a terminal.
func benchProgress(w io.Writer, most int64, what string) *progressbar.ProgressBar {
	f, ok := w.(*os.File)
	terminal := ok && term.IsTerminal(int(f.Fd()))
	return progressbar.NewOptions64(most, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what), progressbar.OptionSetVisibility(terminal),
		progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(200*time.Millisecond))
}

// memoryWatch samples the memory of a running server.
type memoryWatch struct {
	end  context.CancelFunc
	done chan struct{} // closed by the goroutine that samples
	most int64
	err  error
}

func watchMemory(ctx context.Context, api *bench.API) *memoryWatch {
	ctx, end := context.WithCancel(ctx)
	w := &memoryWatch{end: end, done: make(chan struct{})}
	go func() { // owned by the watch: stop waits for it
		defer close(w.done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			vitals, err := api.Vitals(ctx)
			if ctx.Err() != nil {
				return
			}
			if w.err = err; err != nil {
				return
			}
			w.most = max(w.most, vitals.Resident)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return w
}

func (w *memoryWatch) stop() (int64, error) {
	w.end()
	<-w.done
	return w.most, w.err
}
