package detectors

// Chart is a [Joint] that tells how far the device is from being decided to be off.
type Chart interface {
	Joint
	// Level is 1 and more where a decision begins, 0 during the warm-up.
	Level() float64
}

// TableScorer judges a recorded table of several columns row by row with one chart of all of them, causally: the verdict on a row knows the rows before
// it only. A row is anomalous while the chart holds a decision; score is 0.5 at the level where one begins, whatever the alert rate. It is used by one goroutine.
type TableScorer struct {
	chart Chart
	rows  int
	last  int64
	on    bool
	alert refractory
}

// NewTableScorer returns a scorer of a table with the columns. chart has seen nothing.
func NewTableScorer(chart Chart, columns []string) *TableScorer {
	for _, c := range columns {
		chart.Metric(c, "device")
	}
	return &TableScorer{chart: chart}
}

// Row judges a row and learns it. values has one value for each column, NaN where there is none. A row whose time is not after that of the row
// before gets a time one millisecond after it, so that every row is judged.
func (s *TableScorer) Row(time int64, values []float64) RowScore {
	if s.rows > 0 && time <= s.last {
		time = s.last + 1
	}
	s.last = time
	s.rows++
	for i, v := range values {
		s.chart.Observe(i, time, v, Expectation{})
	}
	began := false
	for _, d := range s.chart.Decide(time) {
		began = began || d.Verdict == Faulty
		s.on = d.Verdict != Healthy
	}
	level := s.chart.Level()
	r := RowScore{Score: level / (1 + level), Anomalous: s.on, Alert: began && s.alert.ready(s.rows)}
	if r.Alert {
		s.alert.raise(s.rows)
	}
	return r
}
