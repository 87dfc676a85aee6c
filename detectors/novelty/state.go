package novelty

import (
	"math"
	"unsafe"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/stat"
)

// Size implements [detectors.Novelty].
func (j *judge) Size() int {
	size := int(unsafe.Sizeof(*j)) + j.values.Size() + len(j.views)*int(unsafe.Sizeof(view{}))
	size += int(unsafe.Sizeof(*j.daily.profile)) + j.daily.profile.Size() + j.daily.short.Size() + j.daily.long.Size()
	for i := range j.views {
		v := &j.views[i]
		size += v.digest.Size()
		switch {
		case v.windows != nil:
			size += int(unsafe.Sizeof(*v.windows)) + v.windows.Size()
		case v.prototypes != nil:
			size += int(unsafe.Sizeof(*v.prototypes)) + v.prototypes.Size()
		case v.categories != nil:
			size += int(unsafe.Sizeof(*v.categories)) + v.categories.Size()
		}
	}
	return size
}

// SetTier implements [detectors.Novelty]. The digests of values and season, the profile, and what views both tiers have in common are kept, as far as they fit; a view
// that is new says nothing until it has seen ten patterns.
func (j *judge) SetTier(tier detectors.Tier) {
	if tier > detectors.FullTier || tier == j.tier {
		return
	}
	p, was := plans(tier), plans(j.tier)
	old := j.views
	j.tier, j.views = tier, p.views()
	j.values = j.values.Resize(p.values)
	j.daily.short, j.daily.long = j.daily.short.Resize(p.others), j.daily.long.Resize(p.others)
	if p.bins != was.bins {
		j.daily.profile = j.daily.profile.Resize(p.bins)
	}
	for i := range j.views {
		v := &j.views[i]
		for k := range old {
			o := &old[k]
			switch {
			case v.categories != nil && o.categories != nil && v.categories.Vigilance() == o.categories.Vigilance():
				v.categories = o.categories.Resize(p.categories)
			case v.prototypes != nil && o.prototypes != nil && v.prototypes.Step() == o.prototypes.Step():
				v.prototypes = o.prototypes.Resize(p.prototypes)
			default:
				continue
			}
			v.digest, v.held = o.digest.Resize(p.others), o.held
		}
	}
}

// AppendState implements [detectors.Novelty].
func (j *judge) AppendState(dst []byte) []byte {
	dst = append(dst, Version, byte(j.tier))
	dst = stat.AppendFloat(stat.AppendUint(dst, uint64(j.n)), j.origin)
	dst = j.values.Append(dst)
	dst = stat.AppendUint(dst, uint64(j.recent.have))
	for i := range j.recent.have {
		dst = stat.AppendFloat32(dst, j.recent.ring[(j.recent.next+still-j.recent.have+i)%still])
	}
	for i := range j.views {
		v := &j.views[i]
		dst = v.digest.Append(stat.AppendFloat(dst, v.held))
		switch {
		case v.windows != nil:
			dst = v.windows.Append(dst)
		case v.prototypes != nil:
			dst = v.prototypes.Append(dst)
		case v.categories != nil:
			dst = v.categories.Append(dst)
		}
	}
	return j.daily.long.Append(j.daily.short.Append(j.daily.profile.Append(dst)))
}

// RestoreState implements [detectors.Novelty]. On an error the judge has seen nothing.
func (j *judge) RestoreState(src []byte) error {
	r := stat.NewReader(src)
	version, tier := r.Byte(), detectors.Tier(r.Byte())
	if version != Version || tier > detectors.FullTier {
		*j = *newJudge(j.tier)
		return stat.ErrState
	}
	was := j.tier
	*j = *newJudge(tier)
	j.n, j.origin = r.Count(warmUp), r.Finite()
	j.values.Read(r)
	n := r.Count(still)
	for range n {
		x := r.Finite32()
		if math.Abs(float64(x)) > 2*edge {
			r.Fail()
		}
		j.recent.add(x)
	}
	for i := range j.views {
		v := &j.views[i]
		if v.held = r.Finite(); v.held < 0 {
			r.Fail()
		}
		v.digest.Read(r)
		switch {
		case v.windows != nil:
			v.windows.Read(r)
		case v.prototypes != nil:
			v.prototypes.Read(r)
		case v.categories != nil:
			v.categories.Read(r)
		}
	}
	j.daily.profile.Read(r)
	j.daily.short.Read(r)
	j.daily.long.Read(r)
	if err := r.Done(); err != nil {
		*j = *newJudge(was)
		return err
	}
	return nil
}
