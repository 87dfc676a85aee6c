package dispatch

import (
	"testing"
	"time"

	"github.com/presage-pdm/presage/fleet"
)

func TestWorkingHoursInherit(t *testing.T) {
	hours := []fleet.Hours{{Weekday: time.Wednesday, From: "08:00", To: "09:00"}}
	station := fleet.Station{TimeZone: "Asia/Manila", Calendar: fleet.Calendar{Hours: hours}}
	region := fleet.Region{TimeZone: "Europe/Berlin"}
	now := time.Date(2026, 1, 13, 23, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		technician fleet.Technician
		station    fleet.Station
		want       string // UTC
	}{
		"the station's calendar in its zone":     {fleet.Technician{}, station, "2026-01-14 00:00"},
		"the region's zone":                      {fleet.Technician{}, fleet.Station{Calendar: fleet.Calendar{Hours: hours}}, "2026-01-14 07:00"},
		"the technician's calendar in that zone": {fleet.Technician{Shift: fleet.Calendar{Hours: []fleet.Hours{{Weekday: time.Wednesday, From: "22:00", To: "06:00"}}}}, station, "2026-01-14 14:00"},
		"a zone of its own":                      {fleet.Technician{Shift: fleet.Calendar{TimeZone: "America/New_York", Hours: hours}}, station, "2026-01-14 13:00"},
		"nothing said works around the clock":    {fleet.Technician{}, fleet.Station{}, "2026-01-13 23:00"},
		"a holiday of the technician's is no shift of the station's": {
			fleet.Technician{Shift: fleet.Calendar{Holidays: []string{"2026-01-14"}}}, station, "2026-01-14 16:00"},
	} {
		got := workingHours(&c.technician, &c.station, region).NextOpen(now).UTC().Format("2006-01-02 15:04")
		if got != c.want {
			t.Errorf("%s: opens %s, want %s", name, got, c.want)
		}
	}
}
