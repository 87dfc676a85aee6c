package web

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

// DeviceDetail is everything the page of a device begins with.
type DeviceDetail struct {
	fleet.DeviceView
	// Metrics are what the device reports, by name.
	Metrics []DeviceMetric `json:"metrics"`
	// State is what the device last said of itself, if it ever did.
	State *telemetry.State `json:"state,omitempty"`
	// Detectors are what watches the device.
	Detectors []Watch `json:"detectors"`
	// Maintenance are the windows that run on the device now.
	Maintenance []MaintenanceWindow `json:"maintenance"`
}

// DeviceMetric is a metric that a device reports and its newest reading.
type DeviceMetric struct {
	telemetry.Metric
	// Last is [unix_ms, value].
	Last [2]float64 `json:"last"`
	// Unwatched metrics are kept from the statistical detectors; rules still see them.
	Unwatched bool `json:"unwatched,omitempty"`
}

// Watch is one rule or method that watches a device.
type Watch struct {
	Rule     string `json:"rule"`
	Detector string `json:"detector"`
	// Metrics are the reported metrics that it watches; empty when it watches the device as a whole.
	Metrics   []string           `json:"metrics"`
	Component string             `json:"component,omitempty"`
	Severity  telemetry.Severity `json:"severity"`
	FaultCode string             `json:"fault_code,omitempty"`
	Title     tickets.Text       `json:"title,omitempty"`
	// Shadow: on this device the rule is judged and what it finds recorded, but it opens no ticket.
	Shadow bool `json:"shadow,omitempty"`
}

// DevicePath names a device. It is exported because the API framework skips embedded types that are not, without a word.
type DevicePath struct {
	ID string `path:"id" minLength:"1" maxLength:"128"`
}

type devicesQuery struct {
	Text     string   `query:"q" maxLength:"200" doc:"Words in id, name, serial or customer."`
	Model    []string `query:"model,explode"`
	Region   []string `query:"region,explode"`
	Site     []string `query:"site,explode"`
	Customer []string `query:"customer,explode"`
	Health   []string `query:"health,explode" doc:"critical, major, warning, silent, ok, unknown"`
	Sort     string   `query:"sort" enum:"health,id,name,last_seen"`
	Paging
}

// Paging is the part of a query that turns pages.
type Paging struct {
	Cursor string `query:"cursor" maxLength:"512" doc:"The next of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

func (s *Server) deviceRoutes() {
	handle(s, operation{id: "list-devices", method: "GET", path: "/api/v1/devices", summary: "Devices, searched and sorted", tag: "devices"}, s.listDevices)
	handle(s, operation{id: "get-device", method: "GET", path: "/api/v1/devices/{id}", summary: "One device with its metrics and what watches it", tag: "devices"}, s.getDevice)
	handle(s, operation{id: "list-events", method: "GET", path: "/api/v1/devices/{id}/events", summary: "Events of a device", tag: "devices"}, s.listEvents)
	handle(s, operation{id: "get-fleet", method: "GET", path: "/api/v1/fleet", summary: "Devices summed up by model and region", tag: "devices"}, s.getFleet)
}

func (s *Server) listDevices(ctx context.Context, who access.Principal, in *devicesQuery) (*body[fleet.DevicePage], error) {
	f := fleet.DeviceFilter{Text: in.Text, Sort: in.Sort, Cursor: in.Cursor, Limit: in.Limit}
	var errs [5]error
	f.Model, errs[0] = split("model", in.Model)
	f.Region, errs[1] = split("region", in.Region)
	f.Site, errs[2] = split("site", in.Site)
	f.Customer, errs[3] = split("customer", in.Customer)
	f.Health, errs[4] = oneOf("health", in.Health, fleet.Healths())
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	found, err := s.cfg.Devices.Devices(ctx, who.Tenant, f)
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	found.Devices = list(found.Devices)
	return answer(found), nil
}

func (s *Server) getDevice(ctx context.Context, who access.Principal, in *DevicePath) (*body[DeviceDetail], error) {
	view, err := s.cfg.Devices.Device(ctx, who.Tenant, in.ID)
	if err != nil {
		return nil, fmt.Errorf("device %s: %w", in.ID, err)
	}
	last, err := s.cfg.Series.Last(ctx, who.Tenant, in.ID)
	if err != nil {
		return nil, fmt.Errorf("last readings of %s: %w", in.ID, err)
	}
	d := DeviceDetail{DeviceView: view, Metrics: []DeviceMetric{}}
	plan := s.cfg.Catalog.Plan(who.Tenant, in.ID)
	names := slices.Sorted(maps.Keys(last))
	for _, name := range names {
		known := metricPlan(plan, name)
		d.Metrics = append(d.Metrics, DeviceMetric{
			Metric: known.Metric, Unwatched: known.Unwatched,
			Last: [2]float64{float64(last[name].Time), last[name].Value},
		})
	}
	d.Detectors = watches(plan, who.Tenant, in.ID, names)
	now := time.Now().UTC()
	running, err := s.cfg.Maintenance.Covering(ctx, who.Tenant, in.ID, now)
	if err != nil {
		return nil, fmt.Errorf("maintenance of %s: %w", in.ID, err)
	}
	d.Maintenance = maintenanceWindows(running, now)
	state, err := s.cfg.Devices.State(ctx, who.Tenant, in.ID)
	switch {
	case err == nil:
		d.State = &state
	case !errors.Is(err, tickets.ErrNotFound):
		return nil, fmt.Errorf("state of %s: %w", in.ID, err)
	}
	return answer(d), nil
}

// metricPlan is what a plan knows of a metric; its name at least.
func metricPlan(plan *detectors.Plan, metric string) detectors.MetricPlan {
	if plan.Describe == nil {
		return detectors.MetricPlan{Metric: telemetry.Metric{Name: metric}}
	}
	m := plan.Describe(metric)
	m.Name = metric
	return m
}

// watches tells what a plan does with the metrics that a device reports: its rules in the order of the catalogue, then the base tier.
func watches(plan *detectors.Plan, tenant, device string, metrics []string) []Watch {
	all := []Watch{}
	var watched []string
	for _, name := range metrics {
		if !metricPlan(plan, name).Unwatched {
			watched = append(watched, name)
		}
	}
	for _, rule := range plan.Rules {
		w := Watch{
			Rule: rule.ID, Component: rule.Component, Severity: rule.Severity, FaultCode: rule.Fault,
			Title: plan.Fault(rule.Fault).Title, Shadow: rule.Rollout.OnTrial(tenant, device, rule.ID), Metrics: []string{},
		}
		if rule.Method != nil {
			w.Detector = rule.Method.Name()
		}
		if rule.Matches != nil {
			for _, name := range metrics {
				if rule.Matches(name, metricPlan(plan, name)) {
					w.Metrics = append(w.Metrics, name)
				}
			}
			if len(w.Metrics) == 0 {
				continue // for a metric that this device does not report
			}
		}
		all = append(all, w)
	}
	if plan.Series != nil && len(watched) > 0 {
		all = append(all, Watch{Rule: plan.Series.Name(), Detector: plan.Series.Name(), Severity: telemetry.Warning, Metrics: watched})
	}
	if plan.Joint != nil && len(watched) > 0 {
		all = append(all, Watch{Rule: plan.Joint.Name(), Detector: plan.Joint.Name(), Severity: telemetry.Warning, Metrics: watched,
			Shadow: plan.BaseRollout.OnTrial(tenant, device, detectors.BaseRule)})
	}
	return all
}

type eventsQuery struct {
	DevicePath
	From  string `query:"from" maxLength:"64" doc:"RFC 3339 or Unix milliseconds; default a day before to."`
	To    string `query:"to" maxLength:"64" doc:"RFC 3339 or Unix milliseconds; default now."`
	Limit int    `query:"limit" minimum:"1" maximum:"5000" default:"1000"`
}

// DeviceEvents are the events of a device in an interval, oldest first.
type DeviceEvents struct {
	Events []telemetry.Event `json:"events"`
	// Truncated tells that there are more: the interval goes on after the last event shown.
	Truncated bool `json:"truncated,omitempty"`
}

func (s *Server) listEvents(ctx context.Context, who access.Principal, in *eventsQuery) (*body[DeviceEvents], error) {
	r, err := span(in.From, in.To, time.Now().UTC(), 24*time.Hour)
	if err != nil {
		return nil, err
	}
	events, err := s.cfg.Devices.Events(ctx, who.Tenant, in.ID, r.From, r.To, in.Limit+1)
	if err != nil {
		return nil, fmt.Errorf("events of %s: %w", in.ID, err)
	}
	out := DeviceEvents{Events: list(events)}
	if len(events) > in.Limit {
		out.Events, out.Truncated = events[:in.Limit], true
	}
	return answer(out), nil
}

// Fleet is the fleet in one table: a cell for every model in every region where it stands.
type Fleet struct {
	Cells []fleet.Cell `json:"cells"`
}

func (s *Server) getFleet(ctx context.Context, who access.Principal, _ *none) (*body[Fleet], error) {
	cells, err := s.cfg.Devices.Cells(ctx, who.Tenant, time.Now().UTC())
	if err != nil {
		return nil, fmt.Errorf("sum up the fleet: %w", err)
	}
	for i := range cells {
		cells[i].History = list(cells[i].History)
	}
	return answer(Fleet{Cells: list(cells)}), nil
}
