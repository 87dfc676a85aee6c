package tickets

import (
	"strings"
	"testing"

	"github.com/presage-pdm/presage/telemetry"
)

func TestPriority(t *testing.T) {
	for name, c := range map[string]struct {
		urgency
		want   int
		reason string // in English
	}{
		"critical":                          {urgency{severity: telemetry.Critical}, 1, "Priority 1: critical fault."},
		"major":                             {urgency{severity: telemetry.Major}, 2, "Priority 2: major fault."},
		"warning":                           {urgency{severity: telemetry.Warning}, 3, "Priority 3: warning."},
		"information":                       {urgency{}, 4, "Priority 4: information only."},
		"critical equipment":                {urgency{severity: telemetry.Warning, criticality: 4}, 2, "Priority 2: warning, critical equipment (4 of 5)."},
		"half a level alone does nothing":   {urgency{severity: telemetry.Warning, criticality: 3}, 3, "Priority 3: warning, critical equipment (3 of 5)."},
		"two halves make one":               {urgency{severity: telemetry.Warning, criticality: 3, warranty: "in"}, 2, "Priority 2: warning, critical equipment (3 of 5), under warranty."},
		"gold alone":                        {urgency{severity: telemetry.Warning, tier: "gold"}, 3, "Priority 3: warning, gold customer."},
		"VIP":                               {urgency{severity: telemetry.Warning, tier: "vip"}, 2, "Priority 2: warning, VIP customer."},
		"everything raises by one only":     {urgency{severity: telemetry.Warning, criticality: 5, tier: "vip", warranty: "in"}, 2, "Priority 2: warning, critical equipment (5 of 5), VIP customer, under warranty."},
		"never above one":                   {urgency{severity: telemetry.Critical, criticality: 5}, 1, "Priority 1: critical fault, critical equipment (5 of 5)."},
		"a sensor counts one less":          {urgency{severity: telemetry.Major, subject: Sensor}, 3, "Priority 3: major fault, a sensor, not the machine itself."},
		"never below four":                  {urgency{subject: Sensor}, 4, "Priority 4: information only, a sensor, not the machine itself."},
		"a connection is only named":        {urgency{severity: telemetry.Warning, subject: Connection}, 3, "Priority 3: warning, the connection to the device."},
		"out of warranty":                   {urgency{severity: telemetry.Major, warranty: "out"}, 2, "Priority 2: major fault."},
		"a severity from the future":        {urgency{severity: telemetry.Critical + 3}, 1, "Priority 1: critical fault."},
		"a criticality beyond the scale":    {urgency{severity: telemetry.Major, criticality: 9}, 1, "Priority 1: major fault, critical equipment (5 of 5)."},
		"a tier that nobody knows the name": {urgency{severity: telemetry.Major, tier: "platinum"}, 2, "Priority 2: major fault."},
	} {
		got, reason := priority(c.urgency)
		if got != c.want || reason["en"] != c.reason {
			t.Errorf("%s: %d, %q; want %d, %q", name, got, reason["en"], c.want, c.reason)
		}
		if !strings.HasPrefix(reason["de"], "Priorität ") || !strings.HasPrefix(reason["zh"], "优先级 ") {
			t.Errorf("%s: reason %v is not in every language", name, reason)
		}
	}
}
