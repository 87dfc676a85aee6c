package broker

import (
	"errors"
	"log/slog"
	"sync"
	"time"
)

const (
	// refusalEvery is how often the log tells that a device is refused.
	refusalEvery = time.Minute
	// maxRefusals is how many devices are told apart for it, and so how many lines a minute there may be. About 100 bytes each are kept.
	maxRefusals = 1024
	// refusalName is how many bytes of a name that a client claims are kept.
	refusalName = 64
)

// refusals lets the log tell of each device once in a while that it is refused, however often it tries. It is safe for concurrent use.
type refusals struct {
	mu    sync.Mutex
	since map[string]*refusal // by device
	// rest stands for all devices that there is no room for.
	rest refusal
}

// refusal is one device that is refused.
type refusal struct {
	told   time.Time
	untold int
}

// note counts a refusal. It returns whether to tell, and how often the device was refused without a word before.
func (r *refusals) note(device string, now time.Time) (tell bool, untold int) {
	device = device[:min(len(device), refusalName)]
	r.mu.Lock()
	defer r.mu.Unlock()
	entry := r.since[device]
	if entry == nil && len(r.since) >= maxRefusals {
		for name, e := range r.since {
			if now.Sub(e.told) >= refusalEvery {
				delete(r.since, name)
			}
		}
	}
	switch {
	case entry != nil:
	case len(r.since) < maxRefusals:
		entry = &refusal{}
		if r.since == nil {
			r.since = map[string]*refusal{}
		}
		r.since[device] = entry
	default:
		entry = &r.rest
	}
	if !entry.told.IsZero() && now.Sub(entry.told) < refusalEvery {
		entry.untold++
		return false, 0
	}
	untold = entry.untold
	entry.told, entry.untold = now, 0
	return true, untold
}

// refused counts a client that was not let in, and tells the log.
func (b *Broker) refused(c Credentials, err error, now time.Time) {
	why := &RefusedError{Reason: "credentials"}
	errors.As(err, &why)
	b.metrics.turnedAway.WithLabelValues(why.Reason).Inc()
	device := why.Device
	if device == "" {
		device = c.Username
	}
	if device == "" {
		device = c.Client
	}
	if tell, untold := b.refusals.note(device, now); tell {
		b.log.Warn("refused a connection", slog.String("device", device[:min(len(device), refusalName)]), "client", c.Client[:min(len(c.Client), refusalName)],
			"remote", c.Remote.String(), "reason", why.Reason, "untold", untold, "err", err)
	}
}
