package detectors

// DefaultAlertRate is about that of the Numenta benchmark's standard profile, in alerts per 1000 rows.
const DefaultAlertRate = 0.8

// How scorers of recorded tables decide.
const (
	scoreWarmUp   = 150  // rows of one column without alerts when nothing is known to be healthy
	scoreOff      = 0.6  // of the level, below which a row is quiet
	scoreQuiet    = 5    // quiet rows that end an anomaly
	refractoryMax = 300  // rows after an alert without another
	refractoryFor = 0.03 // of the rows so far, the same
)

// RowScore is the verdict on one row.
type RowScore struct {
	Score     float64 // in [0, 1], the more the less usual; each scorer says what of
	Anomalous bool    // the state
	Alert     bool    // the row at which an alert is raised
}

// refractory keeps alerts apart: the zero value has raised none.
type refractory struct{ last int } // row of the last alert, 0 for none

// ready reports whether an alert may be raised in a row, counted from 1.
func (r *refractory) ready(row int) bool {
	return r.last == 0 || row-r.last > int(min(refractoryMax, refractoryFor*float64(row)))
}

// raise remembers that an alert was raised in a row.
func (r *refractory) raise(row int) { r.last = row }
