package promseries

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config says where and for how long series are kept. Start from [DefaultConfig].
type Config struct {
	// Dir is the folder of the store. It is created when missing and locked while the store is open.
	Dir string
	// Retention is how far back from the newest data readings are kept; 0 keeps them for ever.
	Retention time.Duration
	// MaxBytes bounds the size of the blocks on disk; the oldest are deleted first. 0 means no bound.
	// The write-ahead logs come on top, typically less than three hours of readings.
	MaxBytes int64
	// OutOfOrder is how much older than the newest reading of the store a reading may be.
	OutOfOrder time.Duration
	// MaxAhead is how far ahead of the clock of this computer, now or when it arrived, a reading may be dated.
	MaxAhead time.Duration
	// MaxSeries bounds the series in memory, at 1.1 to 1.4 KB each: those with a
	// reading in about the last three hours. Readings that would start one more are dropped.
	MaxSeries int
	Query     QueryConfig
	// Registerer receives the engine's own metrics; nil for none.
	Registerer prometheus.Registerer
	// Logger receives warnings and errors of the engine; nil discards them.
	Logger *slog.Logger
}

// QueryConfig bounds what one PromQL request may cost.
type QueryConfig struct {
	// Timeout of one request, waiting included.
	Timeout time.Duration
	// MaxSamples that one query may hold in memory, at 16 bytes each.
	MaxSamples int
	// Concurrency is how many requests run at once; others wait.
	Concurrency int
	// Lookback is how old a reading may be to count as the present value.
	Lookback time.Duration
}

// DefaultConfig keeps everything under dir and lets four requests at a time
// hold 160 MB each.
func DefaultConfig(dir string) Config {
	return Config{
		Dir:        dir,
		OutOfOrder: 100 * 365 * 24 * time.Hour,
		MaxAhead:   24 * time.Hour,
		MaxSeries:  1_000_000,
		Query: QueryConfig{
			Timeout:     30 * time.Second,
			MaxSamples:  10_000_000,
			Concurrency: 4,
			Lookback:    15 * time.Minute,
		},
	}
}

func (c Config) validate() error {
	var errs []error
	refuse := func(bad bool, setting, remedy string) {
		if bad {
			errs = append(errs, fmt.Errorf("series store: %s: %s", setting, remedy))
		}
	}
	refuse(c.Dir == "", "dir is empty", "name a folder")
	refuse(c.Retention < 0, "retention is negative", "use 0 to keep readings for ever")
	refuse(c.Retention > 0 && c.Retention < 2*blockDuration, "retention is too short", "use at least "+(2*blockDuration).String())
	refuse(c.MaxBytes < 0, "max bytes is negative", "use 0 for no bound")
	refuse(c.OutOfOrder <= 0, "out-of-order window is not positive", "use at least the longest time devices are offline")
	refuse(c.MaxAhead <= 0, "max ahead is not positive", "use at least the worst clock of a device, such as 24h")
	refuse(c.MaxSeries <= 0, "max series is not positive", "use about devices times metrics")
	refuse(c.Query.Timeout <= 0 || c.Query.MaxSamples <= 0 || c.Query.Concurrency <= 0 || c.Query.Lookback <= 0,
		"a query limit is not positive", "start from DefaultConfig")
	return errors.Join(errs...)
}
