package detectors

import "math"

// novel is the novelty of one metric: its judge, as long as the budget has room for one, and what it has led to.
type novel struct {
	judge      Novelty
	last       int64   // event time of the newest reading judged, 0 before the first
	level      float32 // smoothed sum of the surprises
	rank       rank
	wanted     bool  // the plan has a method and the metric is watched
	suspicious bool  // its course has been unlike its past for a while
	bad        uint8 // crashes; novelOff when there were too many
}

// novelOff stands for as many crashes as are too many.
const novelOff = 255

// A metric is suspicious from a smoothed surprise of suspiciousAt on, until it falls below suspiciousOff. The sum of one healthy reading
// is 2 on average, since its views weigh 4.5 in all and -log10 of a uniform p-value is 0.43; smoothing over noveltySmoothing readings leaves
// a tenth of its scatter.
const (
	suspiciousAt     = 4.5
	suspiciousOff    = 0.6 * suspiciousAt
	noveltySmoothing = 32
	mostSurprise     = 100 // of one reading, so that one alone makes nothing suspicious for long
)

// noveltyEvery is the least event time between two readings of a metric that are judged, in ms: what comes more often is left out. Together with the
// memory it bounds the time that novelty takes: 256 MiB hold 7,000 full or 32,000 promoted judges, and each is asked once a second at most.
const noveltyEvery = 1000

// due tells whether a reading is judged.
func (n *novel) due(time int64) bool {
	return n.judge != nil && (n.last == 0 || time-n.last >= noveltyEvery)
}

// learn takes the surprise of a reading.
func (n *novel) learn(s Surprise) {
	if !s.Warm || math.IsNaN(s.Sum) {
		return
	}
	n.level += float32(min(max(s.Sum, 0), mostSurprise)-float64(n.level)) / noveltySmoothing
	switch {
	case n.level >= suspiciousAt:
		n.suspicious = true
	case n.level < suspiciousOff:
		n.suspicious = false
	}
}

// holding returns the memory it has.
func (n *novel) holding() holding {
	if n.judge == nil {
		return nothing
	}
	return holding(n.judge.Tier()) + 1
}

// forget drops the judge and what it has led to.
func (n *novel) forget() { *n = novel{wanted: n.wanted, bad: n.bad} }

// observeNovelty judges the novelty of a reading.
func (d *device) observeNovelty(e *Engine, m *metricState, in *Input) {
	defer func() {
		if cause := recover(); cause != nil {
			e.budget.leave(m)
			m.novel.forget()
			m.novel.bad++
			count := int(m.novel.bad)
			if count >= e.cfg.Crashes {
				m.novel.bad, m.novel.wanted = novelOff, false
			}
			e.budget.enter(m)
			e.crashed(d, d.plan.Novelty.Name(), "novelty:"+m.name, count, in, cause)
		}
	}()
	m.novel.last = in.Time
	if e.timing {
		m.novel.learn(timed(e, d.plan.Novelty.Name(), func() Surprise { return m.novel.judge.Observe(in.Time, in.Value) }))
		return
	}
	m.novel.learn(m.novel.judge.Observe(in.Time, in.Value))
}

// rankOf tells how much a metric matters just now: by the criticality of its device, by a fault of its component, and by its own surprise.
func (d *device) rankOf(m *metricState, criticality int) rank {
	if criticality >= 4 || m.novel.suspicious {
		return urgent
	}
	for i := range d.faults {
		if f := &d.faults[i]; !f.shadow && f.component == m.part {
			return urgent
		}
	}
	if criticality >= 2 {
		return important
	}
	return ordinary
}

// fit gives the novelty of metrics of a device the memory that they are worth just now.
func (d *device) fit(e *Engine, metrics []*metricState) {
	if d.plan.Novelty == nil {
		return
	}
	criticality := 1
	if e.cfg.Criticality != nil {
		criticality = e.cfg.Criticality(d.tenant, d.id)
	}
	for _, m := range metrics {
		if m.novel.wanted {
			d.fitMetric(e, m, criticality)
		}
	}
}

// fitMetric does so for one that is wanted. Who is worth more may have to wait a minute until others have given back.
func (d *device) fitMetric(e *Engine, m *metricState, criticality int) {
	b := &e.budget
	if r := d.rankOf(m, criticality); r != m.novel.rank {
		b.leave(m)
		m.novel.rank = r
		b.enter(m)
		b.plan()
	}
	now := m.novel.holding()
	to := b.due(m.novel.rank, now)
	if to == now {
		return
	}
	b.leave(m)
	switch {
	case to == nothing:
		m.novel.forget()
		m.novel.rank = d.rankOf(m, criticality)
	case now == nothing:
		m.novel.judge = d.plan.Novelty.New(Tier(to - 1))
	default:
		m.novel.judge.SetTier(Tier(to - 1))
	}
	b.enter(m)
}
