package fleet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// horizonDays is how far ahead [Calendar.NextOpen] looks: beyond the longest
// plausible row of holidays.
const horizonDays = 400

// In returns the calendar in the time zone of its owner, unless it has one of its own.
func (c Calendar) In(zone string) Calendar {
	if c.TimeZone == "" {
		c.TimeZone = zone
	}
	return c
}

// Open reports whether somebody works at the time.
//
// A span belongs to the day it begins on: a night shift that begins on the eve
// of a holiday is worked to its end, and one that would begin on the holiday
// is not worked at all. When the clocks go forward, a span that would begin or
// end in the hour that is left out does so at the change. When they go back, a
// span that begins in the repeated hour begins at its first pass, and one that
// ends in it ends at its second.
func (c Calendar) Open(at time.Time) bool {
	loc := location(c.TimeZone)
	local := at.In(loc)
	// Spans are at most a day long, so that one that holds the time began today,
	// yesterday, or the day before at a change of clocks.
	for back := range 3 {
		for _, s := range c.spans(local.AddDate(0, 0, -back), loc) {
			if !at.Before(s.from) && at.Before(s.to) {
				return true
			}
		}
	}
	return false
}

// NextOpen returns at when somebody works then, else when work begins next: the
// zero time when it does not within the next 400 days.
func (c Calendar) NextOpen(at time.Time) time.Time {
	if c.Open(at) {
		return at
	}
	loc := location(c.TimeZone)
	local := at.In(loc)
	for ahead := -1; ahead <= horizonDays; ahead++ {
		var next time.Time
		for _, s := range c.spans(local.AddDate(0, 0, ahead), loc) {
			if s.from.After(at) && (next.IsZero() || s.from.Before(next)) {
				next = s.from
			}
		}
		if !next.IsZero() {
			return next
		}
	}
	return time.Time{}
}

// Validate reports everything that is wrong with the calendar.
func (c Calendar) Validate() []error {
	var errs []error
	if _, err := time.LoadLocation(c.TimeZone); err != nil {
		errs = append(errs, fmt.Errorf("unknown time zone %q: use an IANA name such as Europe/Berlin", c.TimeZone))
	}
	for _, h := range c.Hours {
		if h.Weekday < time.Sunday || h.Weekday > time.Saturday {
			errs = append(errs, fmt.Errorf("weekday %d: use 0 (Sunday) to 6", h.Weekday))
		}
		if _, _, err := parseSpan(h.From, h.To); err != nil {
			errs = append(errs, err)
		}
	}
	for _, day := range c.Holidays {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			errs = append(errs, fmt.Errorf("holiday %q is not a date such as 2026-12-25", day))
		}
	}
	return errs
}

// span is a stretch of work, [from, to).
type span struct{ from, to time.Time }

// spans returns the spans that begin on the local date of a time. Hours that
// [Calendar.Validate] refuses are not worked.
func (c Calendar) spans(local time.Time, loc *time.Location) []span {
	y, m, d := local.Date()
	if slices.Contains(c.Holidays, local.Format(time.DateOnly)) {
		return nil
	}
	if len(c.Hours) == 0 {
		return []span{{wall(y, m, d, 0, loc, false), wall(y, m, d, minutesPerDay, loc, true)}}
	}
	var spans []span
	for _, h := range c.Hours {
		if h.Weekday != local.Weekday() {
			continue
		}
		from, to, err := parseSpan(h.From, h.To)
		if err != nil {
			continue
		}
		spans = append(spans, span{wall(y, m, d, from, loc, false), wall(y, m, d, to, loc, true)})
	}
	return spans
}

const minutesPerDay = 24 * 60

// wall returns when clocks in loc show so many minutes since the midnight that
// begins the date: the second time instead of the first when they do so twice
// and last is set; the moment of the change when they leave the time out.
func wall(y int, m time.Month, d, minutes int, loc *time.Location, last bool) time.Time {
	shown := time.Date(y, m, d, 0, minutes, 0, 0, time.UTC)
	offset := func(t time.Time) time.Duration {
		_, seconds := t.In(loc).Zone()
		return time.Duration(seconds) * time.Second
	}
	// Clocks are changed at most once within two days.
	before, behind := offset(shown.Add(-24*time.Hour)), offset(shown.Add(24*time.Hour))
	first, second := shown.Add(-before), shown.Add(-behind)
	shows := func(t time.Time) bool { return t.Add(offset(t)).Equal(shown) }
	switch {
	case shows(first) && (!last || !shows(second)):
		return first
	case shows(second):
		return second
	}
	change, _ := first.In(loc).ZoneBounds()
	return change
}

// parseSpan reads a span of work as minutes since midnight of the day on which
// it begins. One that ends no later than it begins ends on the next day.
func parseSpan(from, to string) (begin, end int, err error) {
	if begin, err = parseClock(from); err != nil {
		return 0, 0, err
	}
	if end, err = parseClock(to); err != nil {
		return 0, 0, err
	}
	if begin == minutesPerDay {
		return 0, 0, fmt.Errorf("no day's work begins at %q: write 00:00 of the next day", from)
	}
	if end <= begin {
		end += minutesPerDay
	}
	return begin, end, nil
}

// parseClock reads "15:04" as minutes since midnight; "24:00" is the end of the day.
func parseClock(s string) (minutes int, err error) {
	hours, rest, ok := strings.Cut(s, ":")
	h, err1 := strconv.Atoi(hours)
	m, err2 := strconv.Atoi(rest)
	if !ok || err1 != nil || err2 != nil || len(rest) != 2 || len(hours) > 2 || h < 0 || m < 0 || m > 59 || h*60+m > minutesPerDay {
		return 0, fmt.Errorf("%q is not a time of day such as 08:30", s)
	}
	return h*60 + m, nil
}

var weekdays = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// ParseHours reads spans of work as people write them: "mon-fri 08:00-17:00",
// "sat 09:00-13:00", "daily 22:00-06:00"; several are separated by semicolons.
func ParseHours(text string) ([]Hours, error) {
	var all []Hours
	for part := range strings.SplitSeq(text, ";") {
		part = strings.ToLower(strings.TrimSpace(part))
		if part == "" {
			continue
		}
		days, clock, ok := strings.Cut(part, " ")
		from, to, ok2 := strings.Cut(strings.TrimSpace(clock), "-")
		from, to = strings.TrimSpace(from), strings.TrimSpace(to)
		if !ok || !ok2 {
			return nil, fmt.Errorf("hours %q are not like \"mon-fri 08:00-17:00\"", part)
		}
		if _, _, err := parseSpan(from, to); err != nil {
			return nil, fmt.Errorf("hours %q: %w", part, err)
		}
		first, last := days, days
		if days == "daily" {
			first, last = "mon", "sun"
		} else if a, b, ok := strings.Cut(days, "-"); ok {
			first, last = a, b
		}
		d, end := slices.Index(weekdays[:], first), slices.Index(weekdays[:], last)
		if d < 0 || end < 0 {
			return nil, fmt.Errorf("hours %q: unknown day %q: use mon, tue, wed, thu, fri, sat, sun, a range of them, or daily", part, days)
		}
		for {
			all = append(all, Hours{Weekday: time.Weekday(d), From: from, To: to})
			if d == end {
				break
			}
			d = (d + 1) % 7
		}
	}
	return all, nil
}

// zones remembers what [time.LoadLocation] read, which goes to the disk every
// time. It holds nothing but immutable facts.
var zones sync.Map // string -> *time.Location

// location returns a time zone, and UTC for one that [Calendar.Validate] refuses.
func location(zone string) *time.Location {
	if v, ok := zones.Load(zone); ok {
		return v.(*time.Location)
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return time.UTC // not remembered: outsiders could fill the memory with names
	}
	zones.Store(zone, loc)
	return loc
}
