package web

import (
	"context"

	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/tickets"
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
	// WorkflowList is every version of every flow that tickets follow.
	WorkflowList struct {
		Workflows []Workflow `json:"workflows"`
	}
	// Workflow names the stages of a flow, in its order.
	Workflow struct {
		Name    string       `json:"name"`
		Version int          `json:"version"`
		Label   tickets.Text `json:"label"`
		Stages  []Stage      `json:"stages"`
	}
	// Stage is one step of a flow.
	Stage struct {
		ID       string           `json:"id"`
		Category tickets.Category `json:"category"`
		Label    tickets.Text     `json:"label"`
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
	handle(s, operation{id: "list-workflows", method: "GET", path: "/api/v1/workflows", summary: "The flows that tickets follow", tag: "directory"},
		func(context.Context, access.Principal, *none) (*body[WorkflowList], error) {
			return answer(WorkflowList{s.workflows()}), nil
		})
}

func (s *Server) workflows() []Workflow {
	all := []Workflow{}
	if s.cfg.Workflows == nil {
		return all
	}
	for _, f := range s.cfg.Workflows.Flows() {
		w := Workflow{Name: f.Name, Version: f.Version, Label: f.Label, Stages: make([]Stage, 0, len(f.Stages))}
		for i := range f.Stages {
			w.Stages = append(w.Stages, Stage{ID: f.Stages[i].ID, Category: f.Stages[i].Category, Label: f.Stages[i].Label})
		}
		all = append(all, w)
	}
	return all
}
