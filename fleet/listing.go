package fleet

import "time"

// Health is the state of a device in one word, worst first: the severity of its worst open ticket, else silence, else "ok".
type Health string

// The healths.
const (
	HealthCritical Health = "critical" // an open ticket of severity critical
	HealthMajor    Health = "major"
	HealthWarning  Health = "warning" // an open ticket of severity warning or info
	HealthSilent   Health = "silent"  // last said to be offline
	HealthOK       Health = "ok"
	HealthUnknown  Health = "unknown" // never heard of
)

// Healths lists every health, worst first.
func Healths() []Health {
	return []Health{HealthCritical, HealthMajor, HealthWarning, HealthSilent, HealthOK, HealthUnknown}
}

// DeviceView is a device as lists show it: with the names behind its
// identifiers and how it is.
type DeviceView struct {
	Device
	ModelName    string `json:"model_name,omitempty"`
	Kind         string `json:"kind,omitempty"` // Model.Kind
	SiteName     string `json:"site_name,omitempty"`
	RegionName   string `json:"region_name,omitempty"`
	CustomerName string `json:"customer_name,omitempty"`
	TimeZone     string `json:"time_zone,omitempty"` // of the site
	// Online is what the device last said on its state topic, nil when it never said.
	Online *bool `json:"online,omitempty"`
	// LastSeen is when the device was last heard of, zero when never.
	LastSeen    time.Time `json:"last_seen,omitzero"`
	Health      Health    `json:"health"`
	OpenTickets int       `json:"open_tickets"`
}

// DeviceFilter selects devices. Empty fields match everything; values of one field are alternatives.
type DeviceFilter struct {
	Text                          string // in id, name, serial and the name of the customer
	Model, Region, Site, Customer []string
	Health                        []Health
	// Sort is "health" (default: worst first, then id), "id", "name" or "last_seen" (newest first).
	Sort   string
	Cursor string // DevicePage.Next of the page before
	Limit  int    // 1 to 500; 0 means 50
}

// DevicePage is a page of devices. Next is empty on the last one.
type DevicePage struct {
	Devices []DeviceView `json:"devices"`
	Next    string       `json:"next,omitempty"`
	Total   int          `json:"total"` // matching devices, over all pages
}

// Cell sums up the devices of one model in one region.
type Cell struct {
	Model       string `json:"model"` // empty: devices without a model
	ModelName   string `json:"model_name"`
	Kind        string `json:"kind"`
	Region      string `json:"region"` // empty: devices without a region
	RegionName  string `json:"region_name"`
	Devices     int    `json:"devices"`
	Unhealthy   int    `json:"unhealthy"` // with an open ticket
	Silent      int    `json:"silent"`
	OpenTickets int    `json:"open_tickets"`
	// History is the number of tickets opened per day (UTC), [HistoryDays] of them, today last.
	History []int `json:"history"`
}

// HistoryDays is the length of [Cell.History].
const HistoryDays = 30
