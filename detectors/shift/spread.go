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
func (m *metric) hasty() bool { return m.n > 0 && m.span() < m.pace-math.Log(haste) }

// variance returns how much the mean of the block under way may differ from that of the baseline, squared. What was known before weighs like the blocks of a prior
// (inverse chi-squared; Gelman et al., Bayesian Data Analysis, 2.6). Of a block that came in haste, what wanders within a long block and is averaged out
// there moves the whole: at worst its mean varies like a single reading.
func (m *metric) variance() float64 {
	v := m.m2 / max(1, m.n-1)
	if m.prior > 0 {
		v = (m.m2 + priorBlocks*m.prior) / (m.n - 1 + priorBlocks)
	}
	if m.hasty() {
		v += m.within
	}
	return v
}

// pacing learns from the block under way how readings vary within a block and how long one takes. It is given every block that the baseline learns.
func (m *metric) pacing() {
	n := m.n
	if m.pace == 0 { // not known yet, though blocks may be: of the state of earlier days
		n = 1
	}
	m.within += (m.scatter/(blockLen-1) - m.within) / n
	m.pace += (m.span() - m.pace) / n
}
