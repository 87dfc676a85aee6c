package main

import (
	"time"

	"github.com/presage-pdm/presage/tickets"
)

// DeskSettings says when the desk holds back.
type DeskSettings struct {
	// MaintenanceSettle is how long after a maintenance window a fault that it withheld may still clear.
	MaintenanceSettle time.Duration `koanf:"maintenance_settle"`
}

func defaultDesk() DeskSettings {
	cfg := tickets.DefaultConfig()
	return DeskSettings{MaintenanceSettle: cfg.MaintenanceSettle}
}

func (s DeskSettings) desk(cfg *tickets.Config) { cfg.MaintenanceSettle = s.MaintenanceSettle }

func (s DeskSettings) validate(fail func(key, format string, args ...any)) {
	if s.MaintenanceSettle < 0 || s.MaintenanceSettle > 24*time.Hour {
		fail("desk.maintenance_settle", "%s is not within 0 and 24h", s.MaintenanceSettle)
	}
}
