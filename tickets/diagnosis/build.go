package diagnosis

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

// The bounds of a diagnosis.
const (
	maxCharts  = 3
	maxReasons = 8
	maxEvents  = 500
)

// build makes the diagnosis of a ticket from its evidence and what the stores know.
func (d *Diagnoser) build(ctx context.Context, tenant string, t *tickets.Ticket, evidence []tickets.Evidence, now time.Time) (Diagnosis, error) {
	out := Diagnosis{
		Ticket: t.ID, OnsetAt: t.OnsetAt, OpenedAt: t.OpenedAt, Facts: t.Facts, BuiltAt: now,
		Evidence: []Told{}, Reasons: []tickets.Text{}, Signals: []Chart{}, Events: []telemetry.Event{},
	}
	findings := make([]detectors.Finding, len(evidence))
	for i := range evidence {
		f := &evidence[i].Finding
		findings[i] = *f
		out.Evidence = append(out.Evidence, Told{*f, d.cfg.Wording.Reason(f)})
	}
	out.Confidence = confidence(findings)
	out.Reasons = d.reasons(findings)
	out.Bring = d.bring(tenant, t)

	p := &picture{d: d, tenant: tenant, ticket: t, out: &out}
	if err := p.draw(ctx); err != nil {
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		d.cfg.Log.Warn("diagnosis without a picture", "ticket", t.Number, "device", t.Device, "err", err)
		out.Partial = true
	}
	for i := range out.Signals {
		out.Signals[i].Words = d.cfg.Wording.context(&out.Signals[i], t.Facts.TimeZone)
	}
	if out.Cohort != nil {
		out.Cohort.Words = d.cfg.Wording.peers(out.Cohort)
	}
	out.Summary = d.cfg.Wording.summary(t, &out)
	if err := out.seal(); err != nil {
		return out, err
	}
	// What is returned now and what is read back later are the same to the last digit.
	text, err := json.Marshal(out)
	if err != nil {
		return out, err
	}
	out = Diagnosis{}
	return out, json.Unmarshal(text, &out)
}

// trust is how much one detector is believed when it is certain: no single
// view of a device is proof.
const trust = .9

// confidence is the probability that something is wrong: that not all
// detectors that say so are mistaken, taking them as independent (noisy-or; Pearl
// 1988, section 4.3.2). Detectors that look at the same readings are not
// independent, so it is kept below one.
func confidence(findings []detectors.Finding) float64 {
	best := make(map[string]float64)
	for i := range findings {
		f := &findings[i]
		if f.Phase != detectors.Cleared {
			best[f.Detector] = max(best[f.Detector], min(max(f.Score, 0), 1))
		}
	}
	mistaken := 1.0
	for _, name := range sortedKeys(best) {
		mistaken *= 1 - trust*best[name]
	}
	return min(1-mistaken, .99)
}

// reasons words the findings, each rule once by its newest, the surest first, and that the fault cleared last.
func (d *Diagnoser) reasons(findings []detectors.Finding) []tickets.Text {
	type said struct{ detector, rule, key, metric string }
	seen := make(map[said]bool)
	var order []*detectors.Finding
	for i := range findings {
		f := &findings[i]
		s := said{f.Detector, f.Rule, f.Reason.Key, f.Reason.Params["metric"]}
		if f.Phase == detectors.Cleared {
			s = said{key: f.Reason.Key}
			if i > 0 {
				continue // it came back since
			}
		}
		if !seen[s] {
			seen[s] = true
			order = append(order, f)
		}
	}
	slices.SortStableFunc(order, func(a, b *detectors.Finding) int {
		if (a.Phase == detectors.Cleared) != (b.Phase == detectors.Cleared) {
			if a.Phase == detectors.Cleared {
				return 1
			}
			return -1
		}
		return cmp.Or(-cmp.Compare(a.Score, b.Score), cmp.Compare(a.Onset, b.Onset), strings.Compare(a.ID, b.ID))
	})
	reasons := make([]tickets.Text, 0, len(order))
	for _, f := range order {
		words := d.cfg.Wording.Reason(f)
		repeats := slices.ContainsFunc(reasons, func(r tickets.Text) bool { return maps.Equal(r, words) })
		if !repeats && len(reasons) < maxReasons {
			reasons = append(reasons, words)
		}
	}
	return reasons
}

// bring lists what the repair probably needs: the parts of the fault, then
// those of the component, which a sensor that lies about it does not need.
func (d *Diagnoser) bring(tenant string, t *tickets.Ticket) []string {
	fault := d.cfg.Plans.Plan(tenant, t.Device).Fault(t.FaultCode)
	parts := slices.Clone(fault.Parts)
	if subject(fault) == tickets.Sensor {
		return parts
	}
	model, _ := d.cfg.Fleet.Model(tenant, t.Facts.Model)
	for _, c := range model.Components {
		if c.ID != t.Component {
			continue
		}
		for _, part := range c.Parts {
			if !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
		}
	}
	return parts
}

// fromMillis is the time of Unix milliseconds.
func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
