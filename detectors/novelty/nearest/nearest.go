// Package nearest judges the shape of the recent course of one metric by the windows of its past that are most like it.
//
// It returns the distance from the last eight points to the k-th nearest eight points of the past, where a point is a reading or the mean of
// several, and the newest points do not count as past. It assumes that what is normal was seen before, at the same level, within the memory. It
// fails on a slow drift, which is always close to what was just before, and on what happens often enough to have been seen k times.
//
// A reading takes up to 10 us for 2000 points, less the more alike the windows are, as a distance is given up once it is too large; a point takes 4 bytes.
//
// Burnaev & Ishimtsev, "Conformalized density- and distance-based anomaly detection in time-series data" (2016): KNN-CAD, here with the Euclidean distance.
package nearest

import (
	"math"

	"github.com/presage-pdm/presage/detectors/stat"
)

// Width is how many points a window has.
const Width = 8

// Config sets [Windows].
type Config struct {
	Step   int // readings whose mean is a point
	Points int // of memory, the newest included
	Rank   int // which of the nearest windows counts, 1 to 4, 1 for the nearest
}

// Windows holds the points of the past.
type Windows struct {
	cfg    Config
	points []float32 // a ring, once it is full
	next   int       // where the next point goes, and the oldest is, in a full ring
	sum    float64   // of the readings of the point under way
	count  int
}

// New returns windows without a past.
func New(cfg Config) *Windows {
	return &Windows{cfg: cfg, points: make([]float32, 0, cfg.Points)}
}

// Size is the memory of the points in bytes.
func (w *Windows) Size() int { return 4 * cap(w.points) }

// Observe takes a reading. Where it completes a point, and as many windows of the past as the rank are there, it returns the distance and true.
func (w *Windows) Observe(x float32) (distance float64, ok bool) {
	w.sum += float64(x)
	if w.count++; w.count < w.cfg.Step {
		return 0, false
	}
	point := float32(w.sum / float64(w.count))
	w.sum, w.count = 0, 0
	if len(w.points) < cap(w.points) {
		w.points = append(w.points, point)
	} else {
		w.points[w.next] = point
		w.next = (w.next + 1) % len(w.points)
	}
	if len(w.points)-2*Width+1 < w.cfg.Rank {
		return 0, false
	}
	return w.distance(), true
}

// at returns the i-th oldest point.
func (w *Windows) at(i int) float32 {
	if i += w.next; i >= len(w.points) {
		i -= len(w.points)
	}
	return w.points[i]
}

func (w *Windows) distance() float64 {
	n := len(w.points)
	var query [Width]float64
	for i := range query {
		query[i] = float64(w.at(n - Width + i))
	}
	var best [4]float64 // the smallest so far, in rising order
	k := min(w.cfg.Rank, len(best))
	for i := range best {
		best[i] = math.Inf(1)
	}
	var window [Width]float32
	for i := range n - 2*Width + 1 {
		from := i + w.next
		if from >= n {
			from -= n
		}
		past := w.points[from:min(from+Width, n)]
		if len(past) < Width {
			m := copy(window[:], past)
			copy(window[m:], w.points)
			past = window[:]
		}
		past = past[:Width]
		sum, most := 0.0, best[k-1]
		for j := 0; j < Width && sum < most; j += 2 {
			a, b := query[j]-float64(past[j]), query[j+1]-float64(past[j+1])
			sum += a*a + b*b
		}
		if sum >= most {
			continue
		}
		j := k - 1
		for ; j > 0 && best[j-1] > sum; j-- {
			best[j] = best[j-1]
		}
		best[j] = sum
	}
	return math.Sqrt(best[k-1])
}

// Append appends the state.
func (w *Windows) Append(dst []byte) []byte {
	dst = stat.AppendUint(dst, uint64(len(w.points)))
	for i := range w.points {
		dst = stat.AppendFloat32(dst, w.at(i))
	}
	return stat.AppendFloat(stat.AppendUint(dst, uint64(w.count)), w.sum)
}

// Read replaces the state by one that Append wrote with the same settings; anything else marks r as damaged.
func (w *Windows) Read(r *stat.Reader) {
	w.points, w.next = w.points[:0], 0
	for range r.Count(cap(w.points)) {
		if r.Err() != nil {
			return
		}
		w.points = append(w.points, r.Finite32())
	}
	w.count = r.Count(w.cfg.Step - 1)
	w.sum = r.Finite()
}
