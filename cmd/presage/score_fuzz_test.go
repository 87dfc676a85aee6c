package main

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"
	"testing"
)

// FuzzScore scores any table: it is refused with a reason, or has a score from 0 to 1 behind each row.
func FuzzScore(f *testing.F) {
	f.Add("time,a\n1700000000,1\n1700000060,2\n1700000120,1e308\n", uint8(0))
	f.Add("time;a;b\n2026-03-09 10:14:33;1;\n2026-03-09 10:14:33;;2\n", uint8(1))
	f.Add("t,a\n-1e14,NaN\n1e14,Inf\n0,-Inf\n", uint8(2))
	f.Fuzz(func(t *testing.T, table string, fit uint8) {
		if len(table) > 64<<10 {
			return
		}
		var out bytes.Buffer
		err := score(t.Context(), strings.NewReader(table), &out, scoreOptions{Fit: int(fit), AlertRate: 1})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "score: ") {
				t.Fatalf("an error without its place: %v", err)
			}
			return
		}
		r := csv.NewReader(&out)
		if first, _, _ := strings.Cut(table, "\n"); strings.Contains(first, ";") && !strings.Contains(first, ",") {
			r.Comma = ';'
		}
		rows, err := r.ReadAll()
		if err != nil {
			t.Fatalf("the output is no table: %v", err)
		}
		for _, row := range rows[1:] {
			if v, err := strconv.ParseFloat(row[len(row)-3], 64); err != nil || !(v >= 0 && v <= 1) {
				t.Fatalf("score %q", row[len(row)-3])
			}
		}
	})
}
