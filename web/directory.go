package web

import (
	"context"
	"fmt"

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
	handle(s, operation{id: "list-models", method: "GET", path: "/api/v1/models", summary: "Types of devices", tag: "directory"},
		func(ctx context.Context, who access.Principal, _ *none) (*body[Models], error) {
			found, err := s.cfg.Directory.Models(ctx, who.Tenant)
			return listed(Models{list(found)}, "models", err)
		})
	handle(s, operation{id: "list-regions", method: "GET", path: "/api/v1/regions", summary: "Areas of service", tag: "directory"},
		func(ctx context.Context, who access.Principal, _ *none) (*body[Regions], error) {
			found, err := s.cfg.Directory.Regions(ctx, who.Tenant)
			return listed(Regions{list(found)}, "regions", err)
		})
	handle(s, operation{id: "list-stations", method: "GET", path: "/api/v1/stations", summary: "Service centres", tag: "directory"},
		func(ctx context.Context, who access.Principal, _ *none) (*body[Stations], error) {
			found, err := s.cfg.Directory.Stations(ctx, who.Tenant)
			return listed(Stations{list(found)}, "stations", err)
		})
	handle(s, operation{id: "list-technicians", method: "GET", path: "/api/v1/technicians", summary: "People who repair", tag: "directory"},
		func(ctx context.Context, who access.Principal, _ *none) (*body[Technicians], error) {
			found, err := s.cfg.Directory.Technicians(ctx, who.Tenant)
			return listed(Technicians{list(found)}, "technicians", err)
		})
}

func listed[T any](found T, what string, err error) (*body[T], error) {
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", what, err)
	}
	return answer(found), nil
}
