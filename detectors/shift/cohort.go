package shift

import (
	"maps"
	"math"
	"slices"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/stat"
)

const (
	teachAt       = 100  // blocks of a baseline that others may learn from
	leastTeachers = 3    // devices that taught before a young one is told
	mostShared    = 4096 // metrics that a cohort knows of
)

// shared is how much the block means of healthy devices of a cohort wander, by metric. It implements [detectors.Shared].
type shared struct{ wander map[string]wander }

// wander is what the devices taught about one metric.
type wander struct {
	devices float64
	ln      float64 // mean of ln of the variance of block means
}

// NewShared implements [detectors.SharingJoint].
func (*Method) NewShared() detectors.Shared { return &shared{map[string]wander{}} }

// Join implements [detectors.JointMember].
func (j *judge) Join(s detectors.Shared, sound func() bool) {
	j.cohort, _ = s.(*shared)
	j.sound = sound
}

// teach tells the cohort how much a metric wanders, once for a baseline without a cycle, when it is long enough.
func (j *judge) teach(m *metric) {
	if j.cohort == nil || m.n != teachAt || m.profile != 0 || !j.sound() {
		return
	}
	variance := m.m2 / (m.n - 1)
	if !(variance > 0 && variance <= math.MaxFloat64) {
		return
	}
	w, known := j.cohort.wander[m.name]
	if !known && len(j.cohort.wander) >= mostShared {
		return
	}
	w.devices++
	w.ln += (math.Log(variance) - w.ln) / w.devices
	j.cohort.wander[m.name] = w
}

// ask takes as the prior of a metric that is young how much it usually wanders in the cohort.
func (j *judge) ask(m *metric) {
	if j.cohort == nil || m.prior > 0 || m.n >= teachAt || m.profile != 0 {
		return
	}
	if w := j.cohort.wander[m.name]; w.devices >= leastTeachers {
		m.prior = math.Exp(w.ln)
	}
}

// AppendState implements [detectors.Shared].
func (s *shared) AppendState(dst []byte) []byte {
	dst = stat.AppendUint(dst, uint64(len(s.wander)))
	for _, name := range slices.Sorted(maps.Keys(s.wander)) {
		w := s.wander[name]
		dst = stat.AppendFloats(stat.AppendString(dst, name), w.devices, w.ln)
	}
	return dst
}

// RestoreState implements [detectors.Shared].
func (s *shared) RestoreState(src []byte) error {
	r := stat.NewReader(src)
	fresh := map[string]wander{}
	for range r.Count(mostShared) {
		name, w := r.String(mostName), wander{r.Finite(), r.Finite()}
		if _, twice := fresh[name]; twice || w.devices < 1 || math.IsInf(math.Exp(w.ln), 0) {
			r.Fail()
		}
		if r.Err() != nil {
			return r.Err()
		}
		fresh[name] = w
	}
	if err := r.Done(); err != nil {
		return err
	}
	s.wander = fresh
	return nil
}
