package web

import (
	"testing"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/telemetry/series"
)

func TestParseStep(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "auto": 0, "raw": 0, "0": 0, "250": 250 * time.Millisecond, "60000": time.Minute, "30s": 30 * time.Second, "1h30m": 90 * time.Minute,
		"1d": 24 * time.Hour, "7d": 7 * 24 * time.Hour,
	} {
		step, raw, err := parseStep(value)
		if err != nil || step != want || raw != (value == "raw" || value == "0") {
			t.Errorf("parseStep(%q) = %v, raw %v, %v; want %v", value, step, raw, err, want)
		}
	}
	for _, value := range []string{"-1", "-5m", "1us", "1.5ms", "d", "-3d", "99999999d", "99999999999999999999", "1000000h", "5 minutes", "NaN"} {
		if step, _, err := parseStep(value); err == nil {
			t.Errorf("parseStep(%q) = %v", value, step)
		}
	}
}

func TestChartStep(t *testing.T) {
	for _, c := range []struct{ span, want time.Duration }{
		{time.Second, time.Second}, {time.Hour, 2 * time.Second}, {24 * time.Hour, time.Minute}, {14 * 24 * time.Hour, 15 * time.Minute},
		{365 * 24 * time.Hour, 6 * time.Hour}, {20 * 365 * 24 * time.Hour, 4 * 24 * time.Hour},
	} {
		got := chartStep(series.Range{From: epoch, To: epoch.Add(c.span)})
		if got != c.want || c.span/got > chartPoints {
			t.Errorf("chartStep(%v) = %v, want %v", c.span, got, c.want)
		}
	}
}

// TestSeriesResolution: few readings come as they are, many come as windows, and nobody gets more than the limit.
func TestSeriesResolution(t *testing.T) {
	s, w := newServer(t, nil)
	token := w.token(t, access.Viewer)
	fill := func(n int) {
		w.points["coolant_temp"] = nil
		for i := range n {
			w.points["coolant_temp"] = append(w.points["coolant_temp"], series.Point{Time: epoch.UnixMilli() + int64(i), Value: float64(i)})
		}
		w.windowStep = 0
	}
	get := func(rest string, status int) Readings {
		t.Helper()
		res := request{method: "GET", token: token, path: "/api/v1/devices/car-7/series?metric=coolant_temp&from=2026-11-21T08:00:00Z&to=2026-11-22T08:00:00Z" + rest}.send(t, s)
		if status != 200 {
			refusal(t, res, status)
			return Readings{}
		}
		return decode[Readings](t, res, 200)
	}

	fill(chartPoints)
	if r := get("", 200); len(r.Points) != chartPoints || r.StepMS != 0 || len(r.Min) != 0 || r.Unit != "°C" {
		t.Errorf("few readings: %d points, step %d", len(r.Points), r.StepMS)
	}
	fill(chartPoints + 1)
	if r := get("", 200); r.StepMS != 60000 || w.windowStep != time.Minute || len(r.Min) != 1 || len(r.Max) != 1 || r.Points[0][1] != 2 {
		t.Errorf("many readings: %+v", r)
	}
	if r := get("&step=raw", 200); len(r.Points) != chartPoints+1 || r.StepMS != 0 {
		t.Errorf("raw: %d points, step %d", len(r.Points), r.StepMS)
	}
	if r := get("&step=5m", 200); r.StepMS != 300000 || w.windowStep != 5*time.Minute {
		t.Errorf("five minutes: step %d", r.StepMS)
	}
	fill(maxPoints + 1)
	get("&step=raw", 422)
	get("&step=4s", 422) // 21,600 windows
	get("&step=5s", 200)
}
