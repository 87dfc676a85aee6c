package main

import (
	"context"
	"fmt"
	"time"

	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/fleet/maintenance"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/web"
)

// announced keeps maintenance windows about what the fleet knows. It implements web.Maintenance.
type announced struct {
	*sqlstore.Store
	fleet *fleet.Directory
}

// CreateWindow implements web.Maintenance.
func (a announced) CreateWindow(ctx context.Context, tenant string, w maintenance.Window) (maintenance.Window, error) {
	if err := a.check(tenant, w.Scope); err != nil {
		return w, err
	}
	return a.Store.CreateWindow(ctx, tenant, w)
}

// ChangeWindow implements web.Maintenance.
func (a announced) ChangeWindow(ctx context.Context, tenant, id string, revision int, by, kind string, now time.Time, change func(*maintenance.Window) error) (maintenance.Window, error) {
	return a.Store.ChangeWindow(ctx, tenant, id, revision, by, kind, now, func(w *maintenance.Window) error {
		before := w.Scope
		if err := change(w); err != nil || w.Scope == before {
			return err
		}
		return a.check(tenant, w.Scope)
	})
}

// check refuses a scope that nothing can meet because a name in it is wrong.
func (a announced) check(tenant string, s maintenance.Scope) error {
	unknown := func(kind, id string) error {
		return &web.RejectedError{Detail: fmt.Sprintf("There is no %s %q.", kind, id)}
	}
	if _, ok := a.fleet.Device(tenant, s.Device); s.Device != "" && !ok {
		return unknown("device", s.Device)
	}
	if _, ok := a.fleet.Site(tenant, s.Site); s.Site != "" && !ok {
		return unknown("site", s.Site)
	}
	if _, ok := a.fleet.Model(tenant, s.Model); s.Model != "" && !ok {
		return unknown("model", s.Model)
	}
	if _, ok := a.fleet.Region(tenant, s.Region); s.Region != "" && !ok {
		return unknown("region", s.Region)
	}
	return nil
}

// Covering implements web.Maintenance.
func (a announced) Covering(ctx context.Context, tenant, device string, at time.Time) ([]maintenance.Window, error) {
	running, err := a.RunningWindows(ctx, tenant, at)
	if err != nil || len(running) == 0 {
		return nil, err
	}
	target := tickets.Target(a.fleet, tenant, device, "")
	var all []maintenance.Window
	for _, w := range running {
		target.Component = w.Component
		if w.Includes(target) {
			all = append(all, w)
		}
	}
	return all, nil
}

// lookAgain opens, now and then, the tickets that maintenance held back and that are due, and ends the flapping of faults that are steady.
func (a *app) lookAgain(ctx context.Context) error {
	return a.nowAndThen(ctx, lookAtHeld,
		chore{taskHeld, a.desk.EndMaintenance, "tickets opened after maintenance", "faults held by maintenance not looked at"},
		chore{taskFlapping, a.desk.SettleFlapping, "", "flapping tickets not looked at"})
}

// lookAtHeld is how long after its time a fault that maintenance held gets its ticket, at most.
const lookAtHeld = 10 * time.Second
