package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/fleet/maintenance"
)

// MaintenancePage is a page of maintenance windows, the one that begins last first.
type MaintenancePage struct {
	Windows []MaintenanceWindow `json:"windows"`
	Next    string              `json:"next,omitempty"`
}

// MaintenanceWindow is a window and where it stands now.
type MaintenanceWindow struct {
	maintenance.Window
	Status maintenance.Status `json:"status" enum:"planned,running,over"`
	// OverAt is when it ends, or ended.
	OverAt time.Time `json:"over_at"`
}

// MaintenanceDetail is a window with what was done to it, oldest first.
type MaintenanceDetail struct {
	MaintenanceWindow
	Changes []maintenance.Change `json:"changes"`
}

func maintenanceWindow(w *maintenance.Window, now time.Time) MaintenanceWindow {
	return MaintenanceWindow{Window: *w, Status: w.StatusAt(now), OverAt: w.Over()}
}

type maintenanceQuery struct {
	Status    string `query:"status" enum:"planned,running,over" doc:"All of them without it."`
	Device    string `query:"device" maxLength:"128" doc:"Windows that name this device; likewise for the others."`
	Site      string `query:"site" maxLength:"128"`
	Model     string `query:"model" maxLength:"128"`
	Region    string `query:"region" maxLength:"128"`
	Component string `query:"component" maxLength:"128"`
	Paging
}

// MaintenancePath names a window.
type MaintenancePath struct {
	ID string `path:"id" minLength:"1" maxLength:"64"`
}

// MaintenancePlan is what people say of a window. Without any of device, site, model, region and component it is about everything.
type MaintenancePlan struct {
	Name      string    `json:"name" minLength:"1" maxLength:"120"`
	Reason    string    `json:"reason,omitempty" maxLength:"1000"`
	From      time.Time `json:"from"`
	To        time.Time `json:"to" doc:"At most 90 days after from."`
	Device    string    `json:"device,omitempty" maxLength:"128"`
	Site      string    `json:"site,omitempty" maxLength:"128"`
	Model     string    `json:"model,omitempty" maxLength:"128"`
	Region    string    `json:"region,omitempty" maxLength:"128" doc:"With all regions within it."`
	Component string    `json:"component,omitempty" maxLength:"128"`
	// Revision is the one that was seen, when a window is changed.
	Revision int `json:"revision,omitempty" minimum:"0" doc:"The one that you saw; 0 changes whichever there is."`
}

type createMaintenanceInput struct{ Body MaintenancePlan }

type changeMaintenanceInput struct {
	MaintenancePath
	Body MaintenancePlan
}

func (s *Server) maintenanceRoutes() {
	const tag = "maintenance"
	handle(s, operation{id: "list-maintenance", method: "GET", path: "/api/v1/maintenance", summary: "Maintenance windows, during which faults open no tickets", tag: tag}, s.listMaintenance)
	handle(s, operation{id: "get-maintenance", method: "GET", path: "/api/v1/maintenance/{id}", summary: "One maintenance window and who did what to it", tag: tag}, s.getMaintenance)
	handle(s, operation{id: "create-maintenance", method: "POST", path: "/api/v1/maintenance", summary: "Announce maintenance", tag: tag, status: http.StatusCreated}, s.createMaintenance)
	handle(s, operation{id: "change-maintenance", method: "PUT", path: "/api/v1/maintenance/{id}", summary: "Change a maintenance window that is not over", tag: tag}, s.changeMaintenance)
	handle(s, operation{id: "end-maintenance", method: "POST", path: "/api/v1/maintenance/{id}/end", summary: "End a maintenance window now, or call a planned one off", tag: tag}, s.endMaintenance)
}

func (s *Server) listMaintenance(ctx context.Context, who access.Principal, in *maintenanceQuery) (*body[MaintenancePage], error) {
	now := time.Now().UTC()
	found, next, err := s.cfg.Maintenance.MaintenanceWindows(ctx, who.Tenant, maintenance.Filter{
		Status: maintenance.Status(in.Status), Now: now, Cursor: in.Cursor, Limit: in.Limit,
		Scope: maintenance.Scope{Device: in.Device, Site: in.Site, Model: in.Model, Region: in.Region, Component: in.Component},
	})
	if err != nil {
		return nil, fmt.Errorf("list maintenance windows: %w", err)
	}
	return answer(MaintenancePage{Windows: maintenanceWindows(found, now), Next: next}), nil
}

func maintenanceWindows(found []maintenance.Window, now time.Time) []MaintenanceWindow {
	all := make([]MaintenanceWindow, len(found))
	for i := range found {
		all[i] = maintenanceWindow(&found[i], now)
	}
	return all
}

func (s *Server) getMaintenance(ctx context.Context, who access.Principal, in *MaintenancePath) (*body[MaintenanceDetail], error) {
	w, changes, err := s.cfg.Maintenance.Window(ctx, who.Tenant, in.ID)
	if err != nil {
		return nil, fmt.Errorf("maintenance window %s: %w", in.ID, err)
	}
	return answer(MaintenanceDetail{MaintenanceWindow: maintenanceWindow(&w, time.Now().UTC()), Changes: list(changes)}), nil
}

// plan puts what was asked for into a window.
func (p *MaintenancePlan) plan(w *maintenance.Window) error {
	w.Name, w.Reason, w.From, w.To = p.Name, p.Reason, p.From.UTC(), p.To.UTC()
	w.Scope = maintenance.Scope{Device: p.Device, Site: p.Site, Model: p.Model, Region: p.Region, Component: p.Component}
	for name, at := range map[string]time.Time{"from": w.From, "to": w.To} {
		if at.Before(firstTime) || at.After(lastTime) {
			return invalid("body."+name, "The time must lie between the years 1970 and 2200.")
		}
	}
	if err := w.Check(); err != nil {
		return invalid("body", err.Error())
	}
	return nil
}

func (s *Server) createMaintenance(ctx context.Context, who access.Principal, in *createMaintenanceInput) (*body[MaintenanceWindow], error) {
	now := time.Now().UTC()
	w := maintenance.Window{CreatedBy: who.User, CreatedAt: now}
	if err := in.Body.plan(&w); err != nil {
		return nil, err
	}
	if !now.Before(w.To) {
		return nil, invalid("body.to", "The window is over already.")
	}
	w, err := s.cfg.Maintenance.CreateWindow(ctx, who.Tenant, w)
	if err != nil {
		return nil, fmt.Errorf("announce maintenance: %w", err)
	}
	s.cfg.Log.Info("maintenance announced", "window", w.ID, "user", who.User)
	return answer(maintenanceWindow(&w, now)), nil
}

func (s *Server) changeMaintenance(ctx context.Context, who access.Principal, in *changeMaintenanceInput) (*body[MaintenanceWindow], error) {
	now := time.Now().UTC()
	return s.alterMaintenance(ctx, who, in.ID, in.Body.Revision, "changed", now, func(w *maintenance.Window) error {
		if err := in.Body.plan(w); err != nil {
			return err
		}
		if !now.Before(w.To) {
			return invalid("body.to", "That is past: end the window instead.")
		}
		return nil
	})
}

func (s *Server) endMaintenance(ctx context.Context, who access.Principal, in *MaintenancePath) (*body[MaintenanceWindow], error) {
	now := time.Now().UTC()
	return s.alterMaintenance(ctx, who, in.ID, 0, "ended", now, func(w *maintenance.Window) error {
		w.EndedAt = now
		return nil
	})
}

// alterMaintenance changes a window that is not over.
func (s *Server) alterMaintenance(ctx context.Context, who access.Principal, id string, revision int, kind string, now time.Time, change func(*maintenance.Window) error) (*body[MaintenanceWindow], error) {
	w, err := s.cfg.Maintenance.ChangeWindow(ctx, who.Tenant, id, revision, who.User, kind, now, func(w *maintenance.Window) error {
		if w.StatusAt(now) == maintenance.Past {
			return &RejectedError{Detail: "This maintenance is over: announce another."}
		}
		return change(w)
	})
	if err != nil {
		return nil, fmt.Errorf("maintenance window %s: %w", id, err)
	}
	s.cfg.Log.Info("maintenance "+kind, "window", id, "user", who.User)
	return answer(maintenanceWindow(&w, now)), nil
}
