package multivariate

import (
	"math"
	"slices"
)

// baseline is what is known of a healthy device in one operating regime. Its numbers are in units of the deviation of each watched metric.
type baseline struct {
	watched    []int     // by index of the metric its place below, -1 if it is not watched
	metrics    []int     // by place the index of the metric
	mean, sd   []float64 // by place
	least      []float64 // by place the deviation that the warm-up ended with
	shape      []float64 // shrunk correlation, lower triangle by rows
	threshold  float64   // of T²
	calibrated int       // rows the threshold comes from
	demands    []demand  // what drives the machine, by index of the metric
	met        int64     // time of its last row

	// What follows is computed from the above.
	mask   []bool    // the places that the factor holds
	factor []float64 // Cholesky factor of shape, lower triangle; places that are masked are those of a unit matrix
	d, y   []float64 // deviations and S⁻¹d of the last row
}

// newBaseline makes a baseline of a warm-up of so many rows. The threshold is so many times what was reached in it.
func newBaseline(w *warmUp, rows int, margin float64, drives func(metric int) bool) *baseline {
	b := &baseline{watched: make([]int, len(w.seen))}
	for i := range w.seen {
		s := &w.seen[i]
		b.watched[i] = -1
		mean, sd := moments(w.kept, i)
		slow := s.slowness(sd)
		if s.changes >= fewChanges && sd > leastMoving*math.Abs(mean) && !math.IsInf(sd*slow, 0) {
			b.watched[i] = len(b.metrics)
			b.metrics, b.mean, b.sd = append(b.metrics, i), append(b.mean, mean), append(b.sd, sd*slow)
		}
		if s.rows > 0 && drives(i) {
			b.demands = append(b.demands, demand{metric: i, low: s.low, high: s.high})
		}
	}
	n := len(b.metrics)
	b.least, b.shape = slices.Clone(b.sd), make([]float64, triangle(n))
	b.prepare()
	for _, row := range w.kept {
		b.deviate(func(i int) float64 { return at(row, i) })
		for i := range n {
			for j := range i + 1 {
				b.shape[triangle(i)+j] += b.d[i] * b.d[j] / float64(len(w.kept))
			}
		}
	}
	b.shrink(float64(len(w.kept)), float64(rows)*weight/(2-weight))
	for _, row := range w.kept {
		b.threshold = max(b.threshold, margin*b.judge(func(i int) float64 { return at(row, i) }))
	}
	b.calibrated = len(w.kept)
	return b
}

// triangle returns how many numbers are before row i of a lower triangle.
func triangle(i int) int { return i * (i + 1) / 2 }

// at returns a value of a row that may be from before the metric was known.
func at(row []float64, i int) float64 {
	if i < len(row) {
		return row[i]
	}
	return math.NaN()
}

// moments returns mean and deviation of a column without its NaN. The scale is taken out first, so that squares do not overflow.
func moments(rows [][]float64, i int) (mean, sd float64) {
	largest, n := 0.0, 0.0
	for _, row := range rows {
		if v := at(row, i); v == v {
			largest, n = max(largest, math.Abs(v)), n+1
		}
	}
	if largest == 0 || n < 2 {
		return 0, 0
	}
	for _, row := range rows {
		if v := at(row, i); v == v {
			mean += v / largest / n
		}
	}
	for _, row := range rows {
		if v := at(row, i); v == v {
			sd += (v/largest - mean) * (v/largest - mean) / (n - 1)
		}
	}
	return mean * largest, math.Sqrt(sd) * largest
}

// prepare makes room for what is computed.
func (b *baseline) prepare() {
	n := len(b.metrics)
	b.mask, b.factor = nil, make([]float64, triangle(n))
	b.d, b.y = make([]float64, n), make([]float64, n)
}

// shrink makes shape, the sum of products over rows, a well-conditioned correlation: n rows worth so many independent ones.
func (b *baseline) shrink(n, independent float64) {
	p := float64(len(b.metrics))
	squares := 0.0
	for i := range b.metrics {
		for j := range i {
			r := b.shape[triangle(i)+j] * n / (n - 1)
			squares += 2 * r * r
			b.shape[triangle(i)+j] = r
		}
		// Exactly 1 where nothing was missing. Where something was, products fall short and this adds to the diagonal only.
		b.shape[triangle(i)+i] = 1
	}
	squares += p
	n = max(independent, 3)
	rho := 1.0
	if squares > p {
		rho = min(1, ((n-2)/n*squares+p*p)/((n+2)*(squares-p)))
	}
	rho = max(rho, 0.01)
	for i := range b.metrics {
		for j := range i {
			b.shape[triangle(i)+j] *= 1 - rho
		}
	}
}

// deviate sets d to the deviations of the values of metrics, 0 where there is none, and reports whether all that the factor holds are there and no more.
func (b *baseline) deviate(value func(metric int) float64) (fits bool) {
	fits = b.mask != nil
	for k, i := range b.metrics {
		v := value(i)
		there := v == v
		fits = fits && b.mask[k] == there
		b.d[k] = 0
		if there {
			b.d[k] = max(-farthest, min(farthest, v/b.sd[k]-b.mean[k]/b.sd[k]))
		}
	}
	return fits
}

// judge returns T² of the values of metrics, NaN where there is none, and leaves d and y = S⁻¹d.
func (b *baseline) judge(value func(metric int) float64) float64 {
	if !b.deviate(value) {
		b.mask = slices.Grow(b.mask[:0], len(b.metrics))[:len(b.metrics)]
		for k, i := range b.metrics {
			v := value(i)
			b.mask[k] = v == v
		}
		b.decompose()
	}
	return b.solve()
}

// solve sets y to S⁻¹d and returns T², which is d'y.
func (b *baseline) solve() float64 {
	n, sum := len(b.metrics), 0.0
	for i := range n {
		row, v := b.factor[triangle(i):triangle(i+1)], b.d[i]
		for k, y := range b.y[:i] {
			v -= row[k] * y
		}
		b.y[i] = v / row[i]
		sum += b.y[i] * b.y[i]
	}
	for i := n - 1; i >= 0; i-- {
		v := b.y[i]
		for k := i + 1; k < n; k++ {
			v -= b.factor[triangle(k)+i] * b.y[k]
		}
		b.y[i] = v / b.factor[triangle(i)+i]
	}
	return sum
}

// decompose computes the Cholesky factor of the shape of the metrics in the mask. Shrinkage has made the shape positive definite.
func (b *baseline) decompose() {
	for i := range b.metrics {
		for j := range i + 1 {
			v := 0.0
			if i == j {
				v = 1
			}
			if b.mask[i] && b.mask[j] {
				v = b.shape[triangle(i)+j]
			}
			for k := range j {
				v -= b.factor[triangle(i)+k] * b.factor[triangle(j)+k]
			}
			if i == j {
				b.factor[triangle(i)+i] = math.Sqrt(max(v, 1e-6))
				continue
			}
			b.factor[triangle(i)+j] = v / b.factor[triangle(j)+j]
		}
	}
}

// follow moves centre and spread by a share towards the last row. The spread does not fall below that of the warm-up.
func (b *baseline) follow(share float64) {
	for k, there := range b.mask {
		if there {
			b.mean[k] += share * b.d[k] * b.sd[k]
			b.sd[k] = max(b.least[k], b.sd[k]*math.Sqrt(1+share*(min(b.d[k]*b.d[k], mostSpread)-1)))
		}
	}
}
