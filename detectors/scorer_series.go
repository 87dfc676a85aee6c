package detectors

import (
	"math"

	"github.com/presage-pdm/presage/detectors/stat"
)

// SeriesScorerConfig sets a [SeriesScorer].
type SeriesScorerConfig struct {
	// Fit is how many of the first rows are known to be healthy: they are learned, and never anomalous.
	Fit int
	// AlertRate is how many alerts in 1000 rows are aimed at.
	AlertRate float64
	// Novelty judges the column, in its full tier.
	Novelty NoveltyMethod
}

// How a scorer of one column raises alerts.
const (
	alertLevel  = 6.3 // sum of surprises that alerts, at the default rate
	alertAdds   = 0.3 // to the level, for each alert
	alertFades  = 0.1 // of the rows so far: time constant in which that is forgotten
	alertSlope  = 1.0 // least fall of the tail's logarithm, in surprise a decade
	alertSample = 64  // entries of the digest of sums
)

// SeriesScorer judges a recorded series row by row, causally. An alert is raised when the sum of surprises reaches a level and none was raised within 3 % of the
// rows so far, at most 300; each alert raises the level for a while, so that a series that is strange all the time does not alert all the time.
//
// The level of the default rate is fixed. For another rate it is moved by how fast the tail of the series' own sums falls so far: ten times fewer alerts need a
// sum that is larger by the distance of its 90 % and 99 % quantiles. The score is sum / (sum + the default level): 0.5 there, in every series. It is used by one goroutine.
type SeriesScorer struct {
	cfg     SeriesScorerConfig
	novelty Novelty
	sums    stat.Surprises
	rows    int
	last    int64
	added   float64 // to the level, by earlier alerts
	alert   refractory
	on      bool
	quiet   int
}

// NewSeriesScorer returns a scorer of one column.
func NewSeriesScorer(cfg SeriesScorerConfig) *SeriesScorer {
	return &SeriesScorer{cfg: cfg, novelty: cfg.Novelty.New(FullTier), sums: stat.NewSurprises(alertSample, false)}
}

// Row judges a row and learns it. A value that is NaN is missing: its row has the score 0 and changes nothing else. A row whose time is not after that of the row
// before gets a time one millisecond after it.
func (s *SeriesScorer) Row(time int64, value float64) RowScore {
	if s.rows > 0 && time <= s.last {
		time = s.last + 1
	}
	s.last = time
	s.rows++
	s.added *= math.Exp(-1 / (alertFades * float64(s.rows)))
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return RowScore{Anomalous: s.on}
	}
	u := s.novelty.Observe(time, value)
	level := s.level()
	s.sums.Judge(u.Sum)
	if !u.Warm || s.rows <= max(s.cfg.Fit, scoreWarmUp) {
		return RowScore{}
	}
	return s.decide(u.Sum, level)
}

// level returns the sum of surprises that alerts, for the rate that is wanted.
func (s *SeriesScorer) level() float64 {
	decade := max(alertSlope, s.sums.Quantile(0.99)-s.sums.Quantile(0.9))
	return max(1, alertLevel-decade*math.Log10(s.cfg.AlertRate/DefaultAlertRate))
}

// decide applies the level, refractory time and hysteresis to the sum of a row.
func (s *SeriesScorer) decide(sum, level float64) RowScore {
	r := RowScore{Score: sum / (sum + alertLevel)}
	if sum >= level+s.added && s.alert.ready(s.rows) {
		r.Alert = true
		s.alert.raise(s.rows)
		s.added += alertAdds
	}
	switch {
	case sum >= level:
		s.on, s.quiet = true, 0
	case s.on && sum < scoreOff*level:
		if s.quiet++; s.quiet >= scoreQuiet {
			s.on = false
		}
	}
	r.Anomalous = s.on
	return r
}
