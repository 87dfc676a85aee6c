package detectors

import (
	"cmp"
	"slices"

	"github.com/presage-pdm/presage/detectors/stat"
)

// append appends what the cohorts share, in the order of their keys.
func (c *cohorts) append(dst []byte) []byte {
	keys := make([]cohortKey, 0, len(c.live)+len(c.stored))
	for k := range c.live {
		keys = append(keys, k)
	}
	for k := range c.stored {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, cohortKey.compare)
	dst = stat.AppendUint(dst, uint64(len(keys)))
	for _, k := range keys {
		dst = stat.AppendString(stat.AppendString(stat.AppendString(dst, k.tenant), k.cohort), k.rule)
		dst = stat.AppendUint(stat.AppendUint(dst, k.fingerprint), uint64(k.version))
		if s, ok := c.live[k]; ok {
			dst = stat.AppendBlob(dst, s.AppendState)
		} else {
			dst = stat.AppendBlob(dst, func(dst []byte) []byte { return append(dst, c.stored[k]...) })
		}
	}
	return dst
}

func (k cohortKey) compare(other cohortKey) int {
	return cmp.Or(cmp.Compare(k.tenant, other.tenant), cmp.Compare(k.cohort, other.cohort), cmp.Compare(k.rule, other.rule),
		cmp.Compare(k.fingerprint, other.fingerprint), cmp.Compare(k.version, other.version))
}

// read reads what append wrote. Which method each belongs to is known once a device asks for it.
func (c *cohorts) read(r *stat.Reader) {
	c.stored = map[cohortKey][]byte{}
	var before cohortKey
	for i := range r.Count(mostCohorts) {
		k := cohortKey{tenant: r.String(mostName), cohort: r.String(2 * mostName), rule: r.String(mostName), fingerprint: r.Uint(), version: r.Count(1 << 20)}
		state := slices.Clone(r.Blob(mostState))
		if i > 0 && before.compare(k) >= 0 {
			r.Fail()
		}
		if r.Err() != nil {
			return
		}
		c.stored[k], before = state, k
	}
}

func appendShifts(dst []byte, shifts []fleetShift) []byte {
	dst = stat.AppendUint(dst, uint64(len(shifts)))
	for _, s := range shifts {
		for _, text := range []string{s.tenant, s.cohort, s.metric, s.component} {
			dst = stat.AppendString(dst, text)
		}
		dst = stat.AppendInt(stat.AppendInt(stat.AppendInt(dst, int64(s.side)), s.onset), s.checked)
		dst = stat.AppendUint(dst, uint64(s.told))
	}
	return dst
}

func readShifts(r *stat.Reader) (shifts []fleetShift) {
	for range r.Count(mostShifts) {
		s := fleetShift{tenant: r.String(mostName), cohort: r.String(2 * mostName), metric: r.String(mostName), component: r.String(mostName)}
		side := r.Int()
		s.side, s.onset, s.checked, s.told = int(side), r.Int(), r.Int(), r.Count(mostDevices)
		if side != 1 && side != -1 {
			r.Fail()
		}
		if r.Err() != nil {
			return nil
		}
		shifts = append(shifts, s)
	}
	return shifts
}
