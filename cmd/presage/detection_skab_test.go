package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/presage-pdm/presage/internal/benchmark/skab"
)

// skabColumns are the sensors of the pump; the columns behind them are labels.
const skabColumns = "Accelerometer1RMS,Accelerometer2RMS,Current,Pressure,Temperature,Thermocouple,Voltage,Volume Flow RateRMS"

// scoreSKAB runs one file as the leaderboard asks for and returns its rows with label and verdict.
func scoreSKAB(t *testing.T, in string) (header []string, rows [][]string) {
	return runScore(t, in, ';', "--columns", skabColumns, "--fit", strconv.Itoa(skab.FitRows))
}

// detectionSKAB runs the pump recordings with an induced fault, and the one without as the healthy machine that it is.
func detectionSKAB(t *testing.T) []detectionFigure {
	files, err := filepath.Glob(filepath.Join(testData(t, "skab"), "valve1", "*.csv"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	var tally skab.Tally
	for _, file := range files {
		header, rows := scoreSKAB(t, readText(t, file))
		label, verdict := slices.Index(header, "anomaly"), slices.Index(header, "anomalous")
		var one skab.Tally
		for _, row := range rows[skab.FitRows:] {
			one.Add(row[label] == "1.0", row[verdict] == "1")
			tally.Add(row[label] == "1.0", row[verdict] == "1")
		}
		t.Logf("%-8s F1 %.2f, false alarms %.1f %%, missed %.1f %%", filepath.Base(file), one.F1(), one.FAR(), one.MAR())
	}
	healthy, alerts, hours := healthySKAB(t)
	data := fmt.Sprintf("SKAB valve1, %d files", len(files))
	return []detectionFigure{
		{Data: data, Figure: "F1, rows pooled", Published: "0.78 (Conv-AE, all 34 files)", Bar: "0.84", Stretch: "0.88", Ours: tally.F1(), Floor: 0.84},
		{Data: data, Figure: "false alarm rate, %", Published: "13.6", Stretch: "15", Ours: tally.FAR(), Floor: 6, Lower: true},
		{Data: data, Figure: "missed alarm rate, %", Published: "28.0", Ours: tally.MAR(), Floor: 25, Lower: true},
		{Data: "SKAB anomaly-free, in parts of 1200 rows", Figure: "false alarm rate, %", Ours: healthy.FAR(), Floor: 4, Lower: true},
		{Data: "SKAB anomaly-free, in parts of 1200 rows", Figure: "alerts an hour", Ours: float64(alerts) / hours, Unbounded: true},
	}
}

// healthySKAB scores the recording without a fault in parts as long as the others.
func healthySKAB(t *testing.T) (tally skab.Tally, alerts int, hours float64) {
	const part = 1200
	lines := strings.SplitAfter(readText(t, testData(t, "skab", "anomaly-free", "anomaly-free.csv")), "\n")
	head, lines := lines[0], lines[1:]
	for from := 0; from+part <= len(lines); from += part {
		header, rows := scoreSKAB(t, head+strings.Join(lines[from:from+part], ""))
		for _, row := range rows[skab.FitRows:] {
			tally.Add(false, row[slices.Index(header, "anomalous")] == "1")
		}
		alerts += len(flagged(rows, slices.Index(header, "alert")))
		hours += float64(part-skab.FitRows) / 3600
	}
	return tally, alerts, hours
}
