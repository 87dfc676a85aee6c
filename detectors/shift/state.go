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
	return dst
}

func (m *metric) append(dst []byte) []byte {
	dst = stat.AppendString(dst, m.name)
	for _, v := range []int{m.comp, m.count, m.runLen, m.quiet, m.wait, m.learned, m.moved, m.profile} {
		dst = stat.AppendInt(dst, int64(v))
	}
	dst = stat.AppendInt(dst, m.start)
	dst = stat.AppendInt(dst, m.last)
	for _, p := range m.floats() {
		dst = stat.AppendFloat(dst, *p)
	}
	for _, b := range []bool{m.abrupt, m.fresh, m.held} {
		dst = stat.AppendBool(dst, b)
	}
	dst = stat.AppendUint(dst, uint64(m.queued))
	dst = stat.AppendFloats(dst, m.recent[:m.queued]...)
	dst = stat.AppendFloats(dst, m.changes[:m.queued]...)
	for i := range m.runLen {
		dst = stat.AppendFloat(dst, m.run[i])
		dst = stat.AppendInt(dst, m.starts[i])
	}
	return dst
}

// floats lists the numbers of the state in the order of the binary form.
func (m *metric) floats() []*float64 {
	return []*float64{
		&m.sum, &m.season, &m.interval, &m.value,
		&m.low, &m.high, &m.atLow, &m.atHigh, &m.total, &m.change, &m.step,
		&m.n, &m.mean, &m.m2, &m.auto, &m.prev, &m.changeSq, &m.changeN,
		&m.ref, &m.side, &m.surprise, &m.block, &m.blockShare,
	}
}

// RestoreState implements [detectors.Joint].
func (j *judge) RestoreState(src []byte) error {
	r := stat.NewReader(src)
	fresh := judge{cfg: j.cfg, due: r.Bool()}
	for range r.Count(mostMetrics) {
		c := component{name: r.String(mostName), active: r.Bool(), onset: r.Int(), best: r.Finite(), members: int(r.Int())}
		if r.Err() != nil {
			return r.Err()
		}
		fresh.comps = append(fresh.comps, c)
	}
	for range r.Count(mostMetrics) {
		m := readMetric(r)
		if r.Err() == nil && (m.comp < 0 || m.comp >= len(fresh.comps)) {
			r.Fail()
		}
		if r.Err() != nil {
			return r.Err()
		}
		fresh.metrics = append(fresh.metrics, m)
	}
	if err := r.Done(); err != nil {
		return err
	}
	*j = fresh
	return nil
}

func readMetric(r *stat.Reader) *metric {
	m := newMetric(r.String(mostName), 0)
	for _, p := range []*int{&m.comp, &m.count, &m.runLen, &m.quiet, &m.wait, &m.learned, &m.moved, &m.profile} {
		v := r.Int()
		if v < 0 || v > math.MaxInt32 {
			r.Fail()
		}
		*p = int(v)
	}
	m.start, m.last = r.Int(), r.Int()
	for _, p := range m.floats() {
		*p = r.Float()
	}
	m.abrupt, m.fresh, m.held = r.Bool(), r.Bool(), r.Bool()
	m.queued = r.Count(persist)
	for i := range m.queued {
		m.recent[i] = r.Float()
	}
	for i := range m.queued {
		m.changes[i] = r.Float()
	}
	if m.runLen > persist || m.count >= blockLen {
		r.Fail()
		return m
	}
	for i := range m.runLen {
		m.run[i], m.starts[i] = r.Float(), r.Int()
	}
	return m
}
