package detectors

import (
	"hash/fnv"

	"github.com/presage-pdm/presage/telemetry"
)

// eventRing remembers the newest events and states of a device, so that a redelivery is recognised: an event by its id, else by time and code, a state by
// time and whether it was online. It takes no memory until there is one. An event that comes again after more than
// it remembers is still recognised by the detectors that keep it.
type eventRing struct {
	keys []uint64 // oldest first from next on, once full
	next int
}

// eventMemory is how many events and states of a device are remembered: 1 KB.
const eventMemory = 128

// add remembers a key and tells whether it was there already.
func (r *eventRing) add(key uint64) (seen bool) {
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

func stateKey(s *telemetry.State) uint64 {
	online := byte(0)
	if s.Online {
		online = 1
	}
	h := fnv.New64a()
	h.Write([]byte{2, online})
	var t [8]byte
	for i := range t {
		t[i] = byte(s.Time >> (8 * i))
	}
	h.Write(t[:])
	return h.Sum64()
}
