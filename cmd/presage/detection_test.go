package main

import (
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"
)

// detectionFigure is one measured line of the table of docs/detection.md.
type detectionFigure struct {
	Data      string // the data set and what of it
	Figure    string // what is measured, with its unit
	Published string // the best that is published, and by whom
	Bar       string // what we hold ourselves to
	Stretch   string
	Ours      float64
	Floor     float64 // the test fails when Ours is on the wrong side of it
	Lower     bool    // less is better
	Unbounded bool    // the figure is told and has no floor
}

// failed reports whether the figure is on the wrong side of its floor.
func (f detectionFigure) failed() bool {
	return !f.Unbounded && (f.Ours != f.Ours || f.Lower && f.Ours > f.Floor || !f.Lower && f.Ours < f.Floor)
}

// detectionBenchmark runs the protocol of one public data set through "presage score". Each stands in a file of its own,
// detection_<data set>_test.go, and is entered in the list below.
type detectionBenchmark struct {
	name string
	run  func(t *testing.T) []detectionFigure
}

func detectionBenchmarks() []detectionBenchmark {
	return []detectionBenchmark{
		{"nab", detectionNAB},
		{"skab", detectionSKAB},
		{"car_obd", detectionCarOBD},
	}
}

// The quality of detection on public data, each data set by its published protocol. "make bench-detection" prints the table.
func TestDetectionQuality(t *testing.T) {
	var all []detectionFigure
	for _, b := range detectionBenchmarks() {
		t.Run(b.name, func(t *testing.T) {
			figures := b.run(t)
			for _, f := range figures {
				if f.failed() {
					t.Errorf("%s, %s: %.2f, the floor is %.2f", f.Data, f.Figure, f.Ours, f.Floor)
				}
			}
			all = append(all, figures...)
		})
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "data\tfigure\tpublished\tbar\tstretch\tours")
	for _, f := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%.2f\n", f.Data, f.Figure, f.Published, f.Bar, f.Stretch, f.Ours)
	}
	w.Flush()
	t.Log("\n" + table.String())
}
