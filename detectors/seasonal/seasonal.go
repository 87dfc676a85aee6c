// Package seasonal knows how one metric usually runs: a robust exponential smoothing forecast, a profile over
// the hours of the day or of the week once that has proved itself, and a digest of what the forecast left over, which turns
// the error of the next forecast into a conformal p-value and into the band of charts.
//
// # What it detects
//
// Readings that are unlike what the level, the trend and the hour let expect. By itself it opens no ticket: it gives the season
// to the judge of changes, and p-value and band to people.
//
// # What it assumes
//
// A level that moves slowly compared with the readings, additive daily or weekly cycles in UTC, and exchangeable errors. A gap longer
// than fifty usual intervals restarts level and trend, and keeps scale, digest and profile.
//
// # How it fails
//
// On a change of level it is surprised until it has followed, which takes about a hundred readings. A
// profile that shifts by an hour twice a year is wrong until it has been demoted or relearned.
// Constant input has the scale 0: any change is then as surprising as the digest can say, 1/(n+1).
//
// # Cost
//
// About 100 ns a reading, most of it the digest; 0.3 KB for a series that has just begun, 0.7 KB after the first day, 1.1 KB after the second.
//
// # Source
//
// Gelper, Fried & Croux, "Robust forecasting with exponential and Holt-Winters smoothing", Journal of Forecasting 29 (2010):
// cleaning by Huber's psi, equation (5); scale by the bounded rho, equations (6) and (7), with k = 2 and c_k = 2.52; level and trend,
// equations (8). The promotion of the profile is ours.
package seasonal

import (
	"math"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/stat"
)

// Version of the method and its state.
const Version = 2

// Constants of the smoothing.
const (
	alpha  = 0.05  // of the level, per reading: a memory of about 20 readings
	beta   = 0.002 // of the trend, per reading
	damp   = 0.98  // of the trend, per reading: it fades within about 50 readings
	scale  = 0.02  // of the squared scale, per reading
	huber  = 2.0   // k of Gelper et al., in scales
	bound  = 2.52  // c_k of Gelper et al. for k = 2
	warmUp = 60    // readings before anything is judged
	maxGap = 50    // usual intervals without a reading after which the level starts afresh
)

// Method makes series.
type Method struct{}

// New returns the method; it has no settings.
func New() *Method { return &Method{} }

// Name implements [detectors.SeriesMethod].
func (*Method) Name() string { return "holt-winters" }

// Version implements [detectors.SeriesMethod].
func (*Method) Version() int { return Version }

// New implements [detectors.SeriesMethod].
func (*Method) New() detectors.Series { return &series{} }

// series is the state of one metric.
type series struct {
	n        float64 // readings learned, at most 1e6
	level    float64
	trend    float64 // per reading
	variance float64 // squared scale of the error
	last     int64
	interval float64 // usual milliseconds between readings
	first    int64
	errors   stat.Digest
	day      profile
	week     *profile // nil within the first day
}

// Expect implements [detectors.Series].
func (s *series) Expect(time int64) detectors.Expectation {
	season := s.season(time)
	e := detectors.Expectation{Value: s.level + damp*s.trend + season, Season: season, Warm: s.n >= warmUp}
	switch {
	case s.week != nil && s.week.promoted:
		e.Profile = 2
	case s.day.promoted:
		e.Profile = 1
	}
	return e
}

// season returns what the hour adds, by the longest cycle that has proved itself.
func (s *series) season(time int64) float64 {
	switch {
	case s.week != nil && s.week.promoted:
		return s.week.at(time)
	case s.day.promoted:
		return s.day.at(time)
	}
	return 0
}

// PValue implements [detectors.Series]: both tails together.
func (s *series) PValue(time int64, value float64) float64 {
	e := s.Expect(time)
	if !e.Warm {
		return 1
	}
	lower, upper := s.errors.Tail(value - e.Value)
	return min(1, 2*min(lower, upper))
}

// Observe implements [detectors.Series].
func (s *series) Observe(time int64, value float64, learn bool) detectors.Expectation {
	if s.n == 0 {
		s.first, s.last, s.level = time, time, value
	}
	s.gap(time, value)
	e := s.Expect(time)
	if learn {
		s.learn(time, value, value-e.Value)
	}
	return e
}

// gap follows the usual interval and starts level and trend afresh after a long one.
func (s *series) gap(time int64, value float64) {
	dt := float64(time - s.last)
	s.last = time
	if s.interval > 0 && dt > maxGap*s.interval {
		s.level, s.trend = value-s.season(time), 0
		return
	}
	s.interval += (dt - s.interval) / min(s.n+1, 50)
}

func (s *series) learn(time int64, value, err float64) {
	s.errors.Add(err)
	clean := err
	if s.n < warmUp/4 {
		// The scale is not known yet: start from plain means.
		s.variance += (err*err - s.variance) / (s.n + 1)
		s.level += err / (s.n + 1)
	} else {
		sd := math.Sqrt(s.variance)
		r := bound
		if sd > 0 {
			clean = max(-huber*sd, min(huber*sd, err))
			if x := err / sd; math.Abs(x) <= huber {
				u := 1 - x*x/(huber*huber)
				r = bound * (1 - u*u*u)
			}
		} else if err == 0 {
			r = 0
		} else {
			s.variance = err * err // the first change of a constant
			clean = 0
		}
		s.variance *= 1 - scale + scale*r
		before := s.level
		s.level = before + damp*s.trend + alpha*clean
		s.trend = damp*s.trend + beta*clean
	}
	s.n = min(s.n+1, 1e6)
	s.day.learn(day, time, value)
	if time-s.first > int64(day.length) {
		if s.week == nil {
			s.week = new(profile)
		}
		s.week.learn(week, time, value)
	}
}

// Band implements [detectors.Series]: the middle 90 % of the errors, widened as a normal distribution would be to hold 99 % (its quantiles are
// 2.576 and 1.645 deviations), so that the first readings of a fault do not stretch it; at least two scales to each side.
func (s *series) Band(e detectors.Expectation) (low, high float64) {
	const widen = 2.576 / 1.645
	low, high = s.errors.Quantile(0.05), s.errors.Quantile(0.95)
	if math.IsNaN(low) {
		return e.Value, e.Value
	}
	sd := math.Sqrt(s.variance)
	return e.Value + min(widen*low, -2*sd), e.Value + max(widen*high, 2*sd)
}

// AppendState implements [detectors.Series].
func (s *series) AppendState(dst []byte) []byte {
	dst = stat.AppendFloats(dst, s.n, s.level, s.trend, s.variance, s.interval)
	dst = stat.AppendInt(dst, s.last)
	dst = stat.AppendInt(dst, s.first)
	dst = s.errors.Append(dst)
	dst = s.day.append(dst, day)
	weekly := s.week
	if weekly == nil {
		weekly = new(profile)
	}
	return weekly.append(dst, week)
}

// RestoreState implements [detectors.Series].
func (s *series) RestoreState(src []byte) error {
	r := stat.NewReader(src)
	var f series
	r.Floats(&f.n, &f.level, &f.trend, &f.variance, &f.interval)
	f.last, f.first = r.Int(), r.Int()
	f.errors.Read(r)
	f.day.read(r, day)
	var weekly profile
	if weekly.read(r, week); weekly.started() {
		f.week = &weekly
	}
	if err := r.Done(); err != nil {
		return err
	}
	*s = f
	return nil
}
