package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// runScore runs the command as a user does, over rows of a table and separator of its columns, and returns header and rows.
func runScore(t *testing.T, in string, comma rune, flags ...string) (header []string, rows [][]string) {
	t.Helper()
	var out, errOut bytes.Buffer
	if err := run(t.Context(), append([]string{"score"}, flags...), streams{in: strings.NewReader(in), out: &out, err: &errOut}); err != nil {
		t.Fatalf("score %q: %v\n%s", flags, err, errOut.String())
	}
	r := csv.NewReader(&out)
	r.Comma = comma
	all, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all[0], all[1:]
}

func readText(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// flagged returns the rows with a 1 in a column.
func flagged(rows [][]string, column int) (at []int) {
	for i, row := range rows {
		if row[column] == "1" {
			at = append(at, i)
		}
	}
	return at
}

// A recording of the Numenta benchmark, request latency of a server: causal, in form, and right about all three failures: one alert in each. Without a
// beginning that is known to be healthy there are some early alerts more, at the level of the benchmark; with one there are no others.
func TestScoreOfARecordedSeries(t *testing.T) {
	in := readText(t, testData(t, "nab", "data", "realKnownCause", "ec2_request_latency_system_failure.csv"))
	lines := strings.SplitAfter(strings.TrimSuffix(in, "\n"), "\n")
	header, rows := runScore(t, in, ',')
	if strings.Join(header, ",") != "timestamp,value,score,anomalous,alert" || len(rows) != len(lines)-1 {
		t.Fatalf("%d rows under %q, want %d", len(rows), header, len(lines)-1)
	}
	for i, row := range rows {
		s, err := strconv.ParseFloat(row[2], 64)
		if err != nil || s < 0 || s > 1 || strings.TrimSpace(lines[i+1]) != row[0]+","+row[1] {
			t.Fatalf("row %d is %q", i, row)
		}
		if row[3] != "0" && row[3] != "1" || row[4] != "0" && (row[4] != "1" || row[3] != "1") {
			t.Fatalf("row %d is %q: an alert is raised on anomalous rows only", i, row)
		}
	}
	failures := [][2]string{ // windows of the benchmark
		{"2014-03-14 03:31:00", "2014-03-14 14:41:00"},
		{"2014-03-18 17:06:00", "2014-03-19 04:16:00"},
		{"2014-03-20 21:26:00", "2014-03-21 03:41:00"},
	}
	const healthy = 1200
	_, trusting := runScore(t, in, ',', "--fit", strconv.Itoa(healthy))
	alerts := flagged(trusting, 4)
	if len(alerts) != len(failures) {
		t.Fatalf("%d alerts, want one for each of %d failures", len(alerts), len(failures))
	}
	for k, i := range alerts {
		if at := rows[i][0]; at < failures[k][0] || at > failures[k][1] {
			t.Errorf("alert at %s, want one from %s to %s", at, failures[k][0], failures[k][1])
		}
	}
	alerts = flagged(rows, 4)
	early := 0
	for early < len(alerts) && alerts[early] < healthy {
		early++
	}
	if late := alerts[early:]; early > 4 || len(late) != len(failures) {
		t.Fatalf("%d alerts in the first %d rows and %d after, want at most 4 and %d", early, healthy, len(late), len(failures))
	}
	for k, i := range alerts[early:] {
		if at := rows[i][0]; at < failures[k][0] || at > failures[k][1] {
			t.Errorf("alert at %s, want one from %s to %s", at, failures[k][0], failures[k][1])
		}
	}

	// Scoring a prefix gives the same rows, also one that ends at an alert or just before it.
	for _, n := range []int{1, 149, 1000, alerts[0], alerts[0] + 1, alerts[1] + 1, 3999} {
		_, head := runScore(t, strings.Join(lines[:1+n], ""), ',')
		if len(head) != n {
			t.Fatalf("%d rows of %d", len(head), n)
		}
		for i := range head {
			if !slices.Equal(head[i], rows[i]) {
				t.Fatalf("row %d is %q with %d rows and %q with all", i, head[i], n, rows[i])
			}
		}
	}

	// A larger budget alerts more, and rows that are known to be healthy never do.
	_, more := runScore(t, in, ',', "--alert-rate", "10")
	if n := len(flagged(more, 4)); n <= len(alerts) {
		t.Errorf("%d alerts at ten in 1000 rows, %d at the default", n, len(alerts))
	}
	_, fitted := runScore(t, in, ',', "--fit", "3900", "--alert-rate", "10")
	for _, i := range flagged(fitted, 3) {
		if i < 3900 {
			t.Fatalf("row %d is anomalous although the first 3900 are healthy", i)
		}
	}
}

// A recording of a pump test bed with semicolons, of which two columns are scored.
func TestScoreOfChosenColumns(t *testing.T) {
	in := readText(t, testData(t, "skab", "valve1", "10.csv"))
	lines := strings.Split(strings.TrimSpace(in), "\n")
	header, rows := runScore(t, in, ';', "--columns", "Pressure,Volume Flow RateRMS", "--fit", "400")
	if want := strings.TrimSpace(lines[0]) + ";score;anomalous;alert"; strings.Join(header, ";") != want || len(rows) != len(lines)-1 {
		t.Fatalf("%d rows under %q, want %d under %q", len(rows), header, len(lines)-1, want)
	}
	label, hits := slices.Index(header, "anomaly"), 0
	alerts := flagged(rows, len(header)-1)
	for _, i := range alerts {
		if rows[i][label] == "1.0" {
			hits++
		}
	}
	if hits == 0 || len(alerts)-hits > 1 {
		t.Errorf("%d alerts, %d of them while the valve is closed", len(alerts), hits)
	}
	// Labels are columns like any other, unless others are named: what they hold must not matter.
	var blind strings.Builder
	for _, line := range lines {
		cells := strings.Split(strings.TrimSpace(line), ";")
		if cells[label] == "1.0" {
			cells[label] = "0.0"
		}
		blind.WriteString(strings.Join(cells, ";") + "\n")
	}
	_, again := runScore(t, blind.String(), ';', "--columns", "Pressure,Volume Flow RateRMS", "--fit", "400")
	for i := range rows {
		if !slices.Equal(rows[i][len(header)-3:], again[i][len(header)-3:]) {
			t.Fatalf("row %d is judged %q with labels and %q without", i, rows[i], again[i])
		}
	}
}

// What is live is judged at once: a row comes out before the next one goes in.
func TestScoreAnswersEachRow(t *testing.T) {
	in, rows := io.Pipe()
	answers, out := io.Pipe()
	done := make(chan error, 1)
	go func() { // ends when the rows do
		err := score(t.Context(), in, out, scoreOptions{AlertRate: 1})
		out.Close()
		done <- err
	}()
	lines := bufio.NewScanner(answers)
	for i, row := range []string{"timestamp,value", "1,5", "2,6"} {
		if _, err := io.WriteString(rows, row+"\n"); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), row+",") {
			t.Fatalf("line %d: %q", i, lines.Text())
		}
	}
	rows.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// table writes n rows of a noisy signal that rises by ten deviations over the rows [from, to).
func table(n, from, to int) string {
	rng := rand.New(rand.NewPCG(4, 2))
	var b strings.Builder
	b.WriteString("timestamp,value,other\n")
	for i := range n {
		v := 20 + rng.NormFloat64()
		if i >= from && i < to {
			v += 10
		}
		fmt.Fprintf(&b, "%d,%g,%g\n", 1_700_000_000+i, v, rng.NormFloat64())
	}
	return b.String()
}

func scored(t *testing.T, in string, opts scoreOptions) [][]string {
	t.Helper()
	var out bytes.Buffer
	if err := score(t.Context(), strings.NewReader(in), &out, opts); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestScoreFindsAShift(t *testing.T) {
	const n, from, to = 3000, 2000, 2200
	rows := scored(t, table(n, from, to), scoreOptions{AlertRate: 0.8})
	if len(rows) != n+1 || strings.Join(rows[0], ",") != "timestamp,value,other,score,anomalous,alert" {
		t.Fatalf("%d rows under %q", len(rows), rows[0])
	}
	near, total, inside := 0, 0, 0
	for i, row := range rows[1:] {
		if s, err := strconv.ParseFloat(row[3], 64); err != nil || s < 0 || s > 1 {
			t.Fatalf("row %d: score %q", i, row[3])
		}
		if row[5] == "1" {
			total++
			if i >= from && i < from+20 {
				near++
			}
		}
		if row[4] == "1" && i >= from && i < to {
			inside++
		}
	}
	if near != 1 || total > 8 {
		t.Errorf("%d alerts within 20 rows of the shift and %d in all, want 1 and at most 8", near, total)
	}
	if inside < (to-from)/2 {
		t.Errorf("anomalous on %d of %d shifted rows", inside, to-from)
	}
}

// The verdict on a row does not depend on what comes after it.
func TestScoreIsCausal(t *testing.T) {
	all := scored(t, table(2000, 1500, 1600), scoreOptions{AlertRate: 0.8})
	head := scored(t, strings.Join(strings.SplitAfter(table(2000, 1500, 1600), "\n")[:1561], ""), scoreOptions{AlertRate: 0.8})
	for i := range head {
		if strings.Join(head[i], ",") != strings.Join(all[i], ",") {
			t.Fatalf("row %d is %q alone and %q with more rows after it", i, head[i], all[i])
		}
	}
}

func TestScoreFitIsNeverAnomalous(t *testing.T) {
	for i, row := range scored(t, table(1200, 500, 600), scoreOptions{Fit: 1000, AlertRate: 50})[1:] {
		if i < 1000 && (row[4] != "0" || row[5] != "0") {
			t.Fatalf("row %d of the healthy ones is %q", i, row)
		}
	}
}

func TestScoreInputs(t *testing.T) {
	for _, c := range []struct {
		name, in string
		opts     scoreOptions
		want     string
	}{
		{"empty", "", scoreOptions{AlertRate: 1}, "the input is empty"},
		{"no values", "timestamp\n1\n", scoreOptions{AlertRate: 1}, "no column after the time stamp"},
		{"bad time", "timestamp,v\nyesterday,1\n", scoreOptions{AlertRate: 1}, "line 2: time stamp \"yesterday\""},
		{"bad value", "timestamp,v\n1,x\n", scoreOptions{AlertRate: 1}, "line 2, column \"v\": \"x\" is not a number"},
		{"unknown column", "timestamp,v\n1,1\n", scoreOptions{AlertRate: 1, Columns: []string{"w"}}, "no column \"w\""},
		{"rate", "timestamp,v\n1,1\n", scoreOptions{}, "alert rate 0"},
		{"ragged", "timestamp,v\n1,1,1\n", scoreOptions{AlertRate: 1}, "wrong number of fields"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := score(t.Context(), strings.NewReader(c.in), &bytes.Buffer{}, c.opts)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
	var out bytes.Buffer
	if err := score(t.Context(), strings.NewReader("timestamp,v\n1,1\n2,x\n"), &out, scoreOptions{AlertRate: 1}); err == nil || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("error %v after %q, want header and the row before the mistake", err, out.String())
	}
	rows := scored(t, "timestamp,v\n2020-03-09 10:14:33,1\n2020-03-09T10:14:34Z,\n1583748875000,NaN\n1583748876,4\n", scoreOptions{AlertRate: 1})
	if len(rows) != 5 || rows[2][1] != "" {
		t.Errorf("rows %q", rows)
	}
}
