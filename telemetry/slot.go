package telemetry

import "hash/fnv"

// Slots is the number of slots that devices are spread over, for ever.
const Slots = 1024

// Slot returns the slot of a device, 0 to [Slots]-1: FNV-1a (64 bit) over
// tenant, a zero byte and device, modulo [Slots]. The mapping is part of the
// stored format: it never changes, and golden vectors keep it.
func Slot(tenant, device string) int {
	h := fnv.New64a()
	h.Write([]byte(tenant))
	h.Write([]byte{0})
	h.Write([]byte(device))
	return int(h.Sum64() % Slots)
}
