package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
)

// Config is what a [Log] can be told.
type Config struct {
	// Dir is the folder of the journal, made when it is missing. One process uses it at a time.
	Dir string `koanf:"-"`
	// Partitions is the number of partitions; 0 means that of the folder, and
	// the number of processors in a new folder. It cannot change afterwards.
	Partitions int `koanf:"partitions"`
	// MaxBytes is how much the journal may hold on disk. Beyond, appending waits until
	// something was trimmed.
	MaxBytes int64 `koanf:"max_bytes"`
	// SegmentBytes is the size at which a file is followed by the next. Trimming removes whole files.
	SegmentBytes int64 `koanf:"segment_bytes"`
	// GroupBytes is how much is committed at once, and how much waits for the commit under way.
	GroupBytes int `koanf:"group_bytes"`

	Logger     *slog.Logger          `koanf:"-"`
	Registerer prometheus.Registerer `koanf:"-"` // nil keeps the metrics unregistered
}

// DefaultConfig keeps up to 16 GiB, some ten minutes at a million readings a
// second and days at what a thousand devices say.
func DefaultConfig() Config {
	return Config{
		MaxBytes:     16 << 30,
		SegmentBytes: 32 << 20,
		GroupBytes:   1 << 20,
		Logger:       slog.New(slog.DiscardHandler),
	}
}

const (
	maxPartitions = 1024 // telemetry.Slots
	maxSegment    = 512 << 20
	maxGroup      = 64 << 20
	maxEntry      = 16 << 20
	// walSegment is what wlog is told to be the size of a segment. It is never
	// reached: segments change at Config.SegmentBytes, see rotate.
	walSegment = 1 << 30
)

func (c *Config) check() error {
	switch {
	case c.Dir == "":
		return errors.New("journal: Dir is empty")
	case c.Partitions < 0 || c.Partitions > maxPartitions:
		return fmt.Errorf("journal: %d partitions, 1 to %d are possible", c.Partitions, maxPartitions)
	case c.SegmentBytes < pageSize || c.SegmentBytes > maxSegment:
		return fmt.Errorf("journal: segments of %d bytes, %d to %d are possible", c.SegmentBytes, pageSize, maxSegment)
	case c.GroupBytes < 1<<10 || c.GroupBytes > maxGroup:
		return fmt.Errorf("journal: groups of %d bytes, %d to %d are possible", c.GroupBytes, 1<<10, maxGroup)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

func defaultPartitions() int { return min(runtime.GOMAXPROCS(0), maxPartitions) }
