package dispatch

import (
	"testing"
	"time"

	"github.com/presage-pdm/presage/fleet"
)

func TestShiftOpens(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	week := func(from, to string) fleet.Calendar {
		c := fleet.Calendar{TimeZone: "Europe/Berlin"}
		for d := time.Monday; d <= time.Friday; d++ {
			c.Hours = append(c.Hours, fleet.Hours{Weekday: d, From: from, To: to})
		}
		return c
	}
	every := func(from, to string) fleet.Calendar {
		c := week(from, to)
		c.Hours = append(c.Hours, fleet.Hours{Weekday: time.Saturday, From: from, To: to}, fleet.Hours{Weekday: time.Sunday, From: from, To: to})
		return c
	}
	holiday := func(c fleet.Calendar, dates ...string) fleet.Calendar { c.Holidays = dates; return c }
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	utc := func(s string) time.Time {
		v, err := time.Parse("2006-01-02 15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for name, c := range map[string]struct {
		calendar  fleet.Calendar
		now, want time.Time // want zero: never
	}{
		"around the clock":                 {fleet.Calendar{}, at("2026-01-14 03:00"), at("2026-01-14 03:00")},
		"around the clock but for a day":   {holiday(fleet.Calendar{}, "2026-01-14"), at("2026-01-14 03:00"), at("2026-01-15 00:00")},
		"before work":                      {week("08:00", "17:00"), at("2026-01-14 07:59"), at("2026-01-14 08:00")},
		"the first minute counts":          {week("08:00", "17:00"), at("2026-01-14 08:00"), at("2026-01-14 08:00")},
		"the last does not":                {week("08:00", "17:00"), at("2026-01-14 17:00"), at("2026-01-15 08:00")},
		"over the weekend":                 {week("08:00", "17:00"), at("2026-01-16 18:00"), at("2026-01-19 08:00")},
		"over a holiday":                   {holiday(week("08:00", "17:00"), "2026-01-19"), at("2026-01-16 18:00"), at("2026-01-20 08:00")},
		"night shift before midnight":      {week("22:00", "06:00"), at("2026-01-14 23:00"), at("2026-01-14 23:00")},
		"night shift after midnight":       {week("22:00", "06:00"), at("2026-01-17 05:59"), at("2026-01-17 05:59")},
		"night shift has ended":            {week("22:00", "06:00"), at("2026-01-17 06:00"), at("2026-01-19 22:00")},
		"no Sunday night shift":            {week("22:00", "06:00"), at("2026-01-19 05:00"), at("2026-01-19 22:00")},
		"a night before a holiday is done": {holiday(week("22:00", "06:00"), "2026-01-15"), at("2026-01-15 05:00"), at("2026-01-15 05:00")},
		"a holiday's night does not begin": {holiday(week("22:00", "06:00"), "2026-01-15"), at("2026-01-15 23:00"), at("2026-01-16 22:00")},
		// Clocks go from 02:00 to 03:00 on 29 March 2026: 22:00 to 06:00 is 21:00 to 04:00 UTC.
		"spring, last minute": {every("22:00", "06:00"), utc("2026-03-29 03:59"), utc("2026-03-29 03:59")},
		"spring, ended":       {every("22:00", "06:00"), utc("2026-03-29 04:00"), utc("2026-03-29 20:00")},
		// And from 03:00 to 02:00 on 25 October 2026: 22:00 to 06:00 is 20:00 to 05:00 UTC.
		"autumn, last minute": {every("22:00", "06:00"), utc("2026-10-25 04:59"), utc("2026-10-25 04:59")},
		"autumn, ended":       {every("22:00", "06:00"), utc("2026-10-25 05:00"), utc("2026-10-25 21:00")},
		"the whole day":       {every("00:00", "00:00"), at("2026-01-14 13:00"), at("2026-01-14 13:00")},
		"until midnight":      {week("16:00", "24:00"), at("2026-01-14 23:59"), at("2026-01-14 23:59")},
		"split lunch": {fleet.Calendar{TimeZone: "Europe/Berlin", Hours: []fleet.Hours{
			{Weekday: time.Wednesday, From: "13:00", To: "17:00"}, {Weekday: time.Wednesday, From: "08:00", To: "12:00"}}},
			at("2026-01-14 12:30"), at("2026-01-14 13:00")},
		"earliest span of the day": {fleet.Calendar{TimeZone: "Europe/Berlin", Hours: []fleet.Hours{
			{Weekday: time.Wednesday, From: "13:00", To: "17:00"}, {Weekday: time.Wednesday, From: "08:00", To: "12:00"}}},
			at("2026-01-13 12:30"), at("2026-01-14 08:00")},
		"hours that are none": {fleet.Calendar{Hours: []fleet.Hours{{Weekday: time.Monday, From: "8", To: "x"}}}, at("2026-01-14 12:00"), time.Time{}},
	} {
		s := workingHours(fleet.Technician{Shift: c.calendar}, fleet.Station{TimeZone: "Europe/Berlin"}, fleet.Region{})
		got, ok := s.opens(c.now)
		if ok == c.want.IsZero() || ok && !got.Equal(c.want) {
			t.Errorf("%s: opens %v (%v), want %v", name, got.In(berlin), ok, c.want)
		}
	}
}

func TestWorkingHoursInherit(t *testing.T) {
	station := fleet.Station{TimeZone: "Asia/Manila", Calendar: fleet.Calendar{Hours: []fleet.Hours{{Weekday: time.Wednesday, From: "08:00", To: "09:00"}}}}
	region := fleet.Region{TimeZone: "Europe/Berlin"}
	now := time.Date(2026, 1, 13, 23, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		technician fleet.Technician
		station    fleet.Station
		want       time.Time
	}{
		"the station's calendar in its zone": {fleet.Technician{}, station, time.Date(2026, 1, 14, 0, 0, 0, 0, time.UTC)},
		"the region's zone": {fleet.Technician{}, fleet.Station{Calendar: station.Calendar},
			time.Date(2026, 1, 14, 7, 0, 0, 0, time.UTC)},
		"a zone that does not exist": {fleet.Technician{}, fleet.Station{TimeZone: "Mars/Base", Calendar: station.Calendar},
			time.Date(2026, 1, 14, 7, 0, 0, 0, time.UTC)},
	} {
		if got, _ := workingHours(c.technician, c.station, region).opens(now); !got.Equal(c.want) {
			t.Errorf("%s: opens %v, want %v", name, got, c.want)
		}
	}
}
