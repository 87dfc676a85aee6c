package detectors

import (
	"log/slog"
	"time"

	"github.com/presage-pdm/presage/detectors/decision"
)

// Config sets what an [Engine] tolerates. The zero value is not usable: start from [DefaultConfig].
type Config struct {
	// BackfillAfter is how much older than its arrival a reading may be and still page somebody.
	BackfillAfter time.Duration
	// ClockAhead is how far ahead of arrival a time stamp may be and still be believed.
	ClockAhead time.Duration
	// Settle is for how long, at most, a fault that ended still explains what began while it held. It explains it for as long
	// as it lasted itself: what took an hour to heat up takes an hour to cool down.
	Settle time.Duration
	// Reorder is the window within which what comes out of order is put in order, for devices that gave reason to; 0 is never.
	Reorder time.Duration
	// MaxMetrics is how many metrics of one device are watched.
	MaxMetrics int
	// NoveltyMemory is what the novelty of the metrics of this engine may take in all, in bytes; 0 judges no novelty.
	NoveltyMemory int64
	// Criticality tells how much a device matters, from 1 to 5, from memory. It decides who gets that memory; nil takes every device for 1.
	Criticality func(tenant, device string) int
	// FalseTickets is how many false tickets a device may open in a month by the statistical tier.
	FalseTickets decision.Budget
	// Firmware tells the firmware of a device, "" when it is not known, from memory; nil knows none. It is told of faults of a fleet, and decides nothing.
	Firmware func(tenant, device string) string
	// Crashes is how often a detector may crash on a device before it is off there.
	Crashes int
	// Counts is told what was out of order; nil tells nobody.
	Counts *Counts
	// Logger is told of crashes of detectors; nil tells nobody.
	Logger *slog.Logger
	// Meter measures the engine; nil measures nothing. What it shows is no part of the state.
	Meter *Meter
}

// DefaultConfig returns one hour, ten minutes, two hours, two minutes, 512 metrics, 256 MiB, one false ticket in twenty device-months and two crashes.
func DefaultConfig() Config {
	return Config{
		BackfillAfter: time.Hour, ClockAhead: 10 * time.Minute, Settle: 2 * time.Hour, Reorder: 2 * time.Minute,
		MaxMetrics: 512, NoveltyMemory: 256 << 20, FalseTickets: decision.DefaultBudget, Crashes: 2,
	}
}
