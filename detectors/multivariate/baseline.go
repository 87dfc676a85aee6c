package multivariate

import (
	"math"
	"slices"
)

// baseline is what is known of a healthy device. Its numbers are in units of the deviation of each watched metric.
type baseline struct {
	watched    []int     // by index of the metric its place below, -1 if it is not watched
	metrics    []int     // by place the index of the metric
	mean, sd   []float64 // by place
	shape      []float64 // shrunk correlation, lower triangle by rows
	threshold  float64   // of T²
	calibrated int       // rows the threshold comes from

	// What follows is computed from the above.
	mask   []bool    // the places that the factor holds
	factor []float64 // Cholesky factor of shape, lower triangle; places that are masked are those of a unit matrix
	d, y   []float64 // deviations and S⁻¹d of the last row
}

// newBaseline makes a baseline of rows. enough tells which metrics were read often enough.
func newBaseline(rows []keptRow, enough []bool, cfg Config) *baseline {
	b := &baseline{watched: make([]int, len(enough))}
	for i, ok := range enough {
		b.watched[i] = -1
		mean, sd := moments(rows, i)
		if ok && sd > leastMoving*math.Abs(mean) && !math.IsInf(sd, 0) {
			b.watched[i] = len(b.metrics)
			b.metrics, b.mean, b.sd = append(b.metrics, i), append(b.mean, mean), append(b.sd, sd)
		}
	}
	n := len(b.metrics)
	b.shape = make([]float64, triangle(n))
	b.prepare()
	for _, row := range rows {
		b.deviate(func(i int) float64 { return at(row.smooth, i) })
		for i := range n {
			for j := range i + 1 {
				b.shape[triangle(i)+j] += b.d[i] * b.d[j] / float64(len(rows))
			}
		}
	}
	b.shrink(float64(len(rows)), float64(cfg.WarmUp)*weight/(2-weight))
	b.calibrate(rows, -math.Log10(cfg.AlertRate))
	return b
}

// calibrate sets the threshold: so many times what smoothed readings reached in the rows, or what three of four single ones exceeded. The
// latter keeps a level from counting as another while most readings are as far from the centre.
func (b *baseline) calibrate(rows []keptRow, margin float64) {
	single := make([]float64, len(rows))
	for k, row := range rows {
		b.threshold = max(b.threshold, b.judge(func(i int) float64 { return at(row.smooth, i) }))
		single[k] = b.judge(func(i int) float64 { return at(row.single, i) })
	}
	slices.Sort(single)
	b.calibrated = len(rows)
	b.threshold = margin * max(b.threshold, single[len(rows)/4])
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
func moments(rows []keptRow, i int) (mean, sd float64) {
	largest, n := 0.0, 0.0
	for _, row := range rows {
		if v := at(row.smooth, i); v == v {
			largest, n = max(largest, math.Abs(v)), n+1
		}
	}
	if largest == 0 || n < 2 {
		return 0, 0
	}
	for _, row := range rows {
		if v := at(row.smooth, i); v == v {
			mean += v / largest / n
		}
	}
	for _, row := range rows {
		if v := at(row.smooth, i); v == v {
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

// follow moves the mean by a share of the deviations of the last row.
func (b *baseline) follow(share float64) {
	for k := range b.metrics {
		b.mean[k] += share * b.d[k] * b.sd[k]
	}
}
