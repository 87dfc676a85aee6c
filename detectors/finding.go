package detectors

import "github.com/presage-pdm/presage/telemetry"

// Phase tells what a finding says of its fault.
type Phase string

// The phases in the life of a fault as detectors see it.
const (
	// Raised opens: the condition holds and did not before.
	Raised Phase = "raised"
	// Continued adds evidence: another detector agrees, or the fault got worse.
	Continued Phase = "continued"
	// Cleared closes: the condition no longer holds.
	Cleared Phase = "cleared"
)

// Finding is what a detector, or several that were combined, found on a
// device. Findings are immutable.
type Finding struct {
	// ID is derived from what caused the finding (device, component, fault
	// code, detector, phase, event time and cause), so that a replay gives the same one.
	ID        string `json:"id"`
	Tenant    string `json:"-"`
	Device    string `json:"device"`
	Component string `json:"component"` // never empty: "device" when no part is known
	FaultCode string `json:"fault_code"`
	// Detector names the method, such as "limit" or "holt-winters"; Rule names
	// the entry of the catalogue; Version is the version of the method.
	Detector string `json:"detector"`
	Rule     string `json:"rule"`
	Version  int    `json:"version"`

	Phase    Phase              `json:"phase"`
	Severity telemetry.Severity `json:"severity"`
	// Onset is when the condition began, Time that of the reading that decided, both in event
	// time; Arrival is the journal's arrival time of that reading. Unix milliseconds.
	Onset   int64 `json:"onset"`
	Time    int64 `json:"time"`
	Arrival int64 `json:"arrival"`
	// Backfill marks a finding on readings that were already old when they
	// arrived: it is recorded and dated, and pages nobody.
	Backfill bool `json:"backfill,omitempty"`
	// Withheld tells why the finding opens no ticket: "" (it may), or one of the Withheld
	// constants. During warm-up and refractory time there is no finding at all.
	Withheld string `json:"withheld,omitempty"`

	// Score is the combined surprise in [0, 1]; 1 for rules, which are certain.
	Score float64 `json:"score"`
	// PValue is the conformal probability of a reading at least as extreme under the
	// device's own history; 0 for rules.
	PValue float64 `json:"p_value,omitempty"`
	// Signals are the metrics that contributed, most first.
	Signals []Signal `json:"signals,omitempty"`
	// Events are the discrete events that led here, oldest first.
	Events []telemetry.Event `json:"events,omitempty"`
	// Reason says why in a form that can be worded in any language.
	Reason Reason `json:"reason"`
}

// Signal is what one metric contributed to a finding.
type Signal struct {
	Metric string  `json:"metric"`
	Unit   string  `json:"unit,omitempty"`
	Actual float64 `json:"actual"`
	// Expected, Low and High are the expected value and band; Low and High are nil where open.
	Expected float64  `json:"expected"`
	Low      *float64 `json:"low,omitempty"`
	High     *float64 `json:"high,omitempty"`
	// Share is the part of the decision owed to this metric, in [0, 1]; the shares of a finding sum to 1.
	Share float64 `json:"share"`
	// Rank is one minus the probability of so extreme a value by the test of the method, in [0, 1]. It rests on what the method assumes
	// and is no count of readings.
	Rank float64 `json:"rank,omitempty"`
	// Detector names the method that judged this metric.
	Detector string `json:"detector,omitempty"`
}

// Reason is a sentence without its language: a key of the wording tables and
// what fills its blanks.
type Reason struct {
	Key    string            `json:"key"`
	Params map[string]string `json:"params,omitempty"`
}
