package web

import (
	"context"

	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/fleet/access"
)

// The lists of the directory are short, hundreds at most, and come whole.
type (
	// Models are the types of devices.
	Models struct {
		Models []fleet.Model `json:"models"`
	}
	// Regions are the areas of service.
	Regions struct {
		Regions []fleet.Region `json:"regions"`
	}
	// Stations are the service centres.
	Stations struct {
		Stations []fleet.Station `json:"stations"`
	}
	// Technicians are the people who repair.
	Technicians struct {
		Technicians []fleet.Technician `json:"technicians"`
	}
)

func (s *Server) directoryRoutes() {
	d := s.cfg.Directory
	handle(s, operation{id: "list-models", method: "GET", path: "/api/v1/models", summary: "Types of devices", tag: "directory"},
		func(_ context.Context, who access.Principal, _ *none) (*body[Models], error) {
			return answer(Models{list(d.Models(who.Tenant))}), nil
		})
	handle(s, operation{id: "list-regions", method: "GET", path: "/api/v1/regions", summary: "Areas of service", tag: "directory"},
		func(_ context.Context, who access.Principal, _ *none) (*body[Regions], error) {
			return answer(Regions{list(d.Regions(who.Tenant))}), nil
		})
	handle(s, operation{id: "list-stations", method: "GET", path: "/api/v1/stations", summary: "Service centres", tag: "directory"},
		func(_ context.Context, who access.Principal, _ *none) (*body[Stations], error) {
			return answer(Stations{list(d.Stations(who.Tenant))}), nil
		})
	handle(s, operation{id: "list-technicians", method: "GET", path: "/api/v1/technicians", summary: "People who repair", tag: "directory"},
		func(_ context.Context, who access.Principal, _ *none) (*body[Technicians], error) {
			return answer(Technicians{list(d.Technicians(who.Tenant))}), nil
		})
}
