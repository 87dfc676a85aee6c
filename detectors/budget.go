package detectors

// rank tells how much the novelty of a metric matters just now.
type rank uint8

const (
	ordinary  rank = iota
	important      // its device is: criticality 2 and 3
	urgent         // its device is critical, 4 and 5, its component has a fault, or it is suspicious itself
	ranks
)

// holding is the memory that the novelty of a metric has: nothing, or one more than its [Tier].
type holding uint8

const (
	nothing  holding = 0
	holdings         = holding(FullTier) + 2
)

// reserve is what is set aside for a holding, in bytes. Judges keep to it: the engine does not measure them.
var reserve = [holdings]int64{0, 4 << 10, 8 << 10, 36 << 10}

// stages is the order in which the memory is given out: what is urgent gets all it can use, what is important a good deal, then every metric gets
// something, then all get more. The full tier takes seven times as long as the promoted one: it is for what is urgent alone.
var stages = [...]struct {
	rank rank
	to   holding
}{
	{urgent, 1}, {urgent, 2}, {urgent, 3},
	{important, 1}, {important, 2},
	{ordinary, 1}, {ordinary, 2},
}

// budget gives the metrics of a lane memory for judging their novelty. Where it does not last for all metrics of a rank, those keep it that
// have it. What would be due to a metric with a tenth less than the limit it may take; what is not due to it with the whole limit it must
// give back: so nothing goes to and fro at the border. No metric takes what would exceed the limit.
//
// It holds counts alone, which follow from the state of the metrics: it is no part of a checkpoint.
type budget struct {
	limit, used int64 // bytes
	// held counts the metrics of a rank that hold so much or more; those that hold nothing or more are all of them.
	held [ranks][holdings]int
	// take is up to how many of them may take a holding, keep how many may keep it.
	take, keep [ranks][holdings]int
}

// enter counts a metric, leave no longer does.
func (b *budget) enter(m *metricState) { b.count(m, 1) }
func (b *budget) leave(m *metricState) { b.count(m, -1) }

func (b *budget) count(m *metricState, by int) {
	if !m.novel.wanted {
		return
	}
	h := m.novel.holding()
	b.used += int64(by) * reserve[h]
	for ; h > nothing; h-- {
		b.held[m.novel.rank][h] += by
	}
	b.held[m.novel.rank][nothing] += by
}

// holders returns how many metrics have a tier.
func (b *budget) holders(tier Tier) (n int) {
	for r := range b.held {
		n += b.held[r][tier+1]
		if tier < FullTier {
			n -= b.held[r][tier+2]
		}
	}
	return n
}

// plan finds out what is due to whom, from how many metrics of each rank there are.
func (b *budget) plan() {
	b.take, b.keep = b.quotas(b.limit-b.limit/10), b.quotas(b.limit)
}

func (b *budget) quotas(left int64) (quotas [ranks][holdings]int) {
	for _, s := range stages {
		step := reserve[s.to] - reserve[s.to-1]
		all := int64(b.held[s.rank][nothing])
		quota := min(all, left/step)
		quotas[s.rank][s.to] = int(quota)
		if left -= quota * step; quota < all {
			break
		}
	}
	return quotas
}

// due returns what a metric that is counted, of a rank and with a holding, should hold.
func (b *budget) due(r rank, now holding) holding {
	to := now
	for to > nothing && b.held[r][to] > b.keep[r][to] {
		to--
	}
	if to < now {
		return to
	}
	for to+1 < holdings && b.held[r][to+1] < b.take[r][to+1] && b.used-reserve[now]+reserve[to+1] <= b.limit {
		to++
	}
	return to
}
