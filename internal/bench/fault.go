package bench

import (
	"strconv"
	"time"
)

// fault is a device that is one crash short of a ticket when the load begins, and
// crashes once more while it runs: the third crash without a good session between is what the default catalogue calls a crash loop.
type fault struct {
	device, topic string
	due           time.Time
	// published is when its last crash was written, or, in an open loop, was due.
	published time.Time
	// acked tells that the crash that completes the fault was acknowledged. One that is due
	// at the very end of a closed loop may never be published.
	acked bool
}

// crashes is how many crashes in a row open a ticket.
const crashes = 3

// newFaults spreads the faults of a load evenly over its duration.
func newFaults(cfg Config) []*fault {
	faults := make([]*fault, cfg.faults())
	for i := range faults {
		id := cfg.faultID(i)
		faults[i] = &fault{device: id, topic: "presage/v1/" + id + "/event"}
	}
	return faults
}

// schedule says when each of the faults happens.
func schedule(faults []*fault, began time.Time, duration time.Duration) {
	for i, f := range faults {
		f.due = began.Add(time.Duration(float64(duration) * (float64(i) + 0.5) / float64(len(faults))))
	}
}

// appendCrash appends the payload of a crash at a time.
func appendCrash(dst []byte, at time.Time) []byte {
	dst = append(dst, `{"ts":`...)
	dst = strconv.AppendInt(dst, at.UnixMilli(), 10)
	return append(dst, `,"code":"crash"}`...)
}
