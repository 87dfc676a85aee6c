// Package art keeps categories of what a metric's recent course looks like: boxes that grow around what falls into them.
//
// It returns how little of the best category's box a new pattern shares. It assumes patterns scaled to [0, 1], and that what is normal has few
// shapes. It fails on noise that fills the whole range, around which every box is large, and forgets a rare shape when there are more shapes than categories.
//
// A pattern takes about 15 ns for each category; a category takes 20 bytes: corners are kept in 8 bits.
//
// Carpenter, Grossberg & Rosen, "Fuzzy ART: fast stable learning and categorization of analog patterns by an adaptive resonance system", Neural Networks 4
// (1991): complement coding, choice with alpha = 0, fast learning.
// Unlike there, vigilance is applied to the choice, |x^w|/|w|, and not to |x^w|/|x|: what joins a category is then what is not novel.
package art

import "github.com/presage-pdm/presage/detectors/stat"

// Width is how many values a pattern has.
const Width = 8

// Categories is what was learned.
type Categories struct {
	vigilance float64
	boxes     []box
	now       uint32
}

// box is a category: the smallest values and the complements of the largest, in 255ths, and when it was matched last.
type box struct {
	corners [2 * Width]uint8
	used    uint32
}

// New returns no categories, with room for some. Vigilance, in [0, 1], is the part of a box that a pattern must share to join
// its category: the higher, the less a box grows at once.
func New(vigilance float64, room int) *Categories {
	return &Categories{vigilance: vigilance, boxes: make([]box, 0, room)}
}

// Vigilance is what [New] was given.
func (c *Categories) Vigilance() float64 { return c.vigilance }

// Size is the memory of the categories in bytes.
func (c *Categories) Size() int { return 20 * cap(c.boxes) }

// Observe returns the novelty of a pattern, in [0, 1], and learns it. Values outside of [0, 1] are taken as the nearest inside.
func (c *Categories) Observe(pattern *[Width]float64) float64 {
	var x [2 * Width]uint8
	for i, v := range pattern {
		b := uint8(255*max(0, min(v, 1)) + 0.5)
		x[i], x[Width+i] = b, 255-b
	}
	c.now++
	match, at, oldest := 0.0, -1, 0
	for i := range c.boxes {
		b := &c.boxes[i]
		common, size := 0, 0
		for j, w := range b.corners {
			common += int(min(w, x[j]))
			size += int(w)
		}
		choice := 1.0
		if size > 0 {
			choice = float64(common) / float64(size)
		}
		if choice > match {
			match, at = choice, i
		}
		if b.used < c.boxes[oldest].used {
			oldest = i
		}
	}
	switch {
	case at >= 0 && match >= c.vigilance:
		b := &c.boxes[at]
		for j, w := range b.corners {
			b.corners[j] = min(w, x[j])
		}
		b.used = c.now
	case len(c.boxes) < cap(c.boxes):
		c.boxes = append(c.boxes, box{x, c.now})
	default:
		c.boxes[oldest] = box{x, c.now}
	}
	return 1 - match
}

// Resize returns categories with another room, which keep those that were matched last.
func (c *Categories) Resize(room int) *Categories {
	r := New(c.vigilance, room)
	r.now = c.now
	for _, b := range c.boxes {
		newer := 0
		for _, o := range c.boxes {
			if o.used > b.used {
				newer++
			}
		}
		if newer < room && len(r.boxes) < room {
			r.boxes = append(r.boxes, b)
		}
	}
	return r
}

// Append appends the state.
func (c *Categories) Append(dst []byte) []byte {
	dst = stat.AppendUint(stat.AppendUint(dst, uint64(c.now)), uint64(len(c.boxes)))
	for _, b := range c.boxes {
		dst = stat.AppendUint(append(dst, b.corners[:]...), uint64(b.used))
	}
	return dst
}

// Read replaces the state by one that Append wrote with the same room; anything else marks r as damaged.
func (c *Categories) Read(r *stat.Reader) {
	c.now = uint32(r.Count(1<<32 - 1))
	c.boxes = c.boxes[:0]
	for range r.Count(cap(c.boxes)) {
		var b box
		for j := range b.corners {
			b.corners[j] = r.Byte()
		}
		b.used = uint32(r.Count(1<<32 - 1))
		if r.Err() != nil {
			return
		}
		c.boxes = append(c.boxes, b)
	}
}
