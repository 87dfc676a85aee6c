package residual

import (
	"math"

	"github.com/presage-pdm/presage/detectors/stat"
)

func appendMoments(dst []byte, m *moments) []byte {
	dst = stat.AppendFloat(dst, m.n)
	return stat.AppendFloats(stat.AppendFloats(dst, m.mean...), m.co...)
}

// readMoments reads moments of the width that m has.
func readMoments(r *stat.Reader, m *moments) {
	m.n = r.Finite()
	finites(r, m.mean)
	finites(r, m.co)
	if m.n < 0 {
		r.Fail()
	}
	for i := range m.mean {
		if m.co[i*(i+1)/2+i] < 0 {
			r.Fail()
		}
	}
}

func finites(r *stat.Reader, vs []float64) {
	for i := range vs {
		vs[i] = r.Finite()
	}
}

// AppendState implements [detectors.Shared].
func (s *shared) AppendState(dst []byte) []byte {
	dst = stat.AppendBool(dst, s.known)
	dst = stat.AppendFloats(dst, s.origin...)
	dst = appendMoments(dst, &s.moments)
	dst = stat.AppendFloat(dst, s.devices)
	return stat.AppendFloats(dst, s.residual.all()...)
}

// RestoreState implements [detectors.Shared].
func (s *shared) RestoreState(src []byte) error {
	r := stat.NewReader(src)
	fresh := newShared(len(s.origin) - 1)
	fresh.known = r.Bool()
	finites(r, fresh.origin)
	readMoments(r, &fresh.moments)
	fresh.devices = r.Finite()
	for _, f := range fresh.residual.fields() {
		*f = r.Finite()
	}
	for _, f := range fresh.residual.sums() {
		if *f < 0 && f != &fresh.residual.lagged {
			r.Fail()
		}
	}
	if err := r.Done(); err != nil {
		return err
	}
	*s = *fresh
	return nil
}

// fields lists every number.
func (r *stats) fields() []*float64 {
	all := append(r.sums(), &r.devices)
	for v := range views {
		all = append(all, &r.peak[v])
	}
	return all
}

func (r *stats) all() (values []float64) {
	for _, f := range r.fields() {
		values = append(values, *f)
	}
	return values
}

// fields lists every number of a chapter but its moments.
func (c *chapter) fields() []*float64 {
	all := []*float64{&c.n, &c.sum, &c.sq, &c.lagged, &c.previous, &c.fleetN, &c.fleetSq}
	for i := range ageClasses {
		all = append(all, &c.classN[i], &c.classSq[i])
	}
	for v := range views {
		all = append(all, &c.peak[v])
	}
	return all
}

func (d *detector) fields() []*float64 {
	return append(d.chapter.fields(), &d.interval, &d.n, &d.mean, &d.taught, &d.actual, &d.expected, &d.band, &d.teachers)
}

// AppendState implements [detectors.Detector].
func (d *detector) AppendState(dst []byte) []byte {
	there := d.sums != nil
	if dst = stat.AppendBool(dst, there); !there {
		return dst
	}
	dst = stat.AppendUint(dst, uint64(d.count))
	dst = stat.AppendInt(stat.AppendInt(dst, d.start), d.last)
	dst = stat.AppendFloats(stat.AppendFloats(dst, d.sums...), d.slow...)
	dst = stat.AppendUint(dst, uint64(d.queued))
	for i := range d.queued {
		dst = stat.AppendInt(stat.AppendFloats(dst, d.recent[i], d.levels[i]), d.starts[i])
	}
	dst = stat.AppendUint(dst, uint64(d.skipped))
	for _, f := range d.fields() {
		dst = stat.AppendFloat(dst, *f)
	}
	dst = stat.AppendUint(dst, uint64(d.chapter.blocks))
	if d.chapter.blocks > 0 {
		dst = appendMoments(dst, &d.chapter.moments)
	}
	dst = stat.AppendBool(stat.AppendBool(stat.AppendBool(stat.AppendBool(dst, d.chapter.chained), d.chapter.spoilt), d.judged), d.faulty)
	return stat.AppendUint(stat.AppendInt(dst, d.onset), uint64(d.hits))
}

// RestoreState implements [detectors.Detector].
func (d *detector) RestoreState(src []byte) error {
	r := stat.NewReader(src)
	fresh := d.method.New("", noPlan).(*detector)
	fresh.shared = d.shared
	if r.Bool() {
		fresh.restore(r)
	}
	if err := r.Done(); err != nil {
		return err
	}
	*d = *fresh
	return nil
}

// mostSkipped bounds blocks that did not count.
const mostSkipped = math.MaxInt32

func (d *detector) restore(r *stat.Reader) {
	d.allocate()
	d.count, d.start, d.last = r.Count(blockLen-1), r.Int(), r.Int()
	finites(r, d.sums)
	finites(r, d.slow)
	d.queued = r.Count(smooth)
	for i := range d.queued {
		d.recent[i], d.levels[i], d.starts[i] = r.Finite(), r.Finite(), r.Int()
	}
	d.skipped = r.Count(mostSkipped)
	for _, f := range d.fields() {
		*f = r.Finite()
	}
	if d.n < 0 || d.taught < 0 || d.interval < 0 {
		r.Fail()
	}
	if d.chapter.blocks = r.Count(chapterLen - 1); d.chapter.blocks > 0 && r.Err() == nil {
		readMoments(r, &d.chapter.moments)
	}
	d.chapter.chained, d.chapter.spoilt, d.judged, d.faulty = r.Bool(), r.Bool(), r.Bool(), r.Bool()
	d.onset, d.hits = r.Int(), r.Count(hits-1)
}
