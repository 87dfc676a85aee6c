package multivariate

import (
	"math"
	"slices"
)

// warmUp is what is kept of the first rows of a regime. Its slices of metrics are by index and as long as the metrics that were known in its last row.
type warmUp struct {
	rows   int // taken
	stride int // every so manieth of them is kept
	kept   [][]float64
	seen   []sight
}

// sight is what a warm-up has seen of one metric.
type sight struct {
	rows, changes int     // in which it was present, and in which another value was read, counted up to fewChanges
	noise         float64 // sum of the squares of the distances of readings to the smoothed ones
	low, high     float64 // of its readings, if there were rows
}

// add takes a row. settled is whether the smoothed values are smooth.
func (w *warmUp) add(metrics []*metric, time int64, settled bool) {
	w.stride = max(w.stride, 1)
	for len(w.seen) < min(len(metrics), mostMetrics) {
		w.seen = append(w.seen, sight{})
	}
	for i := range w.seen {
		if m := metrics[i]; m.present(time) {
			w.seen[i].add(m)
		}
	}
	if settled && w.rows%w.stride == 0 {
		row := make([]float64, len(w.seen))
		for i := range row {
			row[i] = math.NaN()
			if m := metrics[i]; m.present(time) {
				row[i] = m.z
			}
		}
		w.kept = append(w.kept, row)
	}
	if len(w.kept) == keptRows { // from here on every other one of them
		for i := range keptRows / 2 {
			w.kept[i] = w.kept[2*i]
		}
		w.kept = slices.Delete(w.kept, keptRows/2, keptRows)
		w.stride *= 2
	}
	w.rows++
}

// add takes a row in which the metric is present.
func (s *sight) add(m *metric) {
	if m.changed {
		s.changes = min(s.changes+1, fewChanges)
	}
	if s.rows == 0 {
		s.low, s.high = m.value, m.value
	}
	s.low, s.high = min(s.low, m.value), max(s.high, m.value)
	e := m.value - m.z
	s.noise = min(s.noise+e*e, math.MaxFloat64)
	s.rows++
}

// slowness returns how many times slower than its readings scatter a metric wanders whose smoothed values have the deviation, at least 1.
func (s *sight) slowness(sd float64) float64 {
	noise := math.Sqrt(s.noise / float64(s.rows))
	if slow := sd / noise; slow > 1 && !math.IsInf(slow, 0) {
		return slow
	}
	return 1
}
