package shift

import "math"

const (
	// haste is how many times faster than those of the baseline the readings of a block must come for their mean to be judged as that of one reading.
	haste = 4
	// priorBlocks is how many blocks the prior of the variance weighs.
	priorBlocks = 20
)

// begin begins a block.
func (m *metric) begin() { m.sum, m.season, m.scatter, m.count = 0, 0, 0, 0 }

// add takes a reading into the block under way.
func (m *metric) add(value, season float64) {
	if n := float64(m.count); n > 0 {
		off := value - m.sum/n
		m.scatter += off * off * n / (n + 1)
	}
	m.sum += value
	m.season += season
	m.count++
}

// span returns ln of the time that the block under way took.
func (m *metric) span() float64 { return math.Log(max(1, float64(m.last-m.start))) }

// hasty tells that the block under way took much less time than those of the baseline.
func (m *metric) hasty() bool { return m.paced > 0 && m.span() < m.pace-math.Log(haste) }

// variance returns that of the means of blocks as long as those of the baseline. What was known before weighs like the blocks of a prior
// (inverse chi-squared; Gelman et al., Bayesian Data Analysis, 2.6).
func (m *metric) variance() float64 {
	if m.prior > 0 {
		return (m.m2 + priorBlocks*m.prior) / (m.n - 1 + priorBlocks)
	}
	return m.m2 / (m.n - 1)
}

// deviation returns by how much the mean of the block under way usually differs from that of the baseline. Of a block that came in haste, what wanders within
// a long one and is averaged out there moves the whole: at worst its mean varies like a single reading. It is never less than the rounding of the sensor.
func (m *metric) deviation() float64 {
	v := m.variance()
	if m.hasty() {
		v += m.within
	}
	return max(math.Sqrt(v), m.step/math.Sqrt(12))
}

// recall keeps, of a baseline that is to be forgotten, what is known of how its blocks spread, with the weight of a prior; nothing when the spread is going to be
// another.
func (m *metric) recall(alike bool) {
	if !alike || m.n < minBlocks {
		m.prior, m.paced, m.within, m.pace = 0, 0, 0, 0
		return
	}
	m.prior, m.paced = m.variance(), min(m.paced, priorBlocks)
}

// pacing learns from the block under way how readings vary within a block and how long one takes. It is given every block that the baseline learns.
func (m *metric) pacing() {
	if !(m.scatter <= math.MaxFloat64) { // readings beyond what can be squared
		return
	}
	if m.paced >= maxBlocks {
		m.paced /= 2
	}
	m.paced++
	m.within += (m.scatter/(blockLen-1) - m.within) / m.paced
	m.pace += (m.span() - m.pace) / m.paced
}
