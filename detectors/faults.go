package detectors

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/presage-pdm/presage/telemetry"
)

// Reasons why a finding opens no ticket; see [Finding].Withheld.
const (
	WithheldShadow    = "shadow"    // the rule is on trial
	WithheldInhibited = "inhibited" // another fault of the device explains it
	WithheldFleet     = "fleet"     // many devices of the cohort are off in the same way, which is told once
	WithheldComponent = "component" // another fault of the component tells of the same trouble
	WithheldLate      = "late"      // the reading was older than the newest one of its metric
	WithheldNotice    = "notice"    // about the watching, not about the device
)

// BaseRule is the rule name that findings of the statistical tier carry.
const BaseRule = "base"

// fault is a fault that holds on a device. Several detectors may hold it: it is raised by the first and cleared by the last.
type fault struct {
	code, component string
	shadow          bool
	holders         int
	onset           int64
	metrics         []string // it was found on, in the order of the findings
	withheld        string
	quiet           bool  // told of on backfilled readings only: a live one that shows it is worth telling
	from            int64 // what the statistical tier saw from this event time on decides whether it is told again; 0 while it is not due
}

// holder is what stands behind a fault: one rule on one metric, or the statistical tier on a component.
type holder struct {
	fault, component string
	severity         telemetry.Severity
	detector         string
	version          int
	rule             string
	metric           string
	shadow           bool
	score, p         float64
}

// of tells that a fault is the one that a holder stands behind.
func (h holder) of(f *fault) bool {
	return h.fault == f.code && h.component == f.component && h.shadow == f.shadow
}

func (d *device) faultOf(h holder) *fault {
	for i := range d.faults {
		f := &d.faults[i]
		if h.of(f) {
			return f
		}
	}
	return nil
}

// hold reports that the condition behind a fault has begun to hold.
func (d *device) hold(e *Engine, in *Input, h holder, evidence Evidence) {
	f := d.faultOf(h)
	phase := Continued
	if f == nil {
		phase = Raised
		d.faults = append(d.faults, fault{code: h.fault, component: h.component, shadow: h.shadow, onset: evidence.Onset})
		f = &d.faults[len(d.faults)-1]
		f.found(evidence)
		f.withheld = d.withheld(e, in, f)
	} else {
		f.found(evidence)
		if f.withheld == WithheldComponent && d.toldBy(f) == nil { // a rule has joined that knows what is broken
			phase = Raised
		}
	}
	f.holders++
	d.emit(e, in, f, h, phase, evidence)
}

// still reports what is new about a condition that goes on holding.
func (d *device) still(e *Engine, in *Input, i *instance, verdict Verdict) {
	h := i.holder(d)
	f := d.faultOf(h)
	if f == nil { // the stage of the rule changed while its condition held
		if evidence, ok := d.explain(e, i, in); ok {
			d.hold(e, in, h, evidence)
			d.countHolders() // others may have moved with it
		}
		return
	}
	phase, due := d.due(e, in, f)
	if !due && verdict != Worse {
		return
	}
	if evidence, ok := d.explain(e, i, in); ok {
		d.emit(e, in, d.faultOf(h), h, phase, evidence)
	}
}

// due tells whether a fault that holds must be told again, and in which phase: raised, when what explained it no longer does, or
// continued, when a live reading shows what only old ones had shown.
func (d *device) due(e *Engine, in *Input, f *fault) (Phase, bool) {
	switch {
	case f.explained():
		if !d.explains(e, in, f) {
			return Raised, true
		}
	case f.withheld == "" && f.quiet:
		return Continued, in.Live && !e.backfill(in)
	}
	return Continued, false
}

// explained tells that a fault is withheld because something else explains it, which may end.
func (f *fault) explained() bool {
	return f.withheld == WithheldInhibited || f.withheld == WithheldFleet || f.withheld == WithheldComponent
}

// explains tells that what explained a fault still does.
func (d *device) explains(e *Engine, in *Input, f *fault) bool {
	switch f.withheld {
	case WithheldFleet:
		return e.shifted(d, in, f)
	case WithheldComponent:
		return d.toldBy(f) != nil
	}
	return d.inhibited(f, in.Time)
}

// found notes which metrics a fault was found on.
func (f *fault) found(evidence Evidence) {
	for _, s := range evidence.Signals {
		if !slices.Contains(f.metrics, s.Metric) {
			f.metrics = append(f.metrics, s.Metric)
		}
	}
}

// release reports that a condition no longer holds, once it is the last behind its fault.
func (d *device) release(e *Engine, in *Input, h holder) {
	f := d.faultOf(h)
	if f == nil {
		return
	}
	if f.holders--; f.holders > 0 {
		if d.plan.Fault(f.code).OfSensor() { // one of several
			d.settle(e, in, f, h.metric)
		}
		return
	}
	d.clear(e, in, f, h)
}

// clear ends a fault.
func (d *device) clear(e *Engine, in *Input, f *fault, h holder) {
	reason := Reason{Key: ReasonCleared, Params: map[string]string{"seconds": strconv.FormatInt(max(0, in.Time-f.onset)/1000, 10)}}
	if h.metric != "" {
		reason.Params["metric"] = h.metric
	}
	d.emit(e, in, f, h, Cleared, Evidence{Onset: f.onset, Reason: reason})
	d.settle(e, in, f, h.metric)
	i := slices.IndexFunc(d.faults, func(x fault) bool { return x.code == f.code && x.component == f.component && x.shadow == f.shadow })
	d.faults = slices.Delete(d.faults, i, i+1)
}

// dropEmptyFaults clears the faults whose rules are gone, after a change of plan.
func (d *device) dropEmptyFaults(e *Engine) {
	d.countHolders()
	for i := 0; i < len(d.faults); {
		f := d.faults[i]
		if f.holders > 0 {
			i++
			continue
		}
		in := Input{Kind: BatchInput, Time: d.newest, Arrival: d.newest}
		d.clear(e, &in, &d.faults[i], holder{fault: f.code, component: f.component, shadow: f.shadow, detector: "plan", rule: "changed", score: 1})
	}
}

// countHolders counts who holds each fault.
func (d *device) countHolders() {
	for i := range d.faults {
		d.faults[i].holders = 0
	}
	count := func(h holder) {
		if f := d.faultOf(h); f != nil {
			f.holders++
		}
	}
	for i := range d.active {
		count(i.holder(d))
	}
	for _, m := range d.metrics {
		if m.regular.missing {
			count(m.missingHolder(d))
		}
	}
	for _, c := range d.jointHeld {
		count(holder{fault: FaultAbnormal, component: c, shadow: d.baseOnTrial()})
	}
	if d.clock.reason != "" {
		count(d.clockHolder())
	}
}

func (d *device) emit(e *Engine, in *Input, f *fault, h holder, phase Phase, evidence Evidence) {
	out := d.finding(in, h, phase, evidence)
	out.Backfill = e.backfill(in)
	if phase == Raised && f.explained() && !d.explains(e, in, f) {
		f.withheld = ""
		if d.toldBy(f) != nil { // meanwhile another symptom has told
			f.withheld = WithheldComponent
		}
	}
	out.Withheld = f.withheld
	if phase != Cleared {
		f.quiet = out.Backfill && (f.quiet || phase == Raised)
	}
	e.out = append(e.out, out)
	if f.withheld == WithheldComponent && phase != Cleared {
		d.emitWithin(e, in, f, h, evidence)
	}
}

// backfill tells that an input was already old when it arrived.
func (e *Engine) backfill(in *Input) bool {
	return in.Arrival-in.Time > e.cfg.BackfillAfter.Milliseconds()
}

// finding fills in what every finding has.
func (d *device) finding(in *Input, h holder, phase Phase, evidence Evidence) Finding {
	for i := range evidence.Signals {
		s := &evidence.Signals[i]
		s.Unit = d.plan.describe(s.Metric).Unit
		if s.Detector == "" {
			s.Detector = h.detector
		}
	}
	if evidence.Reason.Params["metric"] != "" && evidence.Reason.Params["unit"] == "" {
		if unit := d.plan.describe(evidence.Reason.Params["metric"]).Unit; unit != "" {
			evidence.Reason.Params["unit"] = unit
		}
	}
	f := Finding{
		Tenant: d.tenant, Device: d.id, Component: h.component, FaultCode: h.fault, Detector: h.detector, Rule: h.rule, Version: h.version,
		Phase: phase, Severity: h.severity, Onset: evidence.Onset, Time: in.Time, Arrival: in.Arrival,
		Score: h.score, PValue: h.p, Signals: evidence.Signals, Events: evidence.Events, Reason: evidence.Reason,
	}
	if h.severity == telemetry.Info {
		f.Severity = d.plan.Fault(h.fault).Severity
	}
	cause := h.metric
	if in.Event != nil {
		cause = in.Event.ID + "\x00" + in.Event.Code
	}
	f.ID = findingID(f, cause)
	return f
}

// findingID derives the identity of a finding from what it says and what caused it.
func findingID(f Finding, cause string) string {
	h := sha256.New()
	for _, s := range []string{
		f.Tenant, f.Device, f.Component, f.FaultCode, f.Detector, f.Rule, string(f.Phase), strconv.FormatInt(f.Time, 10), cause,
	} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// baseOnTrial tells whether what the statistical tier finds is recorded only.
func (d *device) baseOnTrial() bool { return d.plan.BaseRollout.OnTrial(d.tenant, d.id, BaseRule) }

// jointHolder tells what a decision of the statistical tier stands for.
func (d *device) jointHolder(dec Decision) holder {
	return holder{
		fault: FaultAbnormal, component: dec.Component, severity: d.severityOf(dec),
		detector: d.plan.Joint.Name(), version: d.plan.Joint.Version(), rule: BaseRule, shadow: d.baseOnTrial(), score: dec.Score, p: dec.P,
	}
}

// report turns a decision of the statistical tier into findings.
func (d *device) report(e *Engine, in *Input, dec Decision) {
	h := d.jointHolder(dec)
	at := slices.Index(d.jointHeld, dec.Component)
	switch waits := slices.Index(d.jointWaits, dec.Component); {
	case waits >= 0 && dec.Verdict == Healthy:
		d.jointWaits = slices.Delete(d.jointWaits, waits, waits+1)
	case waits >= 0 || dec.Verdict == Faulty && at < 0 && d.rests(&dec):
		if waits < 0 {
			d.jointWaits = append(d.jointWaits, dec.Component)
		}
	case dec.Verdict == Healthy && at >= 0:
		d.jointHeld = slices.Delete(d.jointHeld, at, at+1)
		d.release(e, in, h)
	case dec.Verdict == Faulty && at < 0:
		d.jointHeld = append(d.jointHeld, dec.Component)
		d.hold(e, in, h, dec.Evidence)
	case dec.Verdict == Worse && at >= 0:
		if f := d.faultOf(h); f != nil {
			f.found(dec.Evidence)
			d.emit(e, in, f, h, Continued, dec.Evidence)
		}
	}
}

// reportHeld tells again of the decisions that are due, once readings that were all taken since they are due speak for them. A block of
// readings that began before a repair, or before live readings came, says nothing about now.
func (d *device) reportHeld(e *Engine, in *Input) {
	for _, c := range d.jointHeld {
		f := d.faultOf(holder{fault: FaultAbnormal, component: c, shadow: d.baseOnTrial()})
		if f == nil { // the stage changed while it held
			if dec, ok := d.stillDecided(e, in, c, 0); ok {
				d.hold(e, in, d.jointHolder(dec), dec.Evidence)
			}
			if d.joint == nil {
				return // it crashed
			}
			continue
		}
		phase, due := d.due(e, in, f)
		if !due {
			f.from = 0
			continue
		}
		if f.from == 0 {
			f.from = in.Time
		}
		dec, ok := d.stillDecided(e, in, c, f.from)
		if d.joint == nil {
			return // it crashed
		}
		if ok {
			f.from = 0
			d.emit(e, in, f, d.jointHolder(dec), phase, dec.Evidence)
		}
	}
}

// crashed tells that a detector crashed, and gives a notice when it is off from now on.
func (e *Engine) crashed(d *device, detector, rule string, count int, in *Input, cause any) {
	e.cfg.Meter.crashed(detector)
	e.log.Error("detector crashed", "device", d.id, "detector", detector, "rule", rule, "count", count, "err", cause)
	if count < e.cfg.Crashes {
		return
	}
	h := holder{fault: FaultDetectorOff, component: "device", detector: detector, rule: rule, score: 1}
	f := d.finding(in, h, Raised, Evidence{Onset: in.Time, Reason: Reason{Key: ReasonDetectorOff, Params: map[string]string{
		"detector": detector, "rule": rule, "count": strconv.Itoa(count),
	}}})
	f.Withheld = WithheldNotice
	e.out = append(e.out, f)
}

// noticeTooMany tells, once, that not all metrics of the device are watched.
func (d *device) noticeTooMany(e *Engine, metric string, in *Input) {
	h := holder{fault: FaultTooMany, component: "device", detector: "engine", rule: "max-metrics", score: 1}
	f := d.finding(in, h, Raised, Evidence{Onset: in.Time, Reason: Reason{Key: ReasonTooMany, Params: map[string]string{
		"limit": strconv.Itoa(e.cfg.MaxMetrics), "metric": metric,
	}}})
	f.Withheld = WithheldNotice
	e.out = append(e.out, f)
}
