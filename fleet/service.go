package fleet

import "time"

// Site is where devices stand.
type Site struct {
	ID       string  `json:"id"`
	Name     string  `json:"name"`
	Region   string  `json:"region,omitempty"`
	Customer string  `json:"customer,omitempty"`
	TimeZone string  `json:"time_zone,omitempty"` // IANA name; empty means UTC
	Lat      float64 `json:"lat,omitempty"`       // degrees north, WGS 84
	Lon      float64 `json:"lon,omitempty"`       // degrees east, WGS 84
}

// Region is an area of service. Regions form a tree; dispatch climbs it.
type Region struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Parent   string `json:"parent,omitempty"`
	TimeZone string `json:"time_zone,omitempty"`
	Language string `json:"language,omitempty"` // BCP 47
}

// Station is a service centre.
type Station struct {
	ID       string  `json:"id"`
	Name     string  `json:"name"`
	Region   string  `json:"region"`
	TimeZone string  `json:"time_zone,omitempty"`
	Lat      float64 `json:"lat,omitempty"`
	Lon      float64 `json:"lon,omitempty"`
	// Neighbours are Station.IDs that take over when this one is saturated, nearest first.
	Neighbours []string `json:"neighbours,omitempty"`
	// Capacity is how many open tickets the station takes at once; 0 means no bound.
	Capacity int      `json:"capacity,omitempty"`
	Calendar Calendar `json:"calendar,omitzero"`
}

// Technician works at a station.
type Technician struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Station   string   `json:"station"`
	Skills    []Skill  `json:"skills,omitempty"`
	Languages []string `json:"languages,omitempty"` // BCP 47
	Shift     Calendar `json:"shift,omitzero"`      // zero means the station's calendar
	// MaxLoad is how many open tickets the technician takes at once; 0 means 8.
	MaxLoad int `json:"max_load,omitempty"`
	// User is the sign-in name of the technician, empty when there is none.
	User     string `json:"user,omitempty"`
	Inactive bool   `json:"inactive,omitempty"`
}

// Skill is a technician's qualification.
type Skill struct {
	Name    string    `json:"name"`            // "cooling", "high-voltage"
	Level   int       `json:"level,omitempty"` // 1 (trained) to 5 (expert); 0 means 1
	Expires time.Time `json:"expires,omitzero"`
}

// Coverage says that a station serves models in a region. Empty fields match everything; the
// most specific coverage wins, then the lower Rank.
type Coverage struct {
	Station   string `json:"station"`
	Region    string `json:"region,omitempty"`
	Model     string `json:"model,omitempty"`
	Component string `json:"component,omitempty"`
	Rank      int    `json:"rank,omitempty"`
}

// Calendar is a week of working hours in a time zone. The zero value works around the clock.
type Calendar struct {
	TimeZone string   `json:"time_zone,omitempty"` // empty means the owner's zone
	Hours    []Hours  `json:"hours,omitempty"`
	Holidays []string `json:"holidays,omitempty"` // local dates "2026-12-25"
}

// Hours is one span of work on a weekday, local time "15:04". To may be earlier than From: the span then ends on the next day.
type Hours struct {
	Weekday time.Weekday `json:"weekday"`
	From    string       `json:"from"`
	To      string       `json:"to"`
}
