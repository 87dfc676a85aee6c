package maintenance

import (
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func window(change func(*Window)) *Window {
	w := &Window{Name: "Depot shut", From: noon, To: noon.Add(2 * time.Hour)}
	if change != nil {
		change(w)
	}
	return w
}

func TestStatus(t *testing.T) {
	ended := func(at time.Duration) *Window { return window(func(w *Window) { w.EndedAt = noon.Add(at) }) }
	for _, c := range []struct {
		name string
		w    *Window
		at   time.Duration
		want Status
	}{
		{"before", window(nil), -time.Second, Planned},
		{"at its beginning", window(nil), 0, Running},
		{"at its end", window(nil), 2 * time.Hour, Past},
		{"before it was ended", ended(time.Hour), 59 * time.Minute, Running},
		{"ended", ended(time.Hour), time.Hour, Past},
		{"an end after the planned one counts for nothing", ended(3 * time.Hour), 2 * time.Hour, Past},
		{"called off", ended(-time.Hour), -time.Minute, Past},
		{"called off, at its beginning", ended(-time.Hour), 0, Past},
	} {
		if got := c.w.StatusAt(noon.Add(c.at)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if runs := c.w.Runs(noon.Add(c.at)); runs != (c.want == Running) {
			t.Errorf("%s: runs %v", c.name, runs)
		}
	}
}

func TestScope(t *testing.T) {
	bus := Target{Device: "bus-1", Site: "depot", Model: "city", Component: "cooling", Regions: []string{"hamburg", "north"}}
	for _, c := range []struct {
		scope Scope
		want  bool
	}{
		{Scope{}, true},
		{Scope{Device: "bus-1"}, true},
		{Scope{Device: "bus-2"}, false},
		{Scope{Site: "depot", Model: "city"}, true},
		{Scope{Site: "depot", Model: "tram"}, false},
		{Scope{Region: "north"}, true},
		{Scope{Region: "south"}, false},
		{Scope{Component: "brakes"}, false},
		{Scope{Device: "bus-1", Component: "cooling"}, true},
	} {
		if got := c.scope.Includes(bus); got != c.want {
			t.Errorf("%+v: %v", c.scope, got)
		}
	}
}

func TestCheck(t *testing.T) {
	if err := window(nil).Check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Window){
		"no name":       func(w *Window) { w.Name = "" },
		"a long name":   func(w *Window) { w.Name = strings.Repeat("ä", MaxName+1) },
		"a long reason": func(w *Window) { w.Reason = strings.Repeat("ä", MaxReason+1) },
		"no end":        func(w *Window) { w.To = time.Time{} },
		"backwards":     func(w *Window) { w.To = w.From },
		"too long":      func(w *Window) { w.To = w.From.Add(MaxLength + time.Second) },
	} {
		if window(change).Check() == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
