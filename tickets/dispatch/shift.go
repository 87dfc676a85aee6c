package dispatch

import (
	"cmp"

	"github.com/presage-pdm/presage/fleet"
)

// workingHours is the shift of a technician: their own calendar, else that of
// the station. A calendar without a zone is in that of the station, else of
// the region, else in UTC.
func workingHours(t *fleet.Technician, s *fleet.Station, r fleet.Region) fleet.Calendar {
	c := t.Shift
	if c.TimeZone == "" && len(c.Hours) == 0 && len(c.Holidays) == 0 {
		c = s.Calendar
	}
	return c.In(cmp.Or(s.Calendar.TimeZone, s.TimeZone, r.TimeZone))
}
