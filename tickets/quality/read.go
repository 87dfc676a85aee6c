package quality

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// Limits of a file of failures.
const (
	MaxFailures = 100_000
	maxMistakes = 20 // that are told of one file
	maxCode     = 128
)

// Check says what is wrong with a failure, and puts [AnyComponent] where no component is named.
func (f *Failure) Check() error {
	if f.Component == "" {
		f.Component = AnyComponent
	}
	if err := telemetry.ValidDeviceID(f.Device); err != nil {
		return fmt.Errorf("device %q: %w", f.Device, err)
	}
	switch {
	case len(f.Component) > maxCode || len(f.Code) > maxCode:
		return fmt.Errorf("component or code is longer than %d bytes: shorten it", maxCode)
	case f.FailedAt.Year() < 1970 || f.FailedAt.Year() > 9999:
		return errors.New("failed_at is missing or out of range: give RFC 3339, such as 2026-03-01T08:30:00Z")
	}
	f.FailedAt = f.FailedAt.UTC().Truncate(time.Microsecond)
	return nil
}

// ReadCSV reads failures from a table with the columns device, component, failed_at and, if there is one, code. Times are RFC
// 3339, or "2006-01-02 15:04:05" or a date in UTC. Mistakes are told all at once, each with its line; then nothing is returned.
func ReadCSV(name string, r io.Reader) ([]Failure, error) {
	in := csv.NewReader(r)
	in.TrimLeadingSpace, in.FieldsPerRecord = true, -1
	header, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("%s:1: no header can be read: begin with a line \"device,component,failed_at,code\": %w", name, err)
	}
	header[0] = strings.TrimPrefix(header[0], "\ufeff")
	column := map[string]int{}
	for i, h := range header {
		h = strings.ToLower(strings.TrimSpace(h))
		if !slices.Contains([]string{"device", "component", "failed_at", "code"}, h) {
			return nil, fmt.Errorf("%s:1: column %q is not known: the columns are device, component, failed_at and code", name, h)
		}
		if _, twice := column[h]; twice {
			return nil, fmt.Errorf("%s:1: column %q is there twice", name, h)
		}
		column[h] = i
	}
	for _, needed := range []string{"device", "component", "failed_at"} {
		if _, ok := column[needed]; !ok {
			return nil, fmt.Errorf("%s:1: there is no column %q", name, needed)
		}
	}
	var all []Failure
	var mistakes []error
	for {
		row, err := in.Read()
		if err == io.EOF {
			break
		}
		if err != nil { // names its line
			return nil, errors.Join(append(mistakes, fmt.Errorf("%s: %w", name, err))...)
		}
		line, _ := in.FieldPos(0)
		f, err := parse(row, column, len(header))
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s:%d: %w", name, line, err))
			if len(mistakes) == maxMistakes {
				mistakes = append(mistakes, fmt.Errorf("%s: the rest was not looked at", name))
				break
			}
			continue
		}
		if all = append(all, f); len(all) > MaxFailures {
			return nil, fmt.Errorf("%s:%d: more than %d failures: split the file", name, line, MaxFailures)
		}
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	return all, nil
}

func parse(row []string, column map[string]int, columns int) (Failure, error) {
	if len(row) != columns {
		return Failure{}, fmt.Errorf("%d fields where the header has %d", len(row), columns)
	}
	cell := func(name string) string {
		if i, ok := column[name]; ok {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	at, err := ParseTime(cell("failed_at"))
	if err != nil {
		return Failure{}, fmt.Errorf("failed_at: %w", err)
	}
	f := Failure{Device: cell("device"), Component: cell("component"), FailedAt: at, Code: cell("code")}
	return f, f.Check()
}

// ParseTime reads RFC 3339, or a date with or without a time of day in UTC.
func ParseTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: give RFC 3339, such as 2026-03-01T08:30:00Z, or a date (UTC)", text)
}
