package detectors

import (
	"math"
	"strconv"
)

// The keys of [Reason]. Every key has a sentence in each language of the wording tables; the parameters
// that fill its blanks are listed with it. Numbers are in SI units or the unit of the metric, formatted by
// [FormatNumber]; every duration is a whole number of seconds.
const (
	// ReasonLimitAbove: {metric} at {value} {unit} is above {limit} {unit}, for {seconds} s ("0": at once). It is {over} {unit} beyond the
	// limit, which is {percent} % of it, empty for a limit of 0.
	ReasonLimitAbove = "limit-above"
	// ReasonLimitBelow: the same, below; {over} and {percent} are positive.
	ReasonLimitBelow = "limit-below"
	// ReasonRateAbove: {metric} rises by {rate} {unit} in {per} seconds, more than {limit}; now {value}. It usually changes by
	// {usual} {unit} in that time, up or down; empty when that is not known yet.
	ReasonRateAbove = "rate-above"
	// ReasonRateBelow: {metric} falls by {rate} {unit} (positive) in {per} seconds, more than {limit}; now {value}; {usual} as above.
	ReasonRateBelow = "rate-below"
	// ReasonDuration: {metric} has been {value} for {seconds} s, longer than {limit} s.
	ReasonDuration = "duration"
	// ReasonSequence: {count} times {event} in a row, without {healthy} between (healthy may be empty); when, say the events of the finding.
	ReasonSequence = "sequence"
	// ReasonWithin: {count} times {event} within {seconds} s; {limit} are too many.
	ReasonWithin = "within"
	// ReasonExpression: the condition {expression} holds for {seconds} s; the values are in the signals.
	ReasonExpression = "expression"
	// ReasonStuck: {metric} has read exactly {value} {unit} for {seconds} s, {readings} readings in a row, although it usually moves. The
	// longest run of equal readings lately was {most}, about {usual} s at the present pace; both are empty when no two were equal.
	ReasonStuck = "stuck"
	// ReasonMissing: {metric} has not been reported for {seconds} s, while other metrics of the device are.
	ReasonMissing = "missing"
	// ReasonImplausibleAbove: {metric} at {value} {unit} is above {limit} {unit}, which it cannot be.
	ReasonImplausibleAbove = "implausible-above"
	// ReasonImplausibleBelow: {metric} at {value} {unit} is below {limit} {unit}, which it cannot be.
	ReasonImplausibleBelow = "implausible-below"
	// ReasonSilence: nothing heard for {seconds} s; usual is every {usual} s.
	ReasonSilence = "silence"
	// ReasonAbnormalAbove: {metric} at {value} {unit}, higher than the {expected} {unit} expected of this
	// device, for {seconds} s; {metrics} metrics take part, all in the signals.
	ReasonAbnormalAbove = "abnormal-above"
	// ReasonAbnormalBelow: the same, lower.
	ReasonAbnormalBelow = "abnormal-below"
	// ReasonChangeUp: {metric} has a higher level for {count} readings: {value} {unit} on average, {expected} {unit} before.
	ReasonChangeUp = "change-up"
	// ReasonChangeDown: the same, lower.
	ReasonChangeDown = "change-down"
	// ReasonContextAbove: {metric} at {value} {unit}, higher than the {expected} {unit} that the other metrics of the device call for, by
	// what {devices} devices of its model have shown, for {seconds} s.
	ReasonContextAbove = "context-above"
	// ReasonContextBelow: the same, lower.
	ReasonContextBelow = "context-below"
	// ReasonFleetAbove: {count} of the {devices} devices of the cohort that were heard lately read {metric} higher than each of them usually does; {same} of
	// them run {firmware}, more than any other (both left out when no firmware is known).
	ReasonFleetAbove = "fleet-above"
	// ReasonFleetBelow: the same, lower.
	ReasonFleetBelow = "fleet-below"
	// ReasonOffTogether: sensors of the device no longer fit each other, for {seconds} s, though each may be in its own range. {metric}
	// is the one that contributes most and {metrics} how many take part; all are in the signals, most first, with their shares of the decision.
	ReasonOffTogether = "off-together"
	// ReasonNewPattern: {metric}, now at {value} {unit}, runs as it has not run before, for {seconds} s; {view} is what is most
	// unusual about it, one of the View constants.
	ReasonNewPattern = "new-pattern"
	// ReasonClockAhead: the clock of the device is {seconds} s ahead.
	ReasonClockAhead = "clock-ahead"
	// ReasonClockBehind: the clock of the device is {seconds} s behind.
	ReasonClockBehind = "clock-behind"
	// ReasonClockUnset: the device stamps its readings {year}: its clock was never set.
	ReasonClockUnset = "clock-unset"
	// ReasonDetectorOff: detector {detector} of rule {rule} crashed {count} times on this device and is off for it.
	ReasonDetectorOff = "detector-off"
	// ReasonTooMany: the device reports more than {limit} metrics; {metric} and later ones are not watched.
	ReasonTooMany = "too-many-metrics"
	// ReasonCleared: the condition no longer holds after {seconds} s. Every cleared finding carries it,
	// whatever raised it; {metric} is there when one metric was the cause.
	ReasonCleared = "cleared"
)

// ReasonKeys lists every key, for tests of the wording tables.
func ReasonKeys() []string {
	return []string{
		ReasonLimitAbove, ReasonLimitBelow, ReasonRateAbove, ReasonRateBelow, ReasonDuration, ReasonSequence,
		ReasonWithin, ReasonExpression, ReasonStuck, ReasonMissing, ReasonImplausibleAbove, ReasonImplausibleBelow, ReasonSilence,
		ReasonAbnormalAbove, ReasonAbnormalBelow, ReasonChangeUp, ReasonChangeDown, ReasonContextAbove, ReasonContextBelow, ReasonFleetAbove, ReasonFleetBelow, ReasonOffTogether, ReasonNewPattern,
		ReasonClockAhead, ReasonClockBehind,
		ReasonClockUnset, ReasonDetectorOff, ReasonTooMany, ReasonCleared,
	}
}

// What can be new about the course of a metric; see [ReasonNewPattern].
const (
	ViewValue     = "value"     // a reading by itself
	ViewShape     = "shape"     // the shape of the last readings
	ViewLevel     = "level"     // the means of the last groups of readings
	ViewStillness = "stillness" // how little it moves
	ViewSeason    = "season"    // the value at this time of day
)

// Views lists every view, for tests of the wording tables.
func Views() []string { return []string{ViewValue, ViewShape, ViewLevel, ViewStillness, ViewSeason} }

// The fault codes that the engine and the default catalogue raise by themselves.
const (
	FaultAbnormal    = "abnormal-behaviour" // the statistical tier
	FaultFleetShift  = "fleet-shift"        // of a cohort
	FaultClock       = "clock-off"
	FaultDetectorOff = "detector-off"
	FaultTooMany     = "too-many-metrics"
	FaultCrashLoop   = "crash-loop"
	FaultSilence     = "silence"
	FaultStuck       = "sensor-stuck"
	FaultMissing     = "sensor-missing"
	FaultImplausible = "sensor-implausible"
)

// FormatNumber writes a number for a [Reason] with at most five significant digits and no exponent
// for magnitudes that people read without one.
func FormatNumber(v float64) string {
	if a := max(v, -v); a != 0 && (a < 1e-4 || a >= 1e9) {
		return strconv.FormatFloat(v, 'g', 5, 64)
	}
	r, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 5, 64), 64)
	return strconv.FormatFloat(r, 'f', -1, 64)
}

// FormatRoughly writes a number with two significant digits, for what is no more exact.
func FormatRoughly(v float64) string {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 2, 64), 64)
	return FormatNumber(rounded)
}

// FormatPercent writes how many percent of a whole a part is, both without their signs, for a [Reason]: whole percent from ten on,
// else two significant digits. It is empty for a whole of 0.
func FormatPercent(part, whole float64) string {
	percent := 100 * math.Abs(part/whole)
	if whole == 0 || math.IsNaN(percent) || math.IsInf(percent, 0) {
		return ""
	}
	if percent >= 10 {
		return FormatNumber(math.Round(percent))
	}
	return FormatRoughly(percent)
}
