package replay

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// clock reads the times of a recording. It recognises their form at the first one.
type clock struct {
	zone  *time.Location
	start time.Time

	read func(string) (float64, bool) // Unix milliseconds; nil before the first
	form string                       // of the first, for messages

	last float64 // the latest time so far, in Unix milliseconds
	base float64 // of seconds since the start
	any  bool
}

func newClock(c *Config) *clock {
	k := &clock{zone: c.TimeZone, start: c.Start, base: float64(c.Start.UnixMilli())}
	if k.zone == nil {
		k.zone = time.UTC
	}
	return k
}

// next begins another file, whose times may have another form. Seconds since the start go on after the last.
func (k *clock) next() {
	k.read = nil
	if !k.start.IsZero() && k.any {
		k.base = k.last + 1000
	}
	k.any = false
}

// millis reads a time into Unix milliseconds.
func (k *clock) millis(text string) (float64, error) {
	text = strings.TrimSpace(text)
	if k.read == nil {
		if err := k.recognise(text); err != nil {
			return 0, err
		}
	}
	ms, ok := k.read(text)
	if !ok {
		return 0, fmt.Errorf("%q is no time like the first one, which was %s", text, k.form)
	}
	return ms, nil
}

// layouts are dates and times, tried in this order. Fractions of a second need no layout of their own.
var layouts = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006/01/02 15:04:05",
	"2006-01-02 15:04", "2006-01-02",
}

// Numbers below are seconds, above milliseconds: the year 5138, and a day in March 1973.
const secondsBelow = 1e11

// earliestUnix is the first number that is taken for Unix seconds without being
// told: March 1973. Smaller ones count from a start that must be given.
const earliestUnix = 1e8

func (k *clock) recognise(text string) error {
	number, err := strconv.ParseFloat(text, 64)
	isNumber := err == nil && !math.IsNaN(number) && !math.IsInf(number, 0)
	switch {
	case isNumber && !k.start.IsZero():
		k.form, k.read = "seconds since the start", k.sinceStart
		return nil
	case isNumber && number >= secondsBelow:
		k.form, k.read = "Unix milliseconds", numberTimes(1)
		return nil
	case isNumber && number >= earliestUnix:
		k.form, k.read = "Unix seconds", numberTimes(1000)
		return nil
	case isNumber:
		return fmt.Errorf("the first time is %q: when these are seconds since a start, say when it was with --start", text)
	}
	for _, layout := range layouts {
		if _, err := time.ParseInLocation(layout, text, k.zone); err == nil {
			k.form = fmt.Sprintf("%q", text)
			k.read = func(text string) (float64, bool) {
				t, err := time.ParseInLocation(layout, text, k.zone)
				return float64(t.UnixMilli()), err == nil
			}
			return nil
		}
	}
	return fmt.Errorf("%q is no time: give RFC 3339, 2006-01-02 15:04:05, Unix seconds or milliseconds, or name another column", text)
}

// latest is the year 9999, beyond which a number is no time.
const latest = 253_402_300_799_999

func numberTimes(factor float64) func(string) (float64, bool) {
	return func(text string) (float64, bool) {
		n, err := strconv.ParseFloat(text, 64)
		ms := math.Floor(n * factor)
		return ms, err == nil && ms >= 0 && ms <= latest
	}
}

// sinceStart reads seconds since the start. When they fall back, they go on a second after the last.
func (k *clock) sinceStart(text string) (float64, bool) {
	n, err := strconv.ParseFloat(text, 64)
	ms := k.base + math.Floor(n*1000)
	if err != nil || math.IsNaN(n) || math.Abs(n) > latest/1000 || ms < 0 || ms > latest {
		return 0, false
	}
	if k.any && ms < k.last {
		k.base += k.last + 1000 - ms
		ms = k.last + 1000
	}
	k.last, k.any = ms, true
	return ms, true
}
