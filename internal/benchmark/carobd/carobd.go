// Package carobd reads the healthy trips of a car over OBD-II (github.com/eron93br/carOBD) and injects sensor faults into
// copies of them. The faults are ours and made by arithmetic; nothing like them was recorded.
package carobd

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Interval is the usual time between rows in milliseconds; the recordings have no time stamps.
const Interval = 500

// Trip is one recording: a value of every metric in every row.
type Trip struct {
	Name    string
	Metrics []string
	Rows    [][]float64
}

// Hours is how long the trip took.
func (t *Trip) Hours() float64 { return float64(len(t.Rows)) * Interval / 3_600_000 }

// Read reads a trip. The first column, seconds since the engine started, is left out.
func Read(path string) (*Trip, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read trip: %w", err)
	}
	defer f.Close() // read only
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read trip %s: %w", path, err)
	}
	if len(all) < 2 {
		return nil, fmt.Errorf("read trip %s: %d lines, want a header and rows", path, len(all))
	}
	t := &Trip{Name: filepath.Base(path), Metrics: all[0][1:]}
	for i, line := range all[1:] {
		row := make([]float64, len(t.Metrics))
		for k, cell := range line[1:] {
			if row[k], err = strconv.ParseFloat(cell, 64); err != nil {
				return nil, fmt.Errorf("read trip %s: line %d: %w", path, i+2, err)
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t, nil
}

// Fault is a way in which a sensor fails.
type Fault string

// The faults.
const (
	Stuck Fault = "stuck" // the reading of the first faulty row is repeated
	Bias  Fault = "bias"  // three deviations are added
	Drift Fault = "drift" // a deviation more is added every minute, six at most
)

// Faults lists them.
func Faults() []Fault { return []Fault{Stuck, Bias, Drift} }

// Inject returns a copy of the trip in which a sensor fails in a row and stays so. The deviation is that of the rows before. ok is false when the
// sensor did not move in them: there is nothing to measure the fault by.
func (t *Trip) Inject(metric int, fault Fault, from int) (faulty *Trip, ok bool) {
	sd := deviation(t.Rows[:from], metric)
	if sd == 0 {
		return nil, false
	}
	faulty = &Trip{Name: t.Name, Metrics: t.Metrics, Rows: slices.Clone(t.Rows)}
	for i := from; i < len(t.Rows); i++ {
		row := slices.Clone(t.Rows[i])
		switch fault {
		case Stuck:
			row[metric] = t.Rows[from][metric]
		case Bias:
			row[metric] += 3 * sd
		case Drift:
			row[metric] += min(6, float64(i-from)*Interval/60_000) * sd
		}
		faulty.Rows[i] = row
	}
	return faulty, true
}

func deviation(rows [][]float64, metric int) float64 {
	mean, m2 := 0.0, 0.0
	for i, row := range rows {
		d := row[metric] - mean
		mean += d / float64(i+1)
		m2 += d * (row[metric] - mean)
	}
	return math.Sqrt(m2 / float64(max(1, len(rows)-1)))
}
