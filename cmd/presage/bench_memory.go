package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/presage-pdm/presage/internal/bench"
)

type benchMemoryCommand struct {
	Devices int           `help:"Devices that publish one reading each." default:"100000"`
	Values  int           `help:"Metrics in a reading." default:"10"`
	Rest    time.Duration `help:"How long to leave the server alone before its memory is read: checkpoints and the collector of the runtime fall into it." default:"30s"`
	JSON    bool          `name:"json" help:"Print the report as JSON."`
}

// Help says what is measured.
func (benchMemoryCommand) Help() string {
	return `Starts a server that knows the devices, has each of them publish one reading over MQTT, waits until all of it is
stored and judged, leaves the server alone for a while, and reads the memory of its process: the most it held at once (VmHWM), and what it holds then (VmRSS).`
}

// memoryReport is the memory of the whole server.
type memoryReport struct {
	Devices       int   `json:"devices"`
	Series        int   `json:"series"`
	PeakBytes     int64 `json:"peak_bytes"`     // VmHWM
	ResidentBytes int64 `json:"resident_bytes"` // VmRSS after some rest
	// StartedBytes is VmRSS of the server that knows the devices and has heard of none.
	StartedBytes int64 `json:"started_bytes"`
}

// Run measures and prints.
func (c benchMemoryCommand) Run(ctx context.Context, std streams) error {
	r, err := c.measure(ctx, std)
	return show(std.out, c.JSON, r, err)
}

func (r *memoryReport) text(w io.Writer) error {
	_, err := fmt.Fprintf(w, `memory          %d devices, %d series: peak %d MiB (VmHWM), %d MiB after rest (VmRSS), %d MiB before the first reading; %.0f bytes a series at the peak
`,
		r.Devices, r.Series, r.PeakBytes>>20, r.ResidentBytes>>20, r.StartedBytes>>20, float64(r.PeakBytes)/float64(r.Series))
	return err
}

func (c benchMemoryCommand) measure(ctx context.Context, std streams) (*memoryReport, error) {
	cfg := bench.DefaultConfig()
	cfg.Devices, cfg.Values, cfg.Duration, cfg.Prefix = c.Devices, c.Values, 0, fmt.Sprintf("bench-%d", os.Getpid())
	cfg.Connections = min(cfg.Connections, c.Devices)
	ids, err := cfg.DeviceIDs()
	if err != nil {
		return nil, err
	}
	server, err := newBenchServer(std, "")
	if err != nil {
		return nil, err
	}
	defer server.close()
	fmt.Fprintf(std.err, "registering %d devices ...\n", len(ids))
	if err := server.register(ctx, ids); err != nil {
		return nil, err
	}
	if _, err := server.start(ctx); err != nil {
		return nil, err
	}
	r := &memoryReport{Devices: c.Devices, Series: c.Devices * c.Values}
	if r.StartedBytes, err = server.memory("VmRSS"); err != nil {
		return nil, err
	}
	fmt.Fprintf(std.err, "one reading of each ...\n")
	cfg.Broker = server.mqtt
	load, err := bench.Generate(ctx, cfg, nil)
	if err != nil {
		return nil, err
	}
	if err := server.api().Drain(ctx, load.Warm); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(c.Rest):
	}
	if r.PeakBytes, err = server.memory("VmHWM"); err != nil {
		return nil, err
	}
	r.ResidentBytes, err = server.memory("VmRSS")
	return r, err
}
