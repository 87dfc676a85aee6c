package web

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets/diagnosis"
)

const (
	// chartPoints is what an answer holds when the request leaves the step to us: more than a screen is wide.
	chartPoints = 2000
	// maxPoints is the most that one answer holds: about 1 MB of JSON before compression.
	maxPoints = 20_000
	// maxSpan bounds the interval of one request.
	maxSpan = 20 * 366 * 24 * time.Hour
)

// Readings is a series over an interval.
type Readings struct {
	Metric    string `json:"metric"`
	Unit      string `json:"unit"`
	Component string `json:"component,omitempty"`
	// StepMS is the width of a window in milliseconds; 0 when the points are single readings.
	StepMS int64 `json:"step_ms"`
	// Points are [unix_ms, value]: readings, or the means of windows that begin at the time. Windows without readings are missing.
	Points [][2]float64 `json:"points"`
	// Min and Max are [unix_ms, value] of the same windows, and empty for single readings.
	Min [][2]float64 `json:"min"`
	Max [][2]float64 `json:"max"`
}

// Band is what was expected of a metric over an interval.
type Band struct {
	Metric string                `json:"metric"`
	Unit   string                `json:"unit"`
	Band   []diagnosis.BandPoint `json:"band"`
}

type seriesQuery struct {
	DevicePath
	Metric string `query:"metric" required:"true" maxLength:"128"`
	From   string `query:"from" maxLength:"64" doc:"RFC 3339 or Unix milliseconds; default a day before to."`
	To     string `query:"to" maxLength:"64" doc:"RFC 3339 or Unix milliseconds; default now."`
	Step   string `query:"step" maxLength:"32" doc:"A duration such as 30s, 5m or 1d, milliseconds, or raw. Without it single readings when they are at most 2000, else the step that gives at most 2000 windows."`
}

type bandQuery struct {
	DevicePath
	Metric string `query:"metric" required:"true" maxLength:"128"`
	From   string `query:"from" maxLength:"64"`
	To     string `query:"to" maxLength:"64"`
}

func (s *Server) seriesRoutes() {
	handle(s, operation{id: "get-series", method: "GET", path: "/api/v1/devices/{id}/series", summary: "Readings of one metric", tag: "devices", heavy: true}, s.getSeries)
	handle(s, operation{id: "get-band", method: "GET", path: "/api/v1/devices/{id}/band", summary: "The expected range of one metric", tag: "devices", heavy: true}, s.getBand)
}

func (s *Server) getSeries(ctx context.Context, who access.Principal, in *seriesQuery) (*body[Readings], error) {
	r, err := s.chartSpan(ctx, who, in.ID, in.Metric, in.From, in.To)
	if err != nil {
		return nil, err
	}
	step, raw, err := parseStep(in.Step)
	if err != nil {
		return nil, err
	}
	known := metricPlan(s.cfg.Catalog.Plan(who.Tenant, in.ID), in.Metric)
	out := Readings{Metric: in.Metric, Unit: known.Unit, Component: known.Component, Points: [][2]float64{}, Min: [][2]float64{}, Max: [][2]float64{}}
	key := series.Key{Tenant: who.Tenant, Device: in.ID, Metric: in.Metric}
	if step == 0 {
		most := chartPoints
		if raw {
			most = maxPoints
		}
		points, err := s.cfg.Series.Raw(ctx, key, r, most+1)
		if err != nil {
			return nil, fmt.Errorf("readings of %s %s: %w", in.ID, in.Metric, err)
		}
		switch {
		case len(points) <= most:
			for _, p := range points {
				out.Points = append(out.Points, [2]float64{float64(p.Time), p.Value})
			}
			return answer(out), nil
		case raw:
			return nil, invalid("query.step", fmt.Sprintf("There are more than %d readings in the interval. Ask for a shorter one, or give a step.", maxPoints))
		}
		step = chartStep(r)
	}
	if windows := r.To.Sub(r.From) / step; windows > maxPoints {
		return nil, invalid("query.step", fmt.Sprintf("The step makes %d windows; at most %d are allowed. Give a larger step or a shorter interval.", windows, maxPoints))
	}
	windows, err := s.cfg.Series.Windows(ctx, key, r, step)
	if err != nil {
		return nil, fmt.Errorf("windows of %s %s: %w", in.ID, in.Metric, err)
	}
	out.StepMS = step.Milliseconds()
	for _, w := range windows {
		t := float64(w.Start)
		out.Points = append(out.Points, [2]float64{t, w.Mean})
		out.Min = append(out.Min, [2]float64{t, w.Min})
		out.Max = append(out.Max, [2]float64{t, w.Max})
	}
	return answer(out), nil
}

func (s *Server) getBand(ctx context.Context, who access.Principal, in *bandQuery) (*body[Band], error) {
	r, err := s.chartSpan(ctx, who, in.ID, in.Metric, in.From, in.To)
	if err != nil {
		return nil, err
	}
	band, err := s.cfg.Bands.Band(ctx, series.Key{Tenant: who.Tenant, Device: in.ID, Metric: in.Metric}, r)
	if err != nil {
		return nil, fmt.Errorf("band of %s %s: %w", in.ID, in.Metric, err)
	}
	unit := metricPlan(s.cfg.Catalog.Plan(who.Tenant, in.ID), in.Metric).Unit
	return answer(Band{Metric: in.Metric, Unit: unit, Band: list(band)}), nil
}

// chartSpan reads the interval of a chart, and fails for a device or a metric that cannot be.
func (s *Server) chartSpan(ctx context.Context, who access.Principal, device, metric, from, to string) (series.Range, error) {
	if err := telemetry.ValidMetricName(metric); err != nil {
		return series.Range{}, invalid("query.metric", err.Error())
	}
	r, err := span(from, to, time.Now().UTC(), 24*time.Hour)
	if err != nil {
		return r, err
	}
	if r.To.Sub(r.From) > maxSpan {
		return r, invalid("query.from", "The interval is longer than 20 years.")
	}
	if _, err := s.cfg.Devices.Device(ctx, who.Tenant, device); err != nil {
		return r, fmt.Errorf("device %s: %w", device, err)
	}
	return r, nil
}

// parseStep reads the width of windows. Zero leaves it to the server; raw asks for single readings.
func parseStep(value string) (step time.Duration, raw bool, err error) {
	switch value {
	case "", "auto":
		return 0, false, nil
	case "raw", "0":
		return 0, true, nil
	}
	if ms, numErr := strconv.ParseInt(value, 10, 64); numErr == nil && ms < int64(maxSpan/time.Millisecond) {
		step = time.Duration(ms) * time.Millisecond
	} else if days, ok := strings.CutSuffix(value, "d"); ok {
		n, numErr := strconv.ParseInt(days, 10, 32)
		if numErr == nil && n < int64(maxSpan/(24*time.Hour)) {
			step = time.Duration(n) * 24 * time.Hour
		}
	} else if d, durErr := time.ParseDuration(value); durErr == nil {
		step = d
	}
	if step < time.Millisecond || step > maxSpan || step%time.Millisecond != 0 {
		return 0, false, invalid("query.step", "Write a step like 30s, 5m, 1h or 1d, as whole milliseconds, or raw.")
	}
	return step, false, nil
}

// chartStep is the smallest step on the dial of a clock that gives at most [chartPoints] windows.
func chartStep(r series.Range) time.Duration {
	need := r.To.Sub(r.From)/chartPoints + 1
	for _, step := range [...]time.Duration{
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	} {
		if step >= need {
			return step
		}
	}
	day := 24 * time.Hour
	return (need + day - 1) / day * day
}
