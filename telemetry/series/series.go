// Package series is what Presage asks of a time-series store. The embedded
// Prometheus TSDB and InfluxDB both answer to it, and one conformance suite,
// seriestest, holds them to the same behaviour.
package series

import (
	"context"
	"errors"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// Key names one series.
type Key struct {
	Tenant string
	Device string
	Metric string
}

// Range is the half-open interval of event times [From, To).
type Range struct {
	From, To time.Time
}

// Point is one raw reading.
type Point struct {
	Time  int64 // Unix milliseconds
	Value float64
}

// Window summarises the readings in [Start, Start+step). Windows without a
// reading are not returned: gaps stay gaps.
type Window struct {
	Start          int64 // Unix milliseconds, a multiple of the step since the epoch
	Mean, Min, Max float64
	Count          int64
}

// ErrUnavailable is wrapped by errors that a retry can mend: the store could not be reached or is
// overloaded. Other errors of Append mean that the data itself was refused.
var ErrUnavailable = errors.New("series store unavailable")

// Store keeps readings. It is safe for concurrent use.
type Store interface {
	// Append stores the samples of the batches. Storing a reading again changes
	// nothing; when two readings of a series share a time stamp, the first one stored stays or the later replaces it, as the engine does.
	// Readings in any order are accepted within the store's out-of-order window; older ones
	// are counted in dropped, never an error. When Append has returned nil the readings can be read back by this process.
	Append(ctx context.Context, batches []telemetry.Batch) (dropped int, err error)
	// Sync returns when everything appended before the call survives a power cut. The journal is trimmed only behind it.
	Sync(ctx context.Context) error
	// Raw returns at most limit readings of a series, oldest first.
	Raw(ctx context.Context, key Key, r Range, limit int) ([]Point, error)
	// Windows summarises a series by steps of whole milliseconds, oldest first.
	Windows(ctx context.Context, key Key, r Range, step time.Duration) ([]Window, error)
	// Last returns the newest reading of each metric of a device, by metric name.
	Last(ctx context.Context, tenant, device string) (map[string]Point, error)
	// Close flushes and releases the store.
	Close() error
}
