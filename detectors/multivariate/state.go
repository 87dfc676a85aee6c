package multivariate

import (
	"math"
	"slices"

	"github.com/presage-pdm/presage/detectors/stat"
)

// Bounds of a state that is believed.
const (
	mostNames = 1 << 16
	mostName  = 256
	mostRows  = math.MaxInt32
)

// AppendState implements [detectors.Joint].
func (c *Chart) AppendState(dst []byte) []byte {
	dst = stat.AppendUint(dst, uint64(len(c.metrics)))
	for _, m := range c.metrics {
		dst = stat.AppendString(dst, m.name)
		dst = stat.AppendString(dst, m.component)
		dst = stat.AppendUint(dst, uint64(m.n))
		dst = stat.AppendInt(dst, m.last)
		dst = stat.AppendFloats(dst, m.z, m.value, m.interval)
		dst = stat.AppendBool(dst, m.changed)
	}
	dst = stat.AppendBool(dst, c.fresh)
	dst = stat.AppendInt(dst, c.last)
	dst = c.warmUp.append(dst)
	dst = stat.AppendUint(dst, uint64(len(c.regimes)))
	for _, b := range c.regimes {
		dst = b.append(dst)
	}
	if len(c.regimes) == 0 {
		return dst
	}
	dst = stat.AppendUint(dst, uint64(slices.Index(c.regimes, c.base)))
	dst = stat.AppendUint(dst, uint64(c.strange))
	dst = stat.AppendBool(dst, c.on)
	dst = stat.AppendString(dst, c.component)
	dst = stat.AppendInt(dst, c.since)
	return stat.AppendFloats(dst, c.statistic, c.best)
}

func (w *warmUp) append(dst []byte) []byte {
	dst = stat.AppendUint(dst, uint64(w.rows))
	dst = stat.AppendUint(dst, uint64(w.stride))
	dst = stat.AppendUint(dst, uint64(len(w.seen)))
	for _, s := range w.seen {
		dst = stat.AppendUint(dst, uint64(s.rows))
		dst = stat.AppendUint(dst, uint64(s.changes))
		dst = stat.AppendFloats(dst, s.noise, s.low, s.high)
	}
	dst = stat.AppendUint(dst, uint64(len(w.kept)))
	for _, row := range w.kept {
		dst = stat.AppendUint(dst, uint64(len(row)))
		for _, v := range row {
			dst = stat.AppendBool(dst, v == v)
			if v == v {
				dst = stat.AppendFloat(dst, v)
			}
		}
	}
	return dst
}

func (b *baseline) append(dst []byte) []byte {
	dst = stat.AppendUint(dst, uint64(len(b.watched)))
	for _, at := range b.watched {
		dst = stat.AppendBool(dst, at >= 0)
	}
	dst = stat.AppendFloats(dst, b.mean...)
	dst = stat.AppendFloats(dst, b.sd...)
	dst = stat.AppendFloats(dst, b.least...)
	dst = stat.AppendFloats(dst, b.shape...)
	dst = stat.AppendFloat(dst, b.threshold)
	dst = stat.AppendUint(dst, uint64(b.calibrated))
	dst = stat.AppendUint(dst, uint64(len(b.demands)))
	for _, d := range b.demands {
		dst = stat.AppendUint(dst, uint64(d.metric))
		dst = stat.AppendFloats(dst, d.low, d.high)
	}
	dst = stat.AppendInt(dst, b.met)
	for k := range b.metrics {
		dst = stat.AppendBool(dst, b.mask != nil && b.mask[k])
	}
	return stat.AppendFloats(dst, b.d...)
}

// RestoreState implements [detectors.Joint].
func (c *Chart) RestoreState(src []byte) error {
	r := stat.NewReader(src)
	fresh := Chart{cfg: c.cfg}
	for range r.Count(mostNames) {
		m := &metric{name: r.String(mostName), component: r.String(mostName), n: r.Count(fewReadings), last: r.Int(), z: r.Finite(), value: r.Finite(), interval: r.Finite(), changed: r.Bool()}
		if r.Err() != nil {
			return r.Err()
		}
		fresh.metrics = append(fresh.metrics, m)
	}
	fresh.fresh, fresh.last = r.Bool(), r.Int()
	fresh.warmUp = readWarmUp(r, len(fresh.metrics))
	for range r.Count(mostRegimes) {
		fresh.regimes = append(fresh.regimes, readBaseline(r, len(fresh.metrics)))
		if r.Err() != nil {
			return r.Err()
		}
	}
	if len(fresh.regimes) > 0 {
		fresh.base = fresh.regimes[r.Count(len(fresh.regimes)-1)]
		fresh.strange, fresh.on, fresh.component, fresh.since = r.Count(2*settleRows), r.Bool(), r.String(mostName), r.Int()
		fresh.statistic, fresh.best = r.Finite(), r.Finite()
		if fresh.on && len(fresh.base.metrics) == 0 {
			r.Fail()
		}
	}
	if err := r.Done(); err != nil {
		return err
	}
	*c = fresh
	return nil
}

// readWarmUp reads a warm-up that has not ended.
func readWarmUp(r *stat.Reader, metrics int) (w warmUp) {
	w.rows, w.stride = r.Count(mostRows), r.Count(mostRows)
	if w.rows > 0 && w.stride == 0 {
		r.Fail()
	}
	for range r.Count(min(mostMetrics, metrics)) {
		w.seen = append(w.seen, sight{rows: r.Count(mostRows), changes: r.Count(fewChanges), noise: r.Finite(), low: r.Finite(), high: r.Finite()})
	}
	for range r.Count(keptRows - 1) {
		row := make([]float64, r.Count(len(w.seen)))
		for i := range row {
			if row[i] = math.NaN(); r.Bool() {
				row[i] = r.Finite()
			}
		}
		if r.Err() != nil {
			return warmUp{}
		}
		w.kept = append(w.kept, row)
	}
	return w
}

// readBaseline reads a baseline of at most so many metrics; nil when it cannot be read.
func readBaseline(r *stat.Reader, metrics int) *baseline {
	b := &baseline{watched: make([]int, r.Count(min(mostMetrics, metrics)))}
	for i := range b.watched {
		b.watched[i] = -1
		if r.Bool() {
			b.watched[i] = len(b.metrics)
			b.metrics = append(b.metrics, i)
		}
	}
	n := len(b.metrics)
	b.mean, b.sd, b.least, b.shape = make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, triangle(n))
	for _, part := range [][]float64{b.mean, b.sd, b.least, b.shape} {
		for i := range part {
			part[i] = r.Finite()
		}
	}
	b.threshold, b.calibrated = r.Finite(), r.Count(mostRows)
	for range r.Count(len(b.watched)) {
		d := demand{metric: r.Count(max(0, len(b.watched)-1)), low: r.Finite(), high: r.Finite()}
		b.demands = append(b.demands, d)
	}
	b.met = r.Int()
	b.prepare()
	b.mask = make([]bool, n)
	for k := range b.mask {
		b.mask[k] = r.Bool()
	}
	for k := range b.d {
		b.d[k] = r.Finite()
	}
	for k := range b.sd {
		if !(b.sd[k] > 0) || math.Abs(b.d[k]) > farthest {
			r.Fail()
		}
	}
	if r.Err() != nil {
		return nil
	}
	b.decompose()
	b.solve()
	return b
}
