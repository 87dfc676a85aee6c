package shift

import (
	"math"

	"github.com/presage-pdm/presage/detectors/stat"
)

// Bounds of a state that is believed.
const (
	mostMetrics = 1 << 16
	mostName    = 256
)

// AppendState implements [detectors.Joint].
func (j *judge) AppendState(dst []byte) []byte {
	dst = stat.AppendBool(dst, j.due)
	dst = stat.AppendUint(dst, uint64(len(j.comps)))
	for _, c := range j.comps {
		dst = stat.AppendString(dst, c.name)
		dst = stat.AppendBool(dst, c.active)
		dst = stat.AppendInt(dst, c.onset)
		dst = stat.AppendFloat(dst, c.best)
		dst = stat.AppendInt(dst, int64(c.members))
	}
	dst = stat.AppendUint(dst, uint64(len(j.metrics)))
	for _, m := range j.metrics {
		dst = m.append(dst)
	}
	for _, m := range j.metrics {
		dst = m.appendSpread(dst)
	}
	return dst
}

func (m *metric) append(dst []byte) []byte {
	p := m.past
	if p == nil {
		p = new(past) // on the stack
	}
	dst = stat.AppendString(dst, m.name)
	for _, v := range []int32{m.comp, m.count, int32(p.runLen), p.quiet, p.wait, int32(p.learned), p.moved, m.profile} {
		dst = stat.AppendInt(dst, int64(v))
	}
	dst = stat.AppendInt(dst, m.start)
	dst = stat.AppendInt(dst, m.last)
	for _, f := range m.floats(p) {
		dst = stat.AppendFloat(dst, *f)
	}
	for _, b := range []bool{p.abrupt, p.fresh, p.held} {
		dst = stat.AppendBool(dst, b)
	}
	dst = stat.AppendUint(dst, uint64(p.queued))
	dst = stat.AppendFloats(dst, p.recent[:p.queued]...)
	dst = stat.AppendFloats(dst, p.changes[:p.queued]...)
	for i := range p.runLen {
		dst = stat.AppendFloat(dst, p.run[i])
		dst = stat.AppendInt(dst, p.starts[i])
	}
	return dst
}

// floats lists the numbers of a metric and its past in the order of the binary form.
func (m *metric) floats(p *past) []*float64 {
	return []*float64{
		&m.sum, &m.season, &m.interval, &m.value,
		&m.low, &m.high, &m.atLow, &m.atHigh, &m.total, &m.change, &m.step,
		&p.n, &p.mean, &p.m2, &p.auto, &p.prev, &p.changeSq, &p.changeN,
		&p.ref, &p.side, &p.surprise, &p.block, &p.blockShare,
	}
}

// RestoreState implements [detectors.Joint].
func (j *judge) RestoreState(src []byte) error {
	r := stat.NewReader(src)
	fresh := judge{cfg: j.cfg, cohort: j.cohort, sound: j.sound, due: r.Bool()}
	for range r.Count(mostMetrics) {
		c := component{name: r.String(mostName), active: r.Bool(), onset: r.Int(), best: r.Finite(), members: int(r.Int())}
		if r.Err() != nil {
			return r.Err()
		}
		fresh.comps = append(fresh.comps, c)
	}
	for range r.Count(mostMetrics) {
		m := readMetric(r)
		if r.Err() == nil && (m.comp < 0 || int(m.comp) >= len(fresh.comps)) {
			r.Fail()
		}
		if r.Err() != nil {
			return r.Err()
		}
		fresh.metrics = append(fresh.metrics, m)
	}
	whole := len(r.Rest()) > 0 // states of earlier days end here
	for _, m := range fresh.metrics {
		if whole {
			m.readSpread(r)
		} else if *m.past == (past{}) {
			m.past = nil
		}
	}
	if err := r.Done(); err != nil {
		return err
	}
	*j = fresh
	return nil
}

// readMetric reads a metric and its past, also where it has none.
func readMetric(r *stat.Reader) *metric {
	m, p := newMetric(r.String(mostName), 0), new(past)
	m.past = p
	var runLen, learned int32
	for _, to := range []*int32{&m.comp, &m.count, &runLen, &p.quiet, &p.wait, &learned, &p.moved, &m.profile} {
		v := r.Int()
		if v < 0 || v > math.MaxInt32 {
			r.Fail()
		}
		*to = int32(v)
	}
	m.start, m.last = r.Int(), r.Int()
	for _, to := range m.floats(p) {
		*to = r.Float()
	}
	p.abrupt, p.fresh, p.held = r.Bool(), r.Bool(), r.Bool()
	p.queued = uint8(r.Count(persist))
	for i := range p.queued {
		p.recent[i] = r.Float()
	}
	for i := range p.queued {
		p.changes[i] = r.Float()
	}
	if runLen < 0 || runLen > persist || learned < 0 || learned >= learnEvery || m.count >= blockLen {
		r.Fail()
		return m
	}
	p.runLen, p.learned = uint8(runLen), uint8(learned)
	for i := range p.runLen {
		p.run[i], p.starts[i] = r.Float(), r.Int()
	}
	return m
}

// spread lists what a metric knows of how its blocks spread.
func (m *metric) spread() []*float64 {
	if m.past == nil {
		return []*float64{&m.scatter}
	}
	return []*float64{&m.scatter, &m.within, &m.pace, &m.paced, &m.prior, &m.sd}
}

func (m *metric) appendSpread(dst []byte) []byte {
	dst = stat.AppendBool(dst, m.past != nil)
	for _, f := range m.spread() {
		dst = stat.AppendFloat(dst, *f)
	}
	return dst
}

func (m *metric) readSpread(r *stat.Reader) {
	if ended := r.Bool(); !ended {
		m.past = nil
	}
	for _, to := range m.spread() {
		*to = r.Float()
	}
}
