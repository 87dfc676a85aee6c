package main

import (
	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/novelty"
	"github.com/presage-pdm/presage/detectors/seasonal"
	"github.com/presage-pdm/presage/detectors/shift"
)

// newRowJudge returns what judges the rows of a table: one column by its novelty, several by what they have in common.
func newRowJudge(opts scoreOptions, columns []string) func(time int64, values []float64) detectors.RowScore {
	if len(columns) == 1 {
		s := detectors.NewSeriesScorer(detectors.SeriesScorerConfig{Fit: opts.Fit, AlertRate: opts.AlertRate, Novelty: novelty.New()})
		return func(time int64, values []float64) detectors.RowScore { return s.Row(time, values[0]) }
	}
	s := detectors.NewScorer(detectors.ScorerConfig{
		Fit: opts.Fit, AlertRate: opts.AlertRate, Series: seasonal.New(), Joint: shift.New(shift.DefaultConfig()),
	}, columns)
	return s.Row
}
