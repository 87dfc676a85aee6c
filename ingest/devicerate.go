package ingest

import "time"

// deviceRate is a token bucket for each device: burst messages at once, then one for each interval. It is
// kept as the time at which the bucket is full again (the generic cell rate algorithm, ITU-T I.371 annex A), 8 bytes a device. The
// zero value lets everything pass.
type deviceRate struct {
	interval, burst int64 // nanoseconds: between two messages; in which the bucket fills
}

func newDeviceRate(perSecond, burst int) deviceRate {
	if perSecond <= 0 {
		return deviceRate{}
	}
	interval := int64(time.Second) / int64(perSecond)
	return deviceRate{interval: interval, burst: interval * int64(max(1, burst))}
}

// ahead is how far a bucket may be overdrawn. What is further ahead was counted before the clock was set back, or comes from an external
// broker, which is not slowed down: it is forgotten.
const ahead = int64(10 * time.Second)

// take counts a message that came at an arrival in Unix milliseconds, and returns how long the next one has to wait.
func (r deviceRate) take(full *int64, arrival int64) time.Duration {
	if r.interval == 0 {
		return 0
	}
	now := arrival * int64(time.Millisecond)
	if *full < now || *full-now > r.burst+ahead {
		*full = now
	}
	*full += r.interval
	return time.Duration(max(0, *full+r.interval-now-r.burst))
}
