package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/presage-pdm/presage/internal/bench"
)

type benchStartCommand struct {
	Samples int  `help:"Samples in the write-ahead log of the series store." default:"10000000"`
	JSON    bool `name:"json" help:"Print the report as JSON."`
}

// Help says what is measured.
func (benchStartCommand) Help() string {
	return `Starts a server, publishes the samples over MQTT (500 devices, 10 metrics), waits until they are stored, ends the server
as kill -9 does, before anything was compacted, and measures from starting the program again until GET /readyz answers 200. Then all samples are
read back.`
}

// startReport is how long a start took.
type startReport struct {
	Samples int64   `json:"samples"`
	Seconds float64 `json:"ready_after_s"`
	// Empty is the same for a server without data.
	EmptySeconds float64 `json:"ready_after_empty_s"`
	Lost         int64   `json:"lost"`
}

// Run measures and prints.
func (c benchStartCommand) Run(ctx context.Context, std streams) error {
	r, err := c.measure(ctx, std)
	return show(std.out, c.JSON, r, err)
}

func (r *startReport) text(w io.Writer) error {
	_, err := fmt.Fprintf(w, "start           ready %.2f s after kill -9 with %d samples in the write-ahead log; %.2f s without data; %d messages lost\n",
		r.Seconds, r.Samples, r.EmptySeconds, r.Lost)
	return err
}

// startLoad is the rate at which the samples are published, in messages a second.
const startLoad = 50_000

func (c benchStartCommand) measure(ctx context.Context, std streams) (*startReport, error) {
	cfg := bench.DefaultConfig()
	cfg.Faults, cfg.Rate, cfg.Prefix = 0, startLoad, fmt.Sprintf("bench-%d", os.Getpid())
	messages := (c.Samples + cfg.Values - 1) / cfg.Values
	cfg.Duration = time.Duration(messages) * time.Second / startLoad
	ids, err := cfg.DeviceIDs()
	if err != nil {
		return nil, err
	}
	server, err := newBenchServer(std, "")
	if err != nil {
		return nil, err
	}
	defer server.close()
	if err := server.register(ctx, ids); err != nil {
		return nil, err
	}
	empty, err := server.start(ctx)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(std.err, "publishing %d samples ...\n", messages*cfg.Values)
	cfg.Broker = server.mqtt
	load, err := bench.Generate(ctx, cfg, nil)
	if err != nil {
		return nil, err
	}
	if err := server.api().Drain(ctx, load.Warm+load.Acked); err != nil {
		return nil, err
	}
	if err := server.kill(); err != nil {
		return nil, fmt.Errorf("kill the server: %w", err)
	}
	took, err := server.start(ctx)
	if err != nil {
		return nil, err
	}
	api := server.api()
	if err := api.Drain(ctx, 0); err != nil {
		return nil, err
	}
	back, err := api.Check(ctx, cfg, load, bench.VerifySample, 1, nil)
	if err != nil {
		return nil, err
	}
	r := &startReport{Samples: load.Readings() * int64(cfg.Values), Seconds: took.Seconds(), EmptySeconds: empty.Seconds(), Lost: back.Lost}
	if r.Lost > 0 {
		return r, fmt.Errorf("%d acknowledged messages were lost by kill -9", r.Lost)
	}
	return r, nil
}
