package dispatch

import (
	"slices"
	"time"

	"github.com/presage-pdm/presage/fleet"
)

// shift is a calendar with its time zone resolved.
type shift struct {
	calendar fleet.Calendar
	zone     *time.Location
}

// horizon is how far ahead the opening of a shift is looked for.
const horizon = 31 // days

// workingHours is the shift of a technician: their own calendar, else that of
// the station. A calendar without a zone is in that of the station, else of
// the region, else in UTC; a zone that does not exist counts as none.
func workingHours(t fleet.Technician, s fleet.Station, r fleet.Region) shift {
	c := t.Shift
	if c.TimeZone == "" && len(c.Hours) == 0 && len(c.Holidays) == 0 {
		c = s.Calendar
	}
	for _, name := range []string{c.TimeZone, s.Calendar.TimeZone, s.TimeZone, r.TimeZone} {
		if name == "" {
			continue
		}
		if zone, err := time.LoadLocation(name); err == nil {
			return shift{c, zone}
		}
	}
	return shift{c, time.UTC}
}

// opens returns the first moment from now on that lies within working hours:
// now itself during a shift. ok is false when none begins within [horizon].
//
// A span belongs to the local day it begins on, so that a night shift before a
// holiday is worked to its end. Its ends are wall-clock times of the zone: on
// the night of a change of daylight saving time, 22:00 to 06:00 lasts seven or nine hours.
func (s shift) opens(now time.Time) (at time.Time, ok bool) {
	year, month, day := now.In(s.zone).Date()
	for ahead := -1; ahead <= horizon; ahead++ {
		date := time.Date(year, month, day+ahead, 0, 0, 0, 0, s.zone)
		// Midnight does not exist on some days of change; the date of noon is always right.
		local := time.Date(year, month, day+ahead, 12, 0, 0, 0, s.zone)
		if slices.Contains(s.calendar.Holidays, local.Format(time.DateOnly)) {
			continue
		}
		for _, span := range s.spans(date, local) {
			if !now.Before(span.to) {
				continue
			}
			if begin := span.from; begin.After(now) {
				if !ok || begin.Before(at) {
					at, ok = begin, true
				}
				continue
			}
			return now, true
		}
		if ok {
			// A later day begins later: only spans of this day could have been earlier.
			return at, true
		}
	}
	return at, ok
}

type span struct{ from, to time.Time }

// spans returns the working hours that begin on a local day.
func (s shift) spans(midnight, noon time.Time) []span {
	year, month, day := noon.Date()
	at := func(minutes, days int) time.Time {
		return time.Date(year, month, day+days, 0, minutes, 0, 0, s.zone)
	}
	if len(s.calendar.Hours) == 0 {
		return []span{{midnight, at(0, 1)}}
	}
	var spans []span
	for _, h := range s.calendar.Hours {
		from, fromOK := clock(h.From)
		to, toOK := clock(h.To)
		if h.Weekday != noon.Weekday() || !fromOK || !toOK {
			continue
		}
		days := 0
		if to <= from {
			days = 1
		}
		spans = append(spans, span{at(from, 0), at(to, days)})
	}
	return spans
}

// clock reads "15:04" as minutes since midnight; "24:00" is the end of the day.
func clock(s string) (minutes int, ok bool) {
	if s == "24:00" {
		return 24 * 60, true
	}
	t, err := time.Parse("15:04", s)
	return t.Hour()*60 + t.Minute(), err == nil
}
