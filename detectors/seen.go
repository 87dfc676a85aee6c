package detectors

import (
	"hash/fnv"

	"github.com/presage-pdm/presage/telemetry"
)

// eventRing remembers the newest events of a device, so that a redelivery is recognised: by id, else by time and code. It
// takes no memory until there is an event.
type eventRing struct {
	keys []uint64 // oldest first from next on, once full
	next int
}

// eventMemory is how many events of a device are remembered: 1 KB.
const eventMemory = 128

// add remembers an event and tells whether it was there already.
func (r *eventRing) add(ev *telemetry.Event) (seen bool) {
	key := eventKey(ev)
	for _, k := range r.keys {
		if k == key {
			return true
		}
	}
	if len(r.keys) < eventMemory {
		r.keys = append(r.keys, key)
		return false
	}
	r.keys[r.next] = key
	r.next = (r.next + 1) % eventMemory
	return false
}

func eventKey(ev *telemetry.Event) uint64 {
	h := fnv.New64a()
	if ev.ID != "" {
		h.Write([]byte{1})
		h.Write([]byte(ev.ID))
		return h.Sum64()
	}
	var t [9]byte
	for i := range 8 {
		t[1+i] = byte(ev.Time >> (8 * i))
	}
	h.Write(t[:])
	h.Write([]byte(ev.Code))
	return h.Sum64()
}
