package multivariate

import (
	"math"

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
	}
	dst = stat.AppendBool(dst, c.fresh)
	dst = stat.AppendInt(dst, c.last)
	dst = stat.AppendBool(dst, c.base != nil)
	if c.base == nil {
		dst = stat.AppendUint(dst, uint64(c.rows))
		dst = stat.AppendUint(dst, uint64(c.stride))
		dst = stat.AppendUint(dst, uint64(len(c.kept)))
		for _, row := range c.kept {
			dst = stat.AppendUint(dst, uint64(len(row.smooth)))
			for i, v := range row.smooth {
				dst = stat.AppendBool(dst, v == v)
				if v == v {
					dst = stat.AppendFloats(dst, v, row.single[i])
				}
			}
		}
		return dst
	}
	dst = c.base.append(dst)
	dst = stat.AppendBool(dst, c.on)
	dst = stat.AppendString(dst, c.component)
	dst = stat.AppendInt(dst, c.since)
	return stat.AppendFloats(dst, c.statistic, c.best)
}

func (b *baseline) append(dst []byte) []byte {
	dst = stat.AppendUint(dst, uint64(len(b.watched)))
	for _, at := range b.watched {
		dst = stat.AppendBool(dst, at >= 0)
	}
	dst = stat.AppendFloats(dst, b.mean...)
	dst = stat.AppendFloats(dst, b.sd...)
	dst = stat.AppendFloats(dst, b.shape...)
	dst = stat.AppendFloat(dst, b.threshold)
	dst = stat.AppendUint(dst, uint64(b.calibrated))
	for k := range b.metrics {
		dst = stat.AppendBool(dst, b.mask != nil && b.mask[k])
	}
	return stat.AppendFloats(dst, b.d...)
}

// RestoreState implements [detectors.Joint].
func (c *Chart) RestoreState(src []byte) error {
	r := stat.NewReader(src)
	fresh := Chart{cfg: c.cfg, stride: 1}
	for range r.Count(mostNames) {
		m := &metric{name: r.String(mostName), component: r.String(mostName), n: r.Count(fewReadings), last: r.Int(), z: r.Finite(), value: r.Finite(), interval: r.Finite()}
		if r.Err() != nil {
			return r.Err()
		}
		fresh.metrics = append(fresh.metrics, m)
	}
	fresh.fresh, fresh.last = r.Bool(), r.Int()
	if r.Bool() {
		fresh.base = readBaseline(r, len(fresh.metrics))
		fresh.on, fresh.component, fresh.since = r.Bool(), r.String(mostName), r.Int()
		fresh.statistic, fresh.best = r.Finite(), r.Finite()
		if fresh.on && (fresh.base == nil || len(fresh.base.metrics) == 0) {
			r.Fail()
		}
	} else {
		fresh.readWarmUp(r)
	}
	if err := r.Done(); err != nil {
		return err
	}
	*c = fresh
	return nil
}

// readWarmUp reads the rows of a warm-up that has not ended.
func (c *Chart) readWarmUp(r *stat.Reader) {
	c.rows, c.stride = r.Count(mostRows), r.Count(mostRows)
	if c.stride == 0 {
		r.Fail()
	}
	for range r.Count(keptRows - 1) {
		row := newKeptRow(r.Count(min(mostMetrics, len(c.metrics))))
		for i := range row.smooth {
			if r.Bool() {
				row.smooth[i], row.single[i] = r.Finite(), r.Finite()
			}
		}
		if r.Err() != nil {
			return
		}
		c.kept = append(c.kept, row)
	}
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
	b.mean, b.sd, b.shape = make([]float64, n), make([]float64, n), make([]float64, triangle(n))
	for _, part := range [][]float64{b.mean, b.sd, b.shape} {
		for i := range part {
			part[i] = r.Finite()
		}
	}
	b.threshold, b.calibrated = r.Finite(), r.Count(mostRows)
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
