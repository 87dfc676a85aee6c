package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

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
	rows := scored(t, "timestamp,v\n2020-03-09 10:14:33,1\n2020-03-09T10:14:34Z,\n1583748875000,NaN\n1583748876,4\n", scoreOptions{AlertRate: 1})
	if len(rows) != 5 || rows[2][1] != "" {
		t.Errorf("rows %q", rows)
	}
}
