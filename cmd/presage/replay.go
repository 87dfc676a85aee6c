package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/presage-pdm/presage/internal/replay"
)

type replayCommand struct {
	Format     string        `help:"presage (lines of JSON, or CSV of timestamp,metric,value) or csv (a column a metric)." enum:"presage,csv" default:"csv"`
	Device     string        `help:"Device that the telemetry is of." required:"" placeholder:"ID"`
	TimeColumn string        `help:"Column of the time stamps in CSV; found by its name without it." placeholder:"COLUMN"`
	TimeZone   string        `help:"Zone of dates that name none (UTC)." placeholder:"ZONE"`
	Start      time.Time     `help:"The time column counts seconds from here." placeholder:"TIME"`
	Ignore     []string      `help:"Columns that are no metrics." placeholder:"COLUMN"`
	Labels     []string      `help:"Columns with the truth about a row, left out where they are there (${default})." default:"anomaly,changepoint,label,is_anomaly" placeholder:"COLUMN"`
	Speed      float64       `help:"Seconds of the recording to a second; 0 is as fast as possible." default:"0"`
	Broker     string        `help:"Where to publish to." default:"mqtt://127.0.0.1:1883" placeholder:"URL"`
	Batch      int           `help:"Rows to a message, when as fast as possible." default:"100"`
	Patience   time.Duration `help:"How long the broker may be away." default:"2m"`
	Files      []string      `arg:"" help:"Recordings." type:"existingfile"`
}

// Run publishes the files and prints what was sent and acknowledged.
func (c replayCommand) Run(ctx context.Context, std streams) error {
	cfg := replay.DefaultConfig()
	cfg.Format, cfg.Device, cfg.Broker, cfg.TimeColumn = c.Format, c.Device, c.Broker, c.TimeColumn
	cfg.Labels = c.Labels
	cfg.Start, cfg.Ignore, cfg.Speed, cfg.Batch, cfg.Patience = c.Start, c.Ignore, c.Speed, c.Batch, c.Patience
	cfg.Progress = std.err
	if c.TimeZone != "" {
		zone, err := time.LoadLocation(c.TimeZone)
		if err != nil {
			return fmt.Errorf("--time-zone: %w", err)
		}
		cfg.TimeZone = zone
	}
	result, err := replay.Run(ctx, cfg, c.Files)
	fmt.Fprintf(std.out, "rows %d  sent %d  acked %d  skipped cells %d\n", result.Rows, result.Sent, result.Acked, result.Skipped)
	if ctx.Err() != nil {
		return errors.Join(errInterrupted, err)
	}
	return err
}
