package bench

import "time"

// device is one device of the load and what it has sent. Message n carries
// time stamp stamp(n) and the values that follow from n.
type device struct {
	id, topic string
	start     int64    // Unix milliseconds, of offset 0
	offsets   []uint32 // time stamp of each message, in milliseconds since start; strictly rising
	acked     bitset   // by message
}

// next makes a message: its number and its time stamp, which is that of the
// clock, but never that of the message before.
func (d *device) next(now time.Time) (n int, stamp int64) {
	n = len(d.offsets)
	offset := uint32(max(0, now.UnixMilli()-d.start))
	if n > 0 {
		offset = max(offset, d.offsets[n-1]+1)
	}
	d.offsets = append(d.offsets, offset)
	return n, d.start + int64(offset)
}

func (d *device) stamp(n int) int64 { return d.start + int64(d.offsets[n]) }

// bitset is a set of small numbers.
type bitset struct {
	words []uint64
	n     int
}

func (b *bitset) set(i int) {
	for i/64 >= len(b.words) {
		b.words = append(b.words, 0)
	}
	if w := &b.words[i/64]; *w&(1<<(i%64)) == 0 {
		*w |= 1 << (i % 64)
		b.n++
	}
}

func (b *bitset) has(i int) bool {
	return i >= 0 && i/64 < len(b.words) && b.words[i/64]&(1<<(i%64)) != 0
}
