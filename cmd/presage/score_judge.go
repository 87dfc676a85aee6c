package main

import (
	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/multivariate"
	"github.com/presage-pdm/presage/detectors/novelty"
)

// newRowJudge returns what judges the rows of a table: one column by its novelty, several by what they have in common.
func newRowJudge(opts scoreOptions, columns []string) func(time int64, values []float64) detectors.RowScore {
	if len(columns) == 1 {
		s := detectors.NewSeriesScorer(detectors.SeriesScorerConfig{Fit: opts.Fit, AlertRate: opts.AlertRate, Novelty: novelty.New()})
		return func(time int64, values []float64) detectors.RowScore { return s.Row(time, values[0]) }
	}
	cfg := multivariate.DefaultConfig()
	cfg.AlertRate = opts.AlertRate / 1000
	if opts.Fit > 0 {
		cfg.WarmUp = opts.Fit
	}
	return detectors.NewTableScorer(multivariate.New(cfg).Chart(), columns).Row
}
