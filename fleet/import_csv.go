package fleet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// readCSV reads the rows of one kind, told by the name of the file. Its first
// line names the columns; "calendar.hours" is the column hours of the group calendar. A list stands in
// one cell, with semicolons between. The separator of columns is a comma, or a semicolon as
// spreadsheets write it where the comma is the decimal sign.
func (im *Importer) readCSV(name string, content []byte) {
	kind := strings.ToLower(strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)))
	if !slices.Contains(Kinds(), kind) {
		im.errs.add(name, 0, "the name of the file does not tell what is in it: call it %s.csv", strings.Join(Kinds(), ".csv, "))
		return
	}
	r := csv.NewReader(bytes.NewReader(content))
	r.ReuseRecord = true
	r.FieldsPerRecord = -1 // told with the line below
	header, _, _ := bytes.Cut(content, []byte("\n"))
	if !bytes.Contains(header, []byte(",")) && bytes.Contains(header, []byte(";")) {
		r.Comma = ';'
	}
	var columns []string
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			line := 0
			var syntax *csv.ParseError
			if errors.As(err, &syntax) {
				line, err = syntax.Line, syntax.Err
			}
			im.errs.add(name, line, "%v", err)
			return
		}
		line, _ := r.FieldPos(0)
		if columns == nil {
			for i, cell := range cells {
				column := strings.ToLower(strings.TrimSpace(cell))
				if column == "" || slices.Contains(columns, column) {
					im.errs.add(name, line, "column %d is called %q: every column needs a name of its own", i+1, cell)
					return
				}
				columns = append(columns, column)
			}
			continue
		}
		if len(cells) != len(columns) {
			im.errs.add(name, line, "the line has %d columns and the first line %d", len(cells), len(columns))
			continue
		}
		im.take(kind, csvRecord(name, line, &im.errs, columns, cells, func(i int) int { l, _ := r.FieldPos(i); return l }))
	}
	if columns == nil {
		im.errs.add(name, 0, "the file is empty: its first line names the columns")
	}
}

// csvRecord makes a record of a row; an empty cell is a missing field.
func csvRecord(name string, line int, errs *ImportErrors, columns, cells []string, lineOf func(column int) int) *record {
	r := &record{file: name, line: line, errs: errs}
	for i, column := range columns {
		target := r
		for {
			group, rest, ok := strings.Cut(column, ".")
			if !ok {
				break
			}
			at := slices.IndexFunc(target.fields, func(f field) bool { return f.name == group })
			if at < 0 {
				at = len(target.fields)
				target.fields = append(target.fields, field{name: group, value: value{line: line, record: &record{file: name, line: line, errs: errs}}})
			}
			if target.fields[at].record == nil {
				break // a column of the same name comes before: reported as unknown
			}
			target, column = target.fields[at].record, rest
		}
		target.fields = append(target.fields, field{name: column, value: value{line: lineOf(i), text: cells[i]}})
	}
	return r
}
