package fleet

import (
	"strings"
	"testing"
	"time"
)

func hours(t *testing.T, text string) []Hours {
	t.Helper()
	h, err := ParseHours(text)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// at reads a time with its offset.
func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse("2006-01-02 15:04 -07:00", s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestCalendar(t *testing.T) {
	// In Berlin the clocks go forward on 29 March 2026 at 02:00 +01:00 and back
	// on 25 October 2026 at 03:00 +02:00, both Sundays.
	for _, c := range []struct {
		name     string
		calendar Calendar
		at       string
		next     string // empty: never; equal to at: open
	}{
		{"zero value", Calendar{}, "2026-05-01 03:00 +00:00", "2026-05-01 03:00 +00:00"},
		{"around the clock but for a holiday", Calendar{TimeZone: "Europe/Berlin", Holidays: []string{"2026-05-01"}},
			"2026-05-01 12:00 +02:00", "2026-05-02 00:00 +02:00"},
		{"in hours", Calendar{TimeZone: "Europe/Berlin", Hours: hours(t, "mon-fri 08:00-17:00")},
			"2026-05-04 08:00 +02:00", "2026-05-04 08:00 +02:00"},
		{"the end is outside", Calendar{TimeZone: "Europe/Berlin", Hours: hours(t, "mon-fri 08:00-17:00")},
			"2026-05-04 17:00 +02:00", "2026-05-05 08:00 +02:00"},
		{"another zone's clock", Calendar{TimeZone: "Asia/Shanghai", Hours: hours(t, "mon-fri 08:00-17:00")},
			"2026-05-04 07:59 +08:00", "2026-05-04 08:00 +08:00"},
		{"over the weekend", Calendar{TimeZone: "Europe/Berlin", Hours: hours(t, "mon-fri 08:00-17:00")},
			"2026-05-08 20:00 +02:00", "2026-05-11 08:00 +02:00"},
		{"over weekend and holiday", Calendar{TimeZone: "Europe/Berlin", Hours: hours(t, "mon-fri 08:00-17:00"), Holidays: []string{"2026-05-11"}},
			"2026-05-08 20:00 +02:00", "2026-05-12 08:00 +02:00"},
		{"lunch", Calendar{Hours: hours(t, "mon 08:00-12:00; mon 13:00-17:00")},
			"2026-05-04 12:30 +00:00", "2026-05-04 13:00 +00:00"},
		{"spans in any order", Calendar{Hours: hours(t, "mon 13:00-17:00; mon 08:00-12:00")},
			"2026-05-04 06:00 +00:00", "2026-05-04 08:00 +00:00"},
		{"night shift before midnight", Calendar{Hours: hours(t, "fri 22:00-06:00")},
			"2026-05-08 23:00 +00:00", "2026-05-08 23:00 +00:00"},
		{"night shift behind midnight", Calendar{Hours: hours(t, "fri 22:00-06:00")},
			"2026-05-09 05:59 +00:00", "2026-05-09 05:59 +00:00"},
		{"night shift over", Calendar{Hours: hours(t, "fri 22:00-06:00")},
			"2026-05-09 06:00 +00:00", "2026-05-15 22:00 +00:00"},
		{"night shift into a holiday is worked", Calendar{Hours: hours(t, "daily 22:00-06:00"), Holidays: []string{"2026-05-09"}},
			"2026-05-09 03:00 +00:00", "2026-05-09 03:00 +00:00"},
		{"night shift of a holiday is not", Calendar{Hours: hours(t, "daily 22:00-06:00"), Holidays: []string{"2026-05-09"}},
			"2026-05-10 03:00 +00:00", "2026-05-10 22:00 +00:00"},
		{"whole days", Calendar{Hours: hours(t, "sat-sun 00:00-24:00")},
			"2026-05-10 23:59 +00:00", "2026-05-10 23:59 +00:00"},
		{"whole days end", Calendar{Hours: hours(t, "sat-sun 00:00-24:00")},
			"2026-05-11 00:00 +00:00", "2026-05-16 00:00 +00:00"},
		{"equal ends are a day", Calendar{Hours: hours(t, "sat 07:00-07:00")},
			"2026-05-10 06:59 +00:00", "2026-05-10 06:59 +00:00"},

		{"forward: shift over the change", Calendar{TimeZone: "Europe/Berlin", Hours: hours(t, "sat 22:00-06:00")},
			"2026-03-29 05:59 +02:00", "2026-03-29 05:59 +02:00"},
		{"forward: shift over the change ends by the clock", Calendar{TimeZone: "Europe/Berlin", Hours: hours(t, "sat-sun 22:00-06:00")},
			"2026-03-29 06:00 +02:00", "2026-03-29 22:00 +02:00"},
		{"forward: begin in the missing hour", Calendar{TimeZone: "Europe/Berlin", Hours: hours(t, "sun 02:30-10:00")},
			"2026-03-29 01:59 +01:00", "2026-03-29 03:00 +02:00"},
		{"forward: end in the missing hour", Calendar{TimeZone: "Europe/Berlin", Hours: hours(t, "sat 22:00-02:30; sun 12:00-13:00")},
			"2026-03-29 03:00 +02:00", "2026-03-29 12:00 +02:00"},
		{"forward: open until the missing hour", Calendar{TimeZone: "Europe/Berlin", Hours: hours(t, "sat 22:00-02:30")},
			"2026-03-29 01:59 +01:00", "2026-03-29 01:59 +01:00"},
		{"back: first pass of a begin in the repeated hour", Calendar{TimeZone: "Europe/Berlin", Hours: hours(t, "sun 02:30-10:00")},
			"2026-10-25 02:15 +02:00", "2026-10-25 02:30 +02:00"},
		{"back: open between the passes", Calendar{TimeZone: "Europe/Berlin", Hours: hours(t, "sun 02:30-10:00")},
			"2026-10-25 02:15 +01:00", "2026-10-25 02:15 +01:00"},
		{"back: open until the second pass of the end", Calendar{TimeZone: "Europe/Berlin", Hours: hours(t, "sat 22:00-02:30")},
			"2026-10-25 02:29 +01:00", "2026-10-25 02:29 +01:00"},
		{"back: closed from the second pass of the end", Calendar{TimeZone: "Europe/Berlin", Hours: hours(t, "sat 22:00-02:30; sun 12:00-13:00")},
			"2026-10-25 02:30 +01:00", "2026-10-25 12:00 +01:00"},
		{"back: a day of 25 hours", Calendar{TimeZone: "Europe/Berlin", Hours: hours(t, "sun 00:00-24:00")},
			"2026-10-25 23:59 +01:00", "2026-10-25 23:59 +01:00"},
		{"a change of half an hour", Calendar{TimeZone: "Australia/Lord_Howe", Hours: hours(t, "sun 02:15-03:00")},
			"2026-10-04 01:00 +10:30", "2026-10-04 02:30 +11:00"},

		{"no hours that can be read", Calendar{Hours: []Hours{{Weekday: time.Monday, From: "eight", To: "17:00"}}}, "2026-05-04 12:00 +00:00", ""},
		{"an unknown zone is UTC", Calendar{TimeZone: "Moon/Sea", Hours: hours(t, "mon 08:00-17:00")}, "2026-05-04 08:00 +00:00", "2026-05-04 08:00 +00:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := at(t, c.at)
			next := c.calendar.NextOpen(now)
			if c.next == "" {
				if !next.IsZero() {
					t.Fatalf("next open at %s, want never", next)
				}
				return
			}
			if want := at(t, c.next); !next.Equal(want) {
				t.Fatalf("next open at %s, want %s", next.In(want.Location()), want)
			}
			if open := c.calendar.Open(now); open != (c.at == c.next) {
				t.Errorf("open is %t at %s", open, c.at)
			}
			if !c.calendar.Open(next) {
				t.Errorf("not open at %s, when work begins", next)
			}
			if c.at != c.next && c.calendar.Open(next.Add(-time.Nanosecond)) {
				t.Errorf("open already just before %s", next)
			}
		})
	}
}

func TestCalendarIn(t *testing.T) {
	if got := (Calendar{}).In("Europe/Berlin").TimeZone; got != "Europe/Berlin" {
		t.Errorf("zone of the owner: got %q", got)
	}
	if got := (Calendar{TimeZone: "Asia/Shanghai"}).In("Europe/Berlin").TimeZone; got != "Asia/Shanghai" {
		t.Errorf("own zone: got %q", got)
	}
}

func TestParseHours(t *testing.T) {
	got := hours(t, " Fri-Mon 8:00-17:30 ;")
	if len(got) != 4 || got[0] != (Hours{time.Friday, "8:00", "17:30"}) || got[3].Weekday != time.Monday {
		t.Errorf("got %v", got)
	}
	if got := hours(t, "daily 22:00-06:00"); len(got) != 7 {
		t.Errorf("daily: got %v", got)
	}
	for text, want := range map[string]string{
		"mon":              "not like",
		"mon 08:00":        "not like",
		"mom 08:00-17:00":  "unknown day",
		"mon 08:00-25:00":  "not a time of day",
		"mon 08:60-17:00":  "not a time of day",
		"mon 8-17":         "not a time of day",
		"mon -1:00-17:00":  "not a time of day",
		"mon 24:01-17:00":  "not a time of day",
		"mon-xyz 08:00-09": "not a time of day",
	} {
		if _, err := ParseHours(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("hours %q: error %v, want one that says %q", text, err, want)
		}
	}
}

func TestCalendarValidate(t *testing.T) {
	bad := Calendar{TimeZone: "Moon/Sea", Hours: []Hours{{Weekday: 9, From: "8", To: "17:00"}}, Holidays: []string{"25.12.2026"}}
	if errs := bad.Validate(); len(errs) != 4 {
		t.Errorf("got %v, want four errors", errs)
	}
	if errs := (Calendar{}).Validate(); errs != nil {
		t.Errorf("zero value: got %v", errs)
	}
}

func FuzzParseHours(f *testing.F) {
	f.Add("mon-fri 08:00-17:00; sat 09:00-13:00")
	f.Add("daily 22:00-06:00")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := ParseHours(text)
		if err != nil {
			return
		}
		c := Calendar{TimeZone: "Europe/Berlin", Hours: h}
		if errs := c.Validate(); errs != nil {
			t.Fatalf("hours %q were accepted but are not valid: %v", text, errs)
		}
		now := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
		if next := c.NextOpen(now); !next.IsZero() && !c.Open(next) {
			t.Fatalf("hours %q: work begins at %s but is not open then", text, next)
		}
	})
}
