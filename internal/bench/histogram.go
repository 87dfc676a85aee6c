package bench

import (
	"math/bits"
	"time"
)

// histogram counts durations in buckets of at most 1/32 relative width, as
// HdrHistogram does, from 1 µs to hours. The zero value is empty. It is used by
// one goroutine.
type histogram struct {
	counts [64 * subBuckets]uint64
	total  uint64
}

const (
	subBits    = 5
	subBuckets = 1 << subBits
)

func bucketOf(us uint64) int {
	if us < subBuckets {
		return int(us)
	}
	shift := bits.Len64(us) - 1 - subBits
	return (shift+1)*subBuckets + int(us>>shift)&(subBuckets-1)
}

// upperBound is the largest number of microseconds in a bucket.
func upperBound(bucket int) uint64 {
	if bucket < subBuckets {
		return uint64(bucket)
	}
	shift := bucket/subBuckets - 1
	return (uint64(bucket%subBuckets|subBuckets)+1)<<shift - 1
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucketOf(uint64(max(0, d.Microseconds())))]++
	h.total++
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
}

// quantile returns the upper bound of the bucket that holds the q-quantile; 0 when empty.
func (h *histogram) quantile(q float64) time.Duration {
	rank := uint64(q * float64(h.total))
	var seen uint64
	for i, n := range h.counts {
		seen += n
		if n > 0 && seen > rank || seen == h.total && h.total > 0 {
			return time.Duration(upperBound(i)) * time.Microsecond
		}
	}
	return 0
}
