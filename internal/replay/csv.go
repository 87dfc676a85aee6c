package replay

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/presage-pdm/presage/telemetry"
)

// table is a CSV file with its header read.
type table struct {
	name   string
	reader *csv.Reader
	header []string
}

// openTable reads the header and finds the separator in it.
func openTable(name string, r *bufio.Reader) (*table, error) {
	if mark, err := r.Peek(3); err == nil && string(mark) == "\ufeff" {
		r.Discard(3)
	}
	// Large enough for any header in use; a longer first line is cut, which decides as well.
	first, err := r.Peek(r.Size())
	if len(first) == 0 {
		if err == io.EOF {
			err = errors.New("the file is empty")
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	line, _, _ := strings.Cut(string(first), "\n")
	t := &table{name: name, reader: csv.NewReader(r)}
	t.reader.ReuseRecord = true
	t.reader.Comma = separator(line)
	header, err := t.reader.Read()
	if err != nil {
		return nil, t.failed(err)
	}
	for _, column := range header {
		t.header = append(t.header, strings.TrimSpace(column))
	}
	return t, nil
}

// separator is the one of the usual separators that occurs most; comma when none does.
func separator(line string) rune {
	best := ','
	for _, s := range ";\t" {
		if strings.Count(line, string(s)) > strings.Count(line, string(best)) {
			best = s
		}
	}
	return best
}

// failed adds the place to an error of the reader.
func (t *table) failed(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("%s:%d: %w", t.name, parse.Line, parse.Err)
	}
	return fmt.Errorf("%s: %w", t.name, err)
}

// at adds the place of the present row to an error about one of its fields.
func (t *table) at(field int, err error) error {
	line, _ := t.reader.FieldPos(field)
	return fmt.Errorf("%s:%d: column %q: %w", t.name, line, t.header[field], err)
}

// timeNames are the names by which a column of times is known without being told.
var timeNames = []string{"timestamp", "datetime", "time", "date", "ts"}

// column finds a column by its name.
func (t *table) column(name string) (int, error) {
	if i := slices.Index(t.header, name); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("%s:1: there is no column %q: the columns are %s", t.name, name, strings.Join(t.header, ", "))
}

func (t *table) timeColumn(name string) (int, error) {
	if name != "" {
		return t.column(name)
	}
	for _, known := range timeNames {
		for i, column := range t.header {
			if strings.EqualFold(column, known) {
				return i, nil
			}
		}
	}
	return 0, fmt.Errorf("%s:1: no column looks like a time: name it with --time-column; the columns are %s", t.name, strings.Join(t.header, ", "))
}

// wide reads a file of one column per metric.
func (p *player) wide(t *table) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		timeAt, err := t.timeColumn(p.config.TimeColumn)
		if err != nil {
			yield(record{}, err)
			return
		}
		keys, err := p.metrics(t, timeAt)
		if err != nil {
			yield(record{}, err)
			return
		}
		for {
			row, err := t.reader.Read()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(record{}, t.failed(err))
				return
			}
			p.result.Rows++
			at, err := p.clock.millis(row[timeAt])
			if err != nil {
				yield(record{}, t.at(timeAt, err))
				return
			}
			body := []byte(`"values":{`)
			empty := len(body)
			for i, key := range keys {
				if key == nil {
					continue
				}
				value, ok := number(row[i])
				if !ok {
					p.result.Skipped++
					continue
				}
				body = appendMember(body, key, value)
			}
			if len(body) == empty {
				p.result.Skipped++
				continue
			}
			if !yield(record{at: at, body: append(body, "}}"...)}, nil) {
				return
			}
		}
	}
}

// metrics are the columns as members of JSON, `"name":`; nil for those that are no metrics.
func (p *player) metrics(t *table, timeAt int) ([][]byte, error) {
	for _, name := range p.config.Ignore {
		if _, err := t.column(name); err != nil {
			return nil, err
		}
	}
	keys := make([][]byte, len(t.header))
	found := false
	for i, name := range t.header {
		if i == timeAt || slices.Contains(p.config.Ignore, name) || slices.Contains(p.config.Labels, name) {
			continue
		}
		key, err := memberKey(name)
		if err != nil {
			return nil, fmt.Errorf("%s:1: column %d: %w: leave it out with --ignore", t.name, i+1, err)
		}
		keys[i], found = key, true
	}
	if !found {
		return nil, fmt.Errorf("%s:1: no column is left to be a metric: the columns are %s", t.name, strings.Join(t.header, ", "))
	}
	return keys, nil
}

// long reads a file of the columns timestamp, metric and value.
func (p *player) long(t *table) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		var at [3]int
		for i, name := range []string{"timestamp", "metric", "value"} {
			var err error
			if at[i], err = t.column(name); err != nil {
				yield(record{}, err)
				return
			}
		}
		var pending record // readings of one time, which become one message
		seen := map[string]bool{}
		for {
			row, err := t.reader.Read()
			if err == io.EOF {
				if len(seen) > 0 {
					pending.body = append(pending.body, "}}"...)
					yield(pending, nil)
				}
				return
			}
			if err != nil {
				yield(record{}, t.failed(err))
				return
			}
			p.result.Rows++
			ms, err := p.clock.millis(row[at[0]])
			if err != nil {
				yield(record{}, t.at(at[0], err))
				return
			}
			key, err := memberKey(row[at[1]])
			if err != nil {
				yield(record{}, t.at(at[1], err))
				return
			}
			value, ok := number(row[at[2]])
			if !ok {
				p.result.Skipped++
				continue
			}
			if len(seen) > 0 && (ms != pending.at || seen[row[at[1]]]) {
				pending.body = append(pending.body, "}}"...)
				if !yield(pending, nil) {
					return
				}
				clear(seen)
			}
			if len(seen) == 0 {
				pending = record{at: ms, body: []byte(`"values":{`)}
			}
			seen[strings.Clone(row[at[1]])] = true
			pending.body = appendMember(pending.body, key, value)
		}
	}
}

func memberKey(name string) ([]byte, error) {
	if err := telemetry.ValidMetricName(name); err != nil {
		return nil, err
	}
	key, err := json.Marshal(name)
	if err != nil {
		return nil, err
	}
	return append(key, ':'), nil
}

// appendMember appends a member to the JSON object at the end of body.
func appendMember(body, key []byte, value float64) []byte {
	if body[len(body)-1] != '{' {
		body = append(body, ',')
	}
	return strconv.AppendFloat(append(body, key...), value, 'g', -1, 64)
}

// number reads a cell that holds a finite number.
func number(cell string) (float64, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(cell), 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}
