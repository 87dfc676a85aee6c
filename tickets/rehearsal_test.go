package tickets

import (
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
)

func TestRehearsal(t *testing.T) {
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	const hold = 72 * time.Hour
	r := NewRehearsal(hold)
	take := func(after time.Duration, phase detectors.Phase, code string, severity telemetry.Severity, withheld string) {
		at := start.Add(after).UnixMilli()
		r.Take(&detectors.Finding{Device: "bus-1", FaultCode: code, Phase: phase, Severity: severity, Withheld: withheld, Onset: at - 60_000, Time: at, Arrival: at})
	}
	hour := time.Hour
	take(0, detectors.Raised, "hot", telemetry.Warning, "shadow")
	take(1*hour, detectors.Cleared, "hot", telemetry.Warning, "")
	take(2*hour, detectors.Raised, "hot", telemetry.Warning, "")
	take(3*hour, detectors.Continued, "hot", telemetry.Critical, "")
	take(4*hour, detectors.Raised, "loud", telemetry.Info, "")
	take(5*hour, detectors.Cleared, "hot", telemetry.Warning, "")
	take(5*hour+hold, detectors.Raised, "hot", telemetry.Warning, "") // the last moment that reopens
	take(6*hour+hold, detectors.Cleared, "hot", telemetry.Warning, "")
	take(7*hour+2*hold, detectors.Raised, "hot", telemetry.Warning, "")
	got := r.Tickets()
	if len(got) != 3 {
		t.Fatalf("%d tickets, want 3", len(got))
	}
	first, second, third := got[0], got[1], got[2]
	if first.FaultCode != "hot" || first.Component != "device" || first.Severity != telemetry.Critical || first.Occurrences != 2 || first.Reopened != 1 ||
		!first.OpenedAt.Equal(start.Add(2*hour)) || !first.OnsetAt.Equal(start.Add(2*hour-time.Minute)) || !first.ClearedAt.Equal(start.Add(6*hour+hold)) {
		t.Errorf("first: %+v", first.Ticket)
	}
	if second.FaultCode != "loud" || !second.Open() {
		t.Errorf("second: %+v", second.Ticket)
	}
	if third.FaultCode != "hot" || third.Occurrences != 1 || !third.Open() {
		t.Errorf("third: %+v", third.Ticket)
	}
}
