package quality

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/tickets"
)

var day0 = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

const (
	hit, miss, none = tickets.Confirmed, tickets.Refuted, tickets.Unlabelled
)

func would(device, component, code string, at time.Time) Ticket {
	return Ticket{Device: device, Component: component, FaultCode: code, Opened: at}
}

func day(n float64) time.Time { return day0.Add(time.Duration(n * 24 * float64(time.Hour))) }

// The figures are worked out by hand: 90 days, 2 devices, 6 device-months, horizon 30 days.
func TestMatch(t *testing.T) {
	span := Span{From: day(0), To: day(90), Devices: 2, Horizon: 30 * 24 * time.Hour, Complete: true}
	all := []Ticket{
		would("a", "pump", "hot", day(10)),   // 10 days before the failure on day 20
		would("a", "pump", "loud", day(16)),  // 4 days before the same: true, but not the first
		would("a", "fan", "slow", day(12)),   // another part: false
		would("a", "pump", "hot", day(70)),   // its horizon is not over: unknown
		would("b", "device", "hush", day(5)), // no part known, 20 days before the failure of b's valve on day 25: true
		would("b", "valve", "stuck", day(40)),
		would("b", "valve", "stuck", day(30)),
	}
	failures := []Failure{
		{"a", "pump", day(20), ""}, {"b", "valve", day(25), ""},
		{"b", "valve", day(89), ""}, // nobody told
		{"a", "pump", day(95), ""},  // after the span
	}
	closings := []Closing{
		{"b", "valve", "stuck", day(29), day(31), false},
		{"b", "valve", "stuck", day(39), day(41), true},
		{"b", "valve", "hot", day(50), day(51), true}, // nobody told
	}
	s, err := Match(all, failures, closings, span)
	if err != nil {
		t.Fatal(err)
	}
	if want := []tickets.Label{hit, hit, miss, none, hit, hit, miss}; !slices.Equal(s.Labels, want) {
		t.Errorf("labels %v, want %v", s.Labels, want)
	}
	if s.Failures != 3 || s.Confirmed != 2 || s.Denied != 1 || s.Found != 3 || s.True != 4 || s.False != 2 || s.Unknown != 1 {
		t.Errorf("counts %+v", s)
	}
	if *s.Precision != 4.0/6 || *s.Recall != 3.0/5 || *s.FalsePerDeviceMonth != 2.0/6 {
		t.Errorf("precision %v, recall %v, false %v", *s.Precision, *s.Recall, *s.FalsePerDeviceMonth)
	}
	if l := s.Lead; l.Lower != 12.5*86400 || l.Median != 15*86400 || l.Upper != 17.5*86400 {
		t.Errorf("lead %+v", *l)
	}
}

func TestMatchWithoutLabels(t *testing.T) {
	s, err := Match([]Ticket{would("a", "pump", "hot", day(1))}, nil, nil, Span{From: day(0), To: day(90), Devices: 1, Horizon: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if s.Unknown != 1 || s.Precision != nil || s.Recall != nil || s.FalsePerDeviceMonth != nil || s.Lead != nil {
		t.Errorf("nothing is known, but: %+v", s)
	}
	if _, err := Match(nil, nil, nil, Span{From: day(1), To: day(1), Horizon: time.Hour}); err == nil {
		t.Error("an empty span was judged")
	}
}

func TestClosings(t *testing.T) {
	var all []tickets.Ticket
	for _, code := range append(tickets.Resolutions(), "") {
		all = append(all, tickets.Ticket{Device: code, Resolution: code, ClosedAt: day(1)})
	}
	got := Closings(all)
	if len(got) != 2 || !got[0].Confirmed || got[0].Device != tickets.ResolutionRepaired || got[1].Confirmed || got[1].Device != tickets.ResolutionNoFaultFound {
		t.Errorf("%+v", got)
	}
}

func TestReadCSV(t *testing.T) {
	got, err := ReadCSV("f.csv", strings.NewReader("\ufeffdevice,component,failed_at,code\ntruck-1,cooling,2026-03-01T08:30:00+02:00,P0217\ntruck-2,,2026-03-02,\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Failure{
		{"truck-1", "cooling", time.Date(2026, 3, 1, 6, 30, 0, 0, time.UTC), "P0217"},
		{"truck-2", AnyComponent, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), ""},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	for text, place := range map[string]string{
		"device,component,failed_at\na,b,yesterday\n\nb/c,d,2026-01-01\n": "f.csv:2: failed_at: \"yesterday\" is no time",
		"device,component,failed_at\na,b,2026-01-01\nb/c,d,2026-01-01\n":  "f.csv:3: device \"b/c\"",
		"device,component\n":                "f.csv:1: there is no column \"failed_at\"",
		"device,part,failed_at\n":           "f.csv:1: column \"part\"",
		"device,component,failed_at\na,b\n": "f.csv:2: 2 fields",
		"":                                  "f.csv:1: no header",
	} {
		if _, err := ReadCSV("f.csv", strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), place) {
			t.Errorf("%q: %v, want %q", text, err, place)
		}
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add("device,component,failed_at,code\na,b,2026-03-01,c\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ReadCSV("f", strings.NewReader(text))
		if err != nil && got != nil {
			t.Error("failures and an error")
		}
		for _, g := range got {
			if g.Check() != nil {
				t.Errorf("%+v passed", g)
			}
		}
	})
}
