package detectors

import (
	"math"
	"slices"

	"github.com/presage-pdm/presage/detectors/stat"
	"github.com/presage-pdm/presage/telemetry"
)

// recent remembers the newest messages of a device by a fingerprint, so that what it sends again after a lost connection changes
// nothing. What a device sends again is what it had in flight: a few messages, or a thousand of one that sends without
// waiting. So as many are remembered as come within the memory, between the fewest and the most, at 4 bytes each. An older one is taken
// for late, which costs a while of holding.
type recent struct {
	keys []uint32 // oldest first from next on
	next int
	lap  int64 // when keys[0] came, in the lane's running time
}

const (
	fewestRecent = 32
	mostRecent   = 1024 // limits.in_flight
	recentMemory = 5000 // ms
	recentExcess = 12   // times the memory, after which half as many are enough
)

// add remembers a message that came at a time and tells whether it was there already, which it cannot be when it is the newest.
func (r *recent) add(key uint32, now int64, newest bool) (seen bool) {
	if !newest && slices.Contains(r.keys, key) {
		return true
	}
	if r.next == len(r.keys) {
		r.turn(now)
	}
	if r.next == len(r.keys) {
		r.keys = append(r.keys, key)
	} else {
		r.keys[r.next] = key
	}
	r.next++
	return false
}

// turn goes back to the oldest message, unless there is to be room for more.
func (r *recent) turn(now int64) {
	took := now - r.lap
	switch {
	case len(r.keys) == 0:
		r.lap = now
		return
	case len(r.keys) < fewestRecent, took < recentMemory && len(r.keys) < mostRecent:
		return
	case took > recentExcess*recentMemory && len(r.keys) >= 2*fewestRecent:
		r.keys = slices.Clone(r.keys[len(r.keys)/2:])
	}
	r.next, r.lap = 0, now
}

func (r *recent) append(dst []byte) []byte {
	dst = stat.AppendInt(stat.AppendUint(dst, uint64(r.next)), r.lap)
	dst = stat.AppendUint(dst, uint64(len(r.keys)))
	for _, k := range r.keys {
		dst = stat.AppendUint(dst, uint64(k))
	}
	return dst
}

func (r *recent) read(s *stat.Reader) {
	r.next, r.lap = s.Count(mostRecent), s.Int()
	for range s.Count(mostRecent) {
		r.keys = append(r.keys, uint32(s.Count(math.MaxUint32)))
	}
	if r.next > len(r.keys) {
		s.Fail()
	}
}

// fingerprint tells messages of a device apart by the metric, time and value of the first reading, the time of the last and their number.
// It is multiplicative hashing (Knuth, The Art of Computer Programming, vol. 3, section 6.4).
func fingerprint(samples []telemetry.Sample) uint32 {
	first, last := &samples[0], &samples[len(samples)-1]
	h := mix(uint64(len(samples)), uint64(first.Time))
	h = mix(h, uint64(last.Time))
	h = mix(h, math.Float64bits(first.Value))
	name := first.Metric
	for ; len(name) >= 8; name = name[8:] {
		h = mix(h, uint64(name[0])|uint64(name[1])<<8|uint64(name[2])<<16|uint64(name[3])<<24|
			uint64(name[4])<<32|uint64(name[5])<<40|uint64(name[6])<<48|uint64(name[7])<<56)
	}
	rest := uint64(0)
	for i := range len(name) {
		rest = rest<<8 | uint64(name[i])
	}
	h = mix(h, rest)
	return uint32(h >> 32)
}

func mix(h, v uint64) uint64 { return (h ^ h>>29 ^ v) * 0x9E3779B97F4A7C15 }
