package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/presage-pdm/presage/internal/benchmark/nab"
)

// detectionNAB runs the Numenta benchmark: one command line for all files, the alerts are judged by the official formula.
func detectionNAB(t *testing.T) []detectionFigure {
	folder := testData(t, "nab")
	files, err := nab.Files(folder)
	if err != nil {
		t.Fatal(err)
	}
	var tally nab.Tally
	rows := 0
	for _, f := range files {
		_, scored := runScore(t, readText(t, filepath.Join(folder, "data", filepath.FromSlash(f.Name))), ',')
		stamps := make([]string, len(scored))
		for i, row := range scored {
			stamps[i] = row[0]
		}
		s, err := f.Series(stamps, flagged(scored, 4))
		if err != nil {
			t.Fatal(err)
		}
		var one nab.Tally
		one.Add(s)
		t.Logf("%-60s %2d of %d windows, gain %.2f, %2d alerts outside cost %.2f", f.Name, one.Found, one.Windows, one.Gain, one.Outside, one.Loss)
		tally.Add(s)
		rows += s.Rows - nab.Probation(s.Rows)
	}
	p := nab.Profiles()
	data := fmt.Sprintf("NAB, %d files", len(files))
	return []detectionFigure{
		{Data: data, Figure: "standard profile", Published: "74.9 (ARTime, sees whole files)", Bar: "76", Stretch: "80", Ours: tally.Score(p[0]), Floor: 78},
		{Data: data, Figure: "low-FP profile", Published: "65.1 (ARTime)", Ours: tally.Score(p[1]), Floor: 71},
		{Data: data, Figure: "low-FN profile", Published: "80.4 (ARTime)", Ours: tally.Score(p[2]), Floor: 82},
		{Data: data, Figure: fmt.Sprintf("windows found, of %d", tally.Windows), Ours: float64(tally.Found), Unbounded: true},
		{Data: data, Figure: "alerts outside windows in 1000 rows", Ours: 1000 * float64(tally.Outside) / float64(rows), Floor: 0.6, Lower: true},
	}
}
