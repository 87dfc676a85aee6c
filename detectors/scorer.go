package detectors

import (
	"math"

	"github.com/presage-pdm/presage/detectors/stat"
)

// ScorerConfig sets a [Scorer].
type ScorerConfig struct {
	// Fit is how many of the first rows are known to be healthy: they are learned, and never anomalous.
	Fit int
	// AlertRate is how many alerts in 1000 rows are aimed at.
	AlertRate float64
	// Series and Joint are the methods of the base tier.
	Series SeriesMethod
	Joint  JointMethod
}

// DefaultAlertRate is about that of the Numenta benchmark's standard profile, in alerts per 1000 rows.
const DefaultAlertRate = 0.8

// How a scorer decides.
const (
	scoreWarmUp   = 150  // rows without alerts when nothing is known to be healthy
	scorePool     = 5.0  // readings over which surprises are averaged
	scoreOff      = 0.6  // of the threshold, in -log10 p, below which a row is quiet
	scoreQuiet    = 5    // quiet rows that end an anomaly
	refractoryMax = 300  // rows after an alert without another
	refractoryFor = 0.03 // of the rows so far, the same
)

// Scorer judges a recorded table row by row with the detectors of the base tier, causally: the verdict on a row knows the rows before it only.
//
// The surprise of a column is -log10 of its conformal p-value, averaged over about five readings; that of a row is the largest of its columns. A
// digest of the surprises of earlier rows calibrates it, so that the threshold follows from the alert rate and not from the data.
// The score is the fraction of earlier rows that were less surprising. What the joint judge decides is anomalous as long as it holds. It is used by one goroutine.
type Scorer struct {
	cfg     ScorerConfig
	series  []Series
	pooled  []float64
	joint   Joint
	tail    stat.Digest
	rows    int
	last    int64
	held    int     // components the joint judge holds
	certain float64 // score of its last decision
	on      bool
	quiet   int
	alerted int // row of the last alert, 0 for none
}

// RowScore is the verdict on one row.
type RowScore struct {
	Score     float64 // in [0, 1], the more the less usual; each scorer says what of
	Anomalous bool    // the state
	Alert     bool    // the row at which an alert is raised
}

// NewScorer returns a scorer of a table with the columns.
func NewScorer(cfg ScorerConfig, columns []string) *Scorer {
	s := &Scorer{cfg: cfg, joint: cfg.Joint.New(), pooled: make([]float64, len(columns))}
	for _, c := range columns {
		s.series = append(s.series, cfg.Series.New())
		s.joint.Metric(c, "device")
	}
	return s
}

// Row judges a row and learns it. values has one value for each column, NaN where there is none. Rows whose time is not after that of the row before
// get a time one millisecond after it, so that every row is judged.
func (s *Scorer) Row(time int64, values []float64) RowScore {
	if s.rows > 0 && time <= s.last {
		time = s.last + 1
	}
	s.last = time
	s.rows++
	surprise := s.observe(time, values)
	for _, d := range s.joint.Decide(time) {
		switch d.Verdict {
		case Faulty:
			s.held, s.certain = s.held+1, d.Score
		case Healthy:
			s.held--
		case Worse:
			s.certain = d.Score
		}
	}
	_, p := s.tail.Tail(surprise)
	s.tail.Add(surprise)
	if s.rows <= max(s.cfg.Fit, scoreWarmUp) {
		return RowScore{}
	}
	return s.decide(p)
}

// observe feeds the detectors and returns the surprise of the row.
func (s *Scorer) observe(time int64, values []float64) float64 {
	largest := 0.0
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		base := s.series[i]
		u := -math.Log10(base.PValue(time, v))
		s.pooled[i] += (u - s.pooled[i]) / scorePool
		largest = max(largest, s.pooled[i])
		e := base.Observe(time, v, !s.joint.Suspect(i))
		s.joint.Observe(i, time, v, e)
	}
	return largest
}

// decide applies threshold, hysteresis and refractory time to the p-value of a row.
func (s *Scorer) decide(p float64) RowScore {
	threshold := -math.Log10(s.cfg.AlertRate / 1000)
	u := -math.Log10(p)
	score := 1 - p
	if s.held > 0 {
		score = max(score, (1+s.certain)/2)
	}
	before := s.on
	switch {
	case u >= threshold || s.held > 0:
		s.on, s.quiet = true, 0
	case s.on && u < scoreOff*threshold:
		if s.quiet++; s.quiet >= scoreQuiet {
			s.on = false
		}
	}
	r := RowScore{Score: score, Anomalous: s.on}
	refractory := int(min(refractoryMax, refractoryFor*float64(s.rows)))
	if s.on && !before && (s.alerted == 0 || s.rows-s.alerted > refractory) {
		r.Alert, s.alerted = true, s.rows
	}
	return r
}
