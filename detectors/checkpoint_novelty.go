package detectors

import "github.com/presage-pdm/presage/detectors/stat"

// appendNovelty appends the judge of the novelty of a metric, if it has one, and what it has led to.
func (d *device) appendNovelty(dst []byte, n *novel) []byte {
	there := n.wanted || n.bad > 0
	if dst = stat.AppendBool(dst, there); !there {
		return dst
	}
	dst = appendMethod(dst, noveltyOf(d.plan), n.judge != nil)
	if n.judge != nil {
		dst = stat.AppendBlob(dst, n.judge.AppendState)
	}
	dst = stat.AppendInt(dst, n.last)
	dst = stat.AppendFloat(dst, float64(n.level))
	dst = stat.AppendBool(dst, n.suspicious)
	return append(dst, byte(n.rank), n.bad)
}

// readNovelty reads what appendNovelty wrote, or skips it when the plan has another method now, which starts afresh.
func (d *device) readNovelty(r *stat.Reader, n *novel, form int) {
	if there := r.Bool(); !there {
		return
	}
	key, state, present := readMethod(r)
	last := int64(0)
	if form >= 5 {
		last = r.Int()
	}
	level, suspicious := r.Finite(), r.Bool()
	rank, bad := rank(r.Byte()), r.Byte()
	if level < 0 || level > mostSurprise || rank >= ranks {
		r.Fail()
	}
	if r.Err() != nil || key != noveltyOf(d.plan) || !n.wanted {
		return
	}
	n.bad = bad
	if n.wanted = bad < novelOff; !n.wanted {
		return
	}
	n.last, n.level, n.suspicious, n.rank = last, float32(level), suspicious, rank
	if !present {
		return
	}
	n.judge = d.plan.Novelty.New(BaseTier)
	if n.judge.RestoreState(state) != nil || n.judge.Tier() > FullTier {
		r.Fail()
	}
}
