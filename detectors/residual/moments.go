package residual

import "math"

// moments are the count, means and co-moments of vectors, the last place of which is the target: the normal equations of a least-squares
// regression, centred. They are merged exactly (Chan, Golub and LeVeque 1983).
type moments struct {
	n    float64
	mean []float64
	co   []float64 // lower triangle, by rows
}

func newMoments(width int) moments {
	return moments{mean: make([]float64, width), co: make([]float64, width*(width+1)/2)}
}

// add takes one vector.
func (m *moments) add(v []float64) {
	m.n++
	at := 0
	for i, x := range v {
		d := (x - m.mean[i]) * (m.n - 1) / m.n
		for j := range i + 1 {
			m.co[at] += d * (v[j] - m.mean[j])
			at++
		}
	}
	for i, x := range v {
		m.mean[i] += (x - m.mean[i]) / m.n
	}
}

// merge adds what others are, counted with a weight.
func (m *moments) merge(other *moments, weight float64) {
	n := weight * other.n
	if n == 0 {
		return
	}
	sum := m.n + n
	at := 0
	for i := range m.mean {
		d := (other.mean[i] - m.mean[i]) * m.n * n / sum
		for j := range i + 1 {
			m.co[at] += weight*other.co[at] + d*(other.mean[j]-m.mean[j])
			at++
		}
	}
	for i := range m.mean {
		m.mean[i] += (other.mean[i] - m.mean[i]) * n / sum
	}
	m.n = sum
}

// scale makes everything count so much.
func (m *moments) scale(share float64) {
	m.n *= share
	for i := range m.co {
		m.co[i] *= share
	}
}

// reset forgets everything.
func (m *moments) reset() {
	m.n = 0
	clear(m.mean)
	clear(m.co)
}

// line is a regression that was solved: features are centred, divided by their deviations and weighed.
type line struct {
	scale  []float64 // deviation of each feature, 0 for one that does not move
	weight []float64 // of the standardised features, in units of the target
	factor []float64 // lower Cholesky factor of the ridged correlation matrix, by rows
}

// ridge is added to the diagonal of the correlation matrix (Hoerl and Kennard 1970).
const ridge = 1e-3

// solve returns the regression of the target on the features.
func (m *moments) solve() *line {
	p := len(m.mean) - 1
	l := &line{scale: make([]float64, p), weight: make([]float64, p), factor: make([]float64, p*(p+1)/2)}
	for i := range p {
		if v := m.co[i*(i+1)/2+i]; v > 1e-18*m.n*m.mean[i]*m.mean[i] {
			l.scale[i] = math.Sqrt(v / m.n)
		}
	}
	over := func(v, scale float64) float64 {
		if scale == 0 {
			return 0
		}
		return v / scale
	}
	for i := range p {
		for j := range i + 1 {
			s := over(over(m.co[i*(i+1)/2+j]/m.n, l.scale[i]), l.scale[j])
			if i == j {
				s = 1 + ridge
			}
			for k := range j {
				s -= l.factor[i*(i+1)/2+k] * l.factor[j*(j+1)/2+k]
			}
			if i == j {
				l.factor[i*(i+1)/2+i] = math.Sqrt(max(s, ridge/2))
			} else {
				l.factor[i*(i+1)/2+j] = s / l.factor[j*(j+1)/2+j]
			}
		}
		l.weight[i] = over(m.co[p*(p+1)/2+i]/m.n, l.scale[i])
	}
	l.forward(l.weight)
	for i := p - 1; i >= 0; i-- {
		for k := i + 1; k < p; k++ {
			l.weight[i] -= l.factor[k*(k+1)/2+i] * l.weight[k]
		}
		l.weight[i] /= l.factor[i*(i+1)/2+i]
	}
	return l
}

// forward replaces v by the solution of factor times it.
func (l *line) forward(v []float64) {
	at := 0
	for i := range v {
		for k := range i {
			v[i] -= l.factor[at+k] * v[k]
		}
		v[i] /= l.factor[at+i]
		at += i + 1
	}
}

// farthest is how many deviations a feature counts at most: a square law is not followed far beyond what was seen.
const farthest = 4

// expect returns what the target should be at the features, and how far they are from those that taught: the squared Mahalanobis distance over
// the number of features, about 1 on average. scratch is as long as the features.
func (l *line) expect(m *moments, features, scratch []float64) (value, far float64) {
	p := len(l.scale)
	value = m.mean[p]
	for i := range p {
		scratch[i] = 0
		if l.scale[i] > 0 {
			scratch[i] = max(-farthest, min(farthest, (features[i]-m.mean[i])/l.scale[i]))
		}
		value += l.weight[i] * scratch[i]
	}
	l.forward(scratch)
	for _, s := range scratch {
		far += s * s
	}
	return value, far / float64(max(1, p))
}
