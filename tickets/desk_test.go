package tickets

import (
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/fleet"
)

func TestNewDeskNamesWhatIsMissing(t *testing.T) {
	_, err := NewDesk(DefaultConfig())
	for _, part := range []string{"Store", "Fleet", "Workflows", "Dispatcher", "Faults"} {
		if err == nil || !strings.Contains(err.Error(), "Config."+part) {
			t.Errorf("%v does not name %s", err, part)
		}
	}
}

func TestWarranty(t *testing.T) {
	last := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		warranty time.Time
		at       time.Time
		want     string
	}{
		"nobody knows":       {time.Time{}, last, "unknown"},
		"the day before":     {last, last.AddDate(0, 0, -1), "in"},
		"the last day":       {last, last.Add(24*time.Hour - 1), "in"},
		"the day after that": {last, last.Add(24 * time.Hour), "out"},
	} {
		if got := warranty(fleet.Device{Warranty: c.warranty}, c.at); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestSkill(t *testing.T) {
	for _, c := range []struct {
		component fleet.Component
		want      string
	}{
		{fleet.Component{ID: "battery", Skill: "high-voltage"}, "high-voltage"},
		{fleet.Component{ID: "cooling"}, "cooling"},
		{fleet.Component{ID: "device"}, ""},
	} {
		if got := skill(c.component); got != c.want {
			t.Errorf("skill for %v is %q, want %q", c.component, got, c.want)
		}
	}
}
