package web

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
)

// maxAlternatives bounds the values that one filter may name.
const maxAlternatives = 100

// split reads the values of a filter: "a,b" and repeated parameters alike. Empty values are dropped.
func split(name string, values []string) ([]string, error) {
	var all []string
	for _, v := range values {
		for _, one := range strings.Split(v, ",") {
			if one = strings.TrimSpace(one); one != "" {
				all = append(all, one)
			}
		}
	}
	if len(all) > maxAlternatives {
		return nil, invalid("query."+name, fmt.Sprintf("At most %d values at once.", maxAlternatives))
	}
	return all, nil
}

// severities reads the values of a severity filter.
func severities(name string, values []string) ([]telemetry.Severity, error) {
	words, err := split(name, values)
	if err != nil {
		return nil, err
	}
	var all []telemetry.Severity
	for _, w := range words {
		v, err := telemetry.ParseSeverity(w)
		if err != nil {
			return nil, invalid("query."+name, err.Error())
		}
		all = append(all, v)
	}
	return all, nil
}

// oneOf reads the values of a filter over a fixed list.
func oneOf[T ~string](name string, values []string, known []T) ([]T, error) {
	words, err := split(name, values)
	if err != nil {
		return nil, err
	}
	var all []T
next:
	for _, w := range words {
		for _, k := range known {
			if T(w) == k {
				all = append(all, k)
				continue next
			}
		}
		return nil, invalid("query."+name, fmt.Sprintf("There is no %s %q; use one of %v.", name, w, known))
	}
	return all, nil
}

// yesNo reads a filter that may be absent.
func yesNo(value string) *bool {
	if value == "" {
		return nil
	}
	v := value == "true"
	return &v
}

// The times that requests may speak of: what a reading may be stamped with, generously.
var (
	firstTime = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	lastTime  = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// instant reads a time: RFC 3339, or Unix milliseconds.
func instant(name, value string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, value)
	if err != nil {
		ms, numErr := strconv.ParseInt(value, 10, 64)
		if numErr != nil {
			return t, invalid("query."+name, "Write a time like 2026-11-21T08:00:00Z, or as Unix milliseconds.")
		}
		t = time.UnixMilli(ms)
	}
	if t = t.UTC(); t.Before(firstTime) || t.After(lastTime) {
		return t, invalid("query."+name, "The time must lie between the years 1970 and 2200.")
	}
	return t, nil
}

// span reads the interval from an optional beginning to an optional end. Without an end it is now, without a
// beginning it is one length before the end.
func span(from, to string, now time.Time, length time.Duration) (series.Range, error) {
	r := series.Range{To: now}
	var err error
	if to != "" {
		if r.To, err = instant("to", to); err != nil {
			return r, err
		}
	}
	r.From = r.To.Add(-length)
	if from != "" {
		if r.From, err = instant("from", from); err != nil {
			return r, err
		}
	}
	if !r.From.Before(r.To) {
		return r, invalid("query.from", "The interval ends before it begins.")
	}
	return r, nil
}

// optionalSpan reads an interval whose sides may be open: they are zero then.
func optionalSpan(from, to string) (begin, end time.Time, err error) {
	if from != "" {
		if begin, err = instant("from", from); err != nil {
			return begin, end, err
		}
	}
	if to != "" {
		if end, err = instant("to", to); err != nil {
			return begin, end, err
		}
	}
	return begin, end, nil
}

// list makes sure that JSON shows an empty list and not null.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
