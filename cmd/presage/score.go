package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// scoreOptions are the flags of "presage score".
type scoreOptions struct {
	Columns   []string // to score; empty means every column after the first
	Fit       int      // first rows that are known to be healthy
	AlertRate float64  // alerts per 1000 rows to aim at
}

// score reads a CSV table whose first column is a time stamp, judges it row by row, causally, and writes it again with
// three more columns: score, anomalous and alert. It streams: every row is answered as it comes, and memory does not grow with the rows. Empty cells and NaN are missing values.
func score(ctx context.Context, in io.Reader, out io.Writer, opts scoreOptions) error {
	if opts.AlertRate <= 0 || opts.AlertRate >= 1000 {
		return fmt.Errorf("score: alert rate %v: give alerts per 1000 rows, above 0 and below 1000", opts.AlertRate)
	}
	if opts.Fit < 0 {
		return fmt.Errorf("score: fit %d: give the number of healthy rows at the beginning, 0 or more", opts.Fit)
	}
	buffered := bufio.NewReaderSize(in, 1<<16)
	r := csv.NewReader(buffered)
	r.ReuseRecord = true
	r.Comma = comma(buffered)
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return errors.New("score: the input is empty: it needs a header line, and rows of a time stamp and values")
	}
	if err != nil {
		return fmt.Errorf("score: header: %w", err)
	}
	columns, err := scoredColumns(header, opts.Columns)
	if err != nil {
		return err
	}
	w := csv.NewWriter(out)
	w.Comma = r.Comma
	defer w.Flush() // the rows before a mistake
	if err := w.Write(append(slices.Clone(header), "score", "anomalous", "alert")); err != nil {
		return fmt.Errorf("score: write: %w", err)
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = header[c]
	}
	judge := newRowJudge(opts, names)
	values := make([]float64, len(columns))
	var line []string
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if buffered.Buffered() == 0 {
			w.Flush() // the next row may be long in coming
		}
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("score: %w", err)
		}
		at, err := parseTime(row[0])
		if err != nil {
			n, _ := r.FieldPos(0)
			return fmt.Errorf("score: line %d: %w", n, err)
		}
		for i, c := range columns {
			if values[i], err = parseCell(row[c]); err != nil {
				n, _ := r.FieldPos(c)
				return fmt.Errorf("score: line %d, column %q: %w", n, names[i], err)
			}
		}
		s := judge(at, values)
		line = append(append(line[:0], row...), strconv.FormatFloat(s.Score, 'f', 6, 64), digit(s.Anomalous), digit(s.Alert))
		if err := w.Write(line); err != nil {
			return fmt.Errorf("score: write: %w", err)
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("score: write: %w", err)
	}
	return nil
}

// comma returns the separator of a table by its first line: a semicolon when it has one and no comma.
func comma(r *bufio.Reader) rune {
	text, whole := "", false
	for err := error(nil); err == nil && !whole; {
		var seen []byte
		seen, err = r.Peek(len(text) + 1) // waits for no more than there is of the line
		if err == nil {
			seen, _ = r.Peek(r.Buffered())
		}
		text, _, whole = strings.Cut(string(seen), "\n")
	}
	if strings.Contains(text, ";") && !strings.Contains(text, ",") {
		return ';'
	}
	return ','
}

// scoredColumns returns the indices of the columns to score.
func scoredColumns(header, wanted []string) ([]int, error) {
	var columns []int
	if len(wanted) == 0 {
		for i := 1; i < len(header); i++ {
			columns = append(columns, i)
		}
	}
	for _, name := range wanted {
		i := slices.Index(header, name)
		if i < 1 {
			return nil, fmt.Errorf("score: no column %q after the time stamp: the columns are %q", name, header[1:])
		}
		columns = append(columns, i)
	}
	if len(columns) == 0 {
		return nil, errors.New("score: the table has no column after the time stamp")
	}
	return columns, nil
}

// scoreLayouts are the forms of time stamps that are understood beside numbers; without a zone they are UTC.
var scoreLayouts = []string{time.RFC3339Nano, time.DateTime, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04", time.DateOnly}

// parseTime reads a time stamp: one of the layouts, or Unix seconds or, from 100,000,000,000 on, milliseconds.
func parseTime(s string) (ms int64, err error) {
	s = strings.TrimSpace(s)
	if v, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(v) < 1e15 {
		if math.Abs(v) < 1e11 {
			v *= 1000
		}
		return int64(v), nil
	}
	for _, layout := range scoreLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UnixMilli(), nil
		}
	}
	return 0, fmt.Errorf("time stamp %q: write Unix seconds or milliseconds, or 2006-01-02 15:04:05", s)
}

func parseCell(s string) (float64, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return math.NaN(), nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("%q is not a number: leave the cell empty where there is no value, or choose other columns", s)
	}
	return v, nil
}

func digit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
