package fleet

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/presage-pdm/presage/internal/spelling"
)

// ImportError is one thing that is wrong with an imported file.
type ImportError struct {
	File    string `json:"file"`
	Line    int    `json:"line"` // 0 when the file as a whole is meant
	Message string `json:"message"`
}

// Error puts the place before the message, as compilers do.
func (e ImportError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Message
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message)
}

// ImportErrors is everything that is wrong with an import.
type ImportErrors struct {
	Errors []ImportError // at most maxImportErrors
	More   int           // how many there were besides
}

// Error returns one line per error.
func (e *ImportErrors) Error() string {
	lines := make([]string, 0, len(e.Errors)+1)
	for _, one := range e.Errors {
		lines = append(lines, one.Error())
	}
	if e.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", e.More))
	}
	return strings.Join(lines, "\n")
}

// maxImportErrors is how many errors are worth reading at once.
const maxImportErrors = 100

func (e *ImportErrors) add(file string, line int, format string, args ...any) {
	if len(e.Errors) == maxImportErrors {
		e.More++
		return
	}
	e.Errors = append(e.Errors, ImportError{file, line, fmt.Sprintf(format, args...)})
}

// value is what a file says in one place: a text, a list or a record.
type value struct {
	line   int
	text   string
	list   []value
	record *record
}

// record is one item of a file, or a group of its fields: what a row of CSV and
// a mapping of YAML have in common. Whoever reads a field makes its name known;
// those that nobody asked for are reported by done.
type record struct {
	file   string
	line   int
	what   string // "device", for messages
	errs   *ImportErrors
	fields []field
	known  []string
}

type field struct {
	name string
	value
	used bool
}

func (r *record) fail(line int, format string, args ...any) {
	r.errs.add(r.file, line, "%s", fmt.Sprintf(format, args...))
}

// get returns a field, nil when the file does not have it.
func (r *record) get(name string) *field {
	r.known = append(r.known, name)
	for i := range r.fields {
		if r.fields[i].name == name {
			r.fields[i].used = true
			return &r.fields[i]
		}
	}
	return nil
}

// lineOf returns the line of a field, or that of the record.
func (r *record) lineOf(name string) int {
	for _, f := range r.fields {
		if f.name == name {
			return f.line
		}
	}
	return r.line
}

// maxText bounds a text of an import, in bytes.
const maxText = 1024

// scalar returns the text of a value, which must be neither a list nor a record.
func (r *record) scalar(name string, v value) string {
	switch {
	case v.list != nil || v.record != nil:
		r.fail(v.line, "%s: one value is expected", name)
		return ""
	case !utf8.ValidString(v.text) || strings.IndexByte(v.text, 0) >= 0:
		r.fail(v.line, "%s: %q is not valid UTF-8 text", name, v.text)
		return ""
	case len(v.text) > maxText:
		r.fail(v.line, "%s: the text has %d bytes, at most %d are allowed", name, len(v.text), maxText)
		return ""
	}
	return strings.TrimSpace(v.text)
}

// text reads a text, empty when the field is missing.
func (r *record) text(name string) string {
	if f := r.get(name); f != nil {
		return r.scalar(name, f.value)
	}
	return ""
}

// required reads a text that must be there.
func (r *record) required(name string) string {
	before := len(r.errs.Errors) + r.errs.More
	s := r.text(name)
	if s == "" && len(r.errs.Errors)+r.errs.More == before {
		r.fail(r.lineOf(name), "a %s needs the field %q", r.what, name)
	}
	return s
}

// choice reads a text that is one of a few, or empty.
func (r *record) choice(name string, choices ...string) string {
	s := r.text(name)
	if s == "" {
		return s
	}
	for _, c := range choices {
		if s == c {
			return s
		}
	}
	r.fail(r.lineOf(name), "%s %q: use one of %s", name, s, strings.Join(choices, ", "))
	return ""
}

// zone reads the name of a time zone.
func (r *record) zone(name string) string {
	s := r.text(name)
	if _, err := time.LoadLocation(s); err != nil || s == "Local" {
		r.fail(r.lineOf(name), "unknown time zone %q: use an IANA name such as Europe/Berlin", s)
		return ""
	}
	return s
}

// integer reads a whole number within bounds, 0 when the field is missing.
func (r *record) integer(name string, low, high int) int {
	s := r.text(name)
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		r.fail(r.lineOf(name), "%s %q: use a whole number from %d to %d", name, s, low, high)
		return 0
	}
	return n
}

// number reads a number within bounds, 0 when the field is missing.
func (r *record) number(name string, low, high float64) float64 {
	s := r.text(name)
	if s == "" {
		return 0
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(n) || n < low || n > high {
		r.fail(r.lineOf(name), "%s %q: use a number from %g to %g, with a point", name, s, low, high)
		return 0
	}
	return n
}

// boolean reads yes or no, false when the field is missing.
func (r *record) boolean(name string) bool {
	switch s := strings.ToLower(r.text(name)); s {
	case "", "false", "no", "0":
	case "true", "yes", "1":
		return true
	default:
		r.fail(r.lineOf(name), "%s %q: use true or false", name, s)
	}
	return false
}

// date reads a day, as its midnight in UTC; zero when the field is missing.
func (r *record) date(name string) time.Time {
	s := r.text(name)
	if s == "" {
		return time.Time{}
	}
	t, err := parseDate(s)
	if err != nil {
		r.fail(r.lineOf(name), "%s: %v", name, err)
	}
	return t
}

func parseDate(s string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a date such as 2026-12-25", s)
	}
	return t, nil
}

// maxList bounds the lists of an import.
const maxList = 1000

// texts reads a list of texts: a list of YAML, or one text with semicolons between its parts.
func (r *record) texts(name string) []string {
	f := r.get(name)
	if f == nil {
		return nil
	}
	parts := f.list
	if parts == nil {
		for part := range strings.SplitSeq(r.scalar(name, f.value), ";") {
			parts = append(parts, value{line: f.line, text: part})
		}
	}
	if len(parts) > maxList {
		r.fail(f.line, "%s: %d values, at most %d are allowed", name, len(parts), maxList)
		return nil
	}
	var all []string
	for _, part := range parts {
		if s := r.scalar(name, part); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// group reads a field that has fields of its own; it has none when the field is missing.
func (r *record) group(name string) *record {
	f := r.get(name)
	if f == nil || f.record == nil {
		if f != nil && (f.list != nil || strings.TrimSpace(f.text) != "") {
			r.fail(f.line, "%s: fields of its own are expected", name)
		}
		return &record{file: r.file, line: r.line, errs: r.errs}
	}
	f.record.what = name
	return f.record
}

// pairs reads a group whose fields may have any name.
func (r *record) pairs(name string) map[string]string {
	g := r.group(name)
	if len(g.fields) > maxList {
		r.fail(g.line, "%s: %d fields, at most %d are allowed", name, len(g.fields), maxList)
		return nil
	}
	var all map[string]string
	for _, f := range g.fields {
		if s := g.scalar(f.name, f.value); s != "" {
			if all == nil {
				all = map[string]string{}
			}
			all[f.name] = s
		}
	}
	return all
}

// records reads a list of records.
func (r *record) records(name, what string) []*record {
	f := r.get(name)
	if f == nil {
		return nil
	}
	var all []*record
	for _, v := range f.list {
		if v.record == nil {
			r.fail(v.line, "%s: a list of records is expected, with a dash before each", name)
			continue
		}
		v.record.what = what
		all = append(all, v.record)
	}
	if f.list == nil && (f.record != nil || strings.TrimSpace(f.text) != "") {
		r.fail(f.line, "%s: a list is expected", name)
	}
	return all
}

// done reports the fields that nobody asked for.
func (r *record) done() {
	for _, f := range r.fields {
		if !f.used {
			r.fail(f.line, "unknown field %q%s", f.name, suggestion(f.name, r.known))
		}
	}
}

// suggestion names what was probably meant, or else everything that is known.
func suggestion(name string, known []string) string {
	if best, ok := spelling.Nearest(name, known); ok {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	return ": known are " + strings.Join(known, ", ")
}
