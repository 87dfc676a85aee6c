// Package prototype keeps a few typical windows of the course of one metric, where there is no memory for all of them.
//
// It returns the distance from the last eight points, each the mean of some readings, to the nearest prototype. What is farther than twice the mean distance
// becomes a prototype, in the place of the one that was nearest longest ago; anything else moves its prototype a little. It assumes that normal windows are
// of few kinds, at the same level. It fails where they are of more kinds than there are prototypes, as with a long cycle: then everything is somewhat new.
//
// A reading takes about 10 ns for each prototype; a prototype takes 20 bytes: points are kept in 16 bits, relative to bounds that widen when they must.
//
// It is leader clustering with least-recently-used replacement (Hartigan, "Clustering Algorithms", 1975, chapter 3), over the windows of package nearest.
package prototype

import (
	"math"

	"github.com/presage-pdm/presage/detectors/stat"
)

// Width is how many points a window has.
const Width = 8

// How prototypes learn.
const (
	far   = 2.0  // mean distances from which a window becomes a prototype
	move  = 0.05 // of the way to a window, for its nearest prototype
	usual = 0.01 // of the mean distance, per window
)

// Set is the prototypes of one step.
type Set struct {
	step     int
	windows  []window
	now      uint32
	mean     float64 // distance
	seen     int     // windows, at most 1/usual
	recent   [Width]float32
	filled   int
	sum      float64
	count    int
	low, per float64 // bounds: a point is low + per*uint16
}

type window struct {
	points [Width]uint16
	used   uint32
}

// New returns a set with room for prototypes, of windows whose points are means of so many readings.
func New(step, room int) *Set { return &Set{step: step, windows: make([]window, 0, room)} }

// Step is what [New] was given.
func (s *Set) Step() int { return s.step }

// Size is the memory of the prototypes in bytes.
func (s *Set) Size() int { return 20 * cap(s.windows) }

// Observe takes a reading. Where it completes a point of a full window, and there is a prototype, it returns the distance and true.
func (s *Set) Observe(x float32) (distance float64, ok bool) {
	s.sum += float64(x)
	if s.count++; s.count < s.step {
		return 0, false
	}
	copy(s.recent[:], s.recent[1:])
	point := float32(s.sum / float64(s.count))
	s.recent[Width-1] = point
	s.sum, s.count = 0, 0
	s.widen(float64(point))
	if s.filled = min(s.filled+1, Width); s.filled < Width {
		return 0, false
	}
	return s.learn()
}

// learn compares the recent points with the prototypes.
func (s *Set) learn() (distance float64, ok bool) {
	s.now++
	least, at, oldest := math.Inf(1), -1, 0
	for i := range s.windows {
		w := &s.windows[i]
		sum := 0.0
		for j, p := range w.points {
			d := s.low + s.per*float64(p) - float64(s.recent[j])
			sum += d * d
		}
		if sum < least {
			least, at = sum, i
		}
		if w.used < s.windows[oldest].used {
			oldest = i
		}
	}
	least = math.Sqrt(least)
	if at >= 0 && least <= far*s.mean {
		w := &s.windows[at]
		for j, p := range w.points {
			old := s.low + s.per*float64(p)
			w.points[j] = s.narrow(old + move*(float64(s.recent[j])-old))
		}
		w.used = s.now
	} else {
		w := window{used: s.now}
		for j, x := range s.recent {
			w.points[j] = s.narrow(float64(x))
		}
		if len(s.windows) < cap(s.windows) {
			s.windows = append(s.windows, w)
		} else {
			s.windows[oldest] = w
		}
	}
	if at < 0 {
		return 0, false
	}
	s.seen++
	s.mean += (least - s.mean) * max(usual, 1/float64(s.seen))
	s.seen = min(s.seen, int(1/usual))
	return least, true
}

func (s *Set) narrow(v float64) uint16 {
	if s.per == 0 {
		return 0
	}
	return uint16(max(0, min((v-s.low)/s.per+0.5, math.MaxUint16)))
}

// widen makes the bounds hold v, and half of their width more on its side, so that they seldom move.
func (s *Set) widen(v float64) {
	high := s.low + math.MaxUint16*s.per
	if s.filled == 0 && s.now == 0 {
		s.low, s.per = v, 0
		return
	}
	if v >= s.low && v <= high {
		return
	}
	low := s.low
	if v < low {
		low = v - 0.5*(high-v)
	} else {
		high = v + 0.5*(v-low)
	}
	was, per := s.low, s.per
	s.low, s.per = low, (high-low)/math.MaxUint16
	for i := range s.windows {
		for j, p := range s.windows[i].points {
			s.windows[i].points[j] = s.narrow(was + per*float64(p))
		}
	}
}

// Resize returns a set with another room, which keeps the prototypes that were nearest last.
func (s *Set) Resize(room int) *Set {
	r := *s
	r.windows = make([]window, 0, room)
	for _, w := range s.windows {
		newer := 0
		for _, o := range s.windows {
			if o.used > w.used {
				newer++
			}
		}
		if newer < room {
			r.windows = append(r.windows, w)
		}
	}
	return &r
}

// Append appends the state.
func (s *Set) Append(dst []byte) []byte {
	for _, n := range []int{len(s.windows), int(s.now), s.seen, s.filled, s.count} {
		dst = stat.AppendUint(dst, uint64(n))
	}
	for _, w := range s.windows {
		for _, p := range w.points {
			dst = append(dst, byte(p), byte(p>>8))
		}
		dst = stat.AppendUint(dst, uint64(w.used))
	}
	for _, v := range s.recent {
		dst = stat.AppendFloat32(dst, v)
	}
	return stat.AppendFloats(dst, s.mean, s.sum, s.low, s.per)
}

// Read replaces the state by one that Append wrote with the same settings; anything else marks r as damaged.
func (s *Set) Read(r *stat.Reader) {
	n := r.Count(cap(s.windows))
	s.now, s.seen = uint32(r.Count(1<<32-1)), r.Count(1/usual)
	s.filled, s.count = r.Count(Width), r.Count(s.step-1)
	s.windows = s.windows[:0]
	for range n {
		var w window
		for j := range w.points {
			low := r.Byte()
			w.points[j] = uint16(low) | uint16(r.Byte())<<8
		}
		w.used = uint32(r.Count(1<<32 - 1))
		if r.Err() != nil {
			return
		}
		s.windows = append(s.windows, w)
	}
	for j := range s.recent {
		s.recent[j] = r.Finite32()
	}
	s.mean, s.sum, s.low, s.per = r.Finite(), r.Finite(), r.Finite(), r.Finite()
	if s.mean < 0 || s.per < 0 {
		r.Fail()
	}
}
