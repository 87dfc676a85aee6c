package main

import (
	"time"

	"github.com/presage-pdm/presage/tickets"
)

// DeskSettings says when the desk holds back.
type DeskSettings struct {
	// FlappingAfter returns of a fault within FlappingWithin make it one that flaps; 0 turns that off.
	FlappingAfter  int           `koanf:"flapping_after"`
	FlappingWithin time.Duration `koanf:"flapping_within"`
	// MaintenanceSettle is how long after a maintenance window a fault that it withheld may still clear.
	MaintenanceSettle time.Duration `koanf:"maintenance_settle"`
}

func defaultDesk() DeskSettings {
	cfg := tickets.DefaultConfig()
	return DeskSettings{FlappingAfter: cfg.FlappingAfter, FlappingWithin: cfg.FlappingWithin, MaintenanceSettle: cfg.MaintenanceSettle}
}

func (s DeskSettings) desk(cfg *tickets.Config) {
	cfg.FlappingAfter, cfg.FlappingWithin, cfg.MaintenanceSettle = s.FlappingAfter, s.FlappingWithin, s.MaintenanceSettle
}

func (s DeskSettings) validate(fail func(key, format string, args ...any)) {
	if s.FlappingAfter < 0 || s.FlappingAfter > 100 {
		fail("desk.flapping_after", "%d is not within 0 and 100", s.FlappingAfter)
	}
	if s.FlappingWithin < time.Minute || s.FlappingWithin > 7*24*time.Hour {
		fail("desk.flapping_within", "%s is not within 1m and 168h", s.FlappingWithin)
	}
	if s.MaintenanceSettle < 0 || s.MaintenanceSettle > 24*time.Hour {
		fail("desk.maintenance_settle", "%s is not within 0 and 24h", s.MaintenanceSettle)
	}
}
