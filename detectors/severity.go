package detectors

import (
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// What makes a decision of the statistical tier graver than its fault code says, by one step.
const (
	graveScore   = 0.75 // a sum of three times the level
	graveMetrics = 3    // of the component that are off together
	graveLasting = 24 * time.Hour
)

// graver tells why a decision is graver than its fault code says, "" when it is not: by how far out it is, by how many metrics say so, or by how long.
func graver(dec *Decision, now int64) string {
	switch {
	case dec.Verdict == Healthy:
		return ""
	case dec.Sum > 0 && dec.Score >= graveScore:
		return "surprise"
	case len(dec.Signals) >= graveMetrics:
		return "metrics"
	case now-dec.Onset >= graveLasting.Milliseconds():
		return "duration"
	}
	return ""
}

// severityOf returns the severity of a decision: that of its fault code, or one more, at most major, where the evidence is grave.
func (d *device) severityOf(dec Decision) telemetry.Severity {
	stated := d.plan.Fault(FaultAbnormal).Severity
	if dec.Reason.Params["graver"] == "" {
		return stated
	}
	return max(stated, min(stated+1, telemetry.Major))
}
