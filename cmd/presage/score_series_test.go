package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

// column writes n rows of one column.
func oneColumn(n int, row func(i int) string) string {
	var b strings.Builder
	b.WriteString("timestamp,value\n")
	for i := range n {
		b.WriteString(row(i) + "\n")
	}
	return b.String()
}

// One column of any kind comes out with a finite score for each row, and what never changes never alerts.
func TestScoreOfOddSeries(t *testing.T) {
	noise := func(i int) float64 { return math.Mod(float64(i*i%97)*0.37, 1) }
	for _, c := range []struct {
		name   string
		n      int
		row    func(i int) string
		alerts int // at most
	}{
		{"one row", 1, func(int) string { return "1700000000,5" }, 0},
		{"constant", 3000, func(i int) string { return fmt.Sprintf("%d,21.5", 1_700_000_000+i) }, 0},
		{"missing", 500, func(i int) string { return fmt.Sprintf("%d,", 1_700_000_000+i) }, 0},
		{"mostly missing", 3000, func(i int) string {
			if i%3 > 0 {
				return fmt.Sprintf("%d,NaN", 1_700_000_000+i)
			}
			return fmt.Sprintf("%d,%g", 1_700_000_000+i, noise(i))
		}, 3},
		{"huge", 2000, func(i int) string { return fmt.Sprintf("%d,%ge308", 1_700_000_000+i, noise(i)*2-1) }, 3},
		{"one clock", 2000, func(i int) string { return fmt.Sprintf("1700000000,%g", noise(i)) }, 3},
		{"gaps", 2000, func(i int) string { return fmt.Sprintf("%d,%g", 1_700_000_000+i+i/500*1_000_000, noise(i)) }, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows := scored(t, oneColumn(c.n, c.row), scoreOptions{AlertRate: 0.8})[1:]
			if len(rows) != c.n {
				t.Fatalf("%d rows, want %d", len(rows), c.n)
			}
			for i, row := range rows {
				if v, err := strconv.ParseFloat(row[2], 64); err != nil || !(v >= 0 && v <= 1) {
					t.Fatalf("row %d has the score %q", i, row[2])
				}
			}
			if n := len(flagged(rows, 4)); n > c.alerts {
				t.Errorf("%d alerts, want at most %d", n, c.alerts)
			}
		})
	}
}

// One outlier in an otherwise constant column, and a huge one in noise, are found at their row; a smaller budget alerts less.
func TestScoreFindsOneOutlier(t *testing.T) {
	for name, usual := range map[string]func(i int) string{
		"constant": func(int) string { return "5" },
		"noise":    func(i int) string { return strconv.Itoa(i * i % 97) },
	} {
		t.Run(name, func(t *testing.T) {
			rows := scored(t, oneColumn(2000, func(i int) string {
				v := usual(i)
				if i == 1500 {
					v = "1e308"
				}
				return fmt.Sprintf("%d,%s", 1_700_000_000+60*i, v)
			}), scoreOptions{AlertRate: 0.8})[1:]
			if rows[1500][4] != "1" {
				t.Errorf("the outlier's row is %q", rows[1500])
			}
		})
	}
	in := strings.ReplaceAll(table(3000, 2000, 2200), ",other", "")
	var one strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(in), "\n") {
		cells := strings.Split(line, ",")
		one.WriteString(strings.Join(cells[:2], ",") + "\n")
	}
	before := math.MaxInt
	for _, rate := range []float64{100, 10, 1, 0.1} {
		n := len(flagged(scored(t, one.String(), scoreOptions{AlertRate: rate})[1:], 4))
		if n > before || n == 0 {
			t.Errorf("%d alerts at %v in 1000 rows, %d at ten times that", n, rate, before)
		}
		before = n
	}
}
