package backtest

import (
	"cmp"
	"slices"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/tickets/quality"
)

// Report is what a backtest tells, as JSON or, with [Report.Write], for people.
type Report struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	WarmUp  float64   `json:"warm_up_seconds"`
	Horizon float64   `json:"horizon_seconds"`

	Devices            int     `json:"devices"`
	DevicesWithHistory int     `json:"devices_with_history"`
	DeviceMonths       float64 `json:"device_months"` // of thirty days, of the devices with history
	Readings           int64   `json:"readings"`
	Events             int64   `json:"events"`
	Seconds            float64 `json:"seconds"` // that the replay took

	Catalogue Outcome `json:"catalogue"`
	// Against is the other catalogue, and Diff what changes from it; nil without one.
	Against *Outcome `json:"against,omitempty"`
	Diff    *Diff    `json:"diff,omitempty"`
}

// Outcome is what one catalogue would have done.
type Outcome struct {
	Files    []string      `json:"files"` // on top of the built-in catalogue
	Tickets  []Ticket      `json:"tickets"`
	Rules    []RuleCount   `json:"rules"`
	Withheld []WithheldRow `json:"withheld"`
	Labels   quality.Score `json:"labels"`
}

// Ticket is one that would have opened.
type Ticket struct {
	Device      string             `json:"device"`
	Component   string             `json:"component"`
	FaultCode   string             `json:"fault_code"`
	Severity    telemetry.Severity `json:"severity"`
	OnsetAt     time.Time          `json:"onset_at"`
	OpenedAt    time.Time          `json:"opened_at"`
	ClearedAt   time.Time          `json:"cleared_at,omitzero"`
	Occurrences int                `json:"occurrences"`
	Reopened    int                `json:"reopened"`
	Evidence    detectors.Finding  `json:"evidence"` // that opened it
	// Label is what is known of it afterwards: confirmed, refuted, or absent.
	Label tickets.Label `json:"label,omitempty"`
}

// RuleCount is how many tickets a rule would have opened.
type RuleCount struct {
	Detector       string  `json:"detector"`
	Rule           string  `json:"rule,omitempty"`
	FaultCode      string  `json:"fault_code"`
	Tickets        int     `json:"tickets"`
	PerDeviceMonth float64 `json:"per_device_month"`
	True           int     `json:"true"`
	False          int     `json:"false"`
}

// WithheldRow is how many findings of a rule would have opened no ticket, and why.
type WithheldRow struct {
	Reason    string `json:"reason"`
	Detector  string `json:"detector"`
	Rule      string `json:"rule,omitempty"`
	FaultCode string `json:"fault_code"`
	Findings  int    `json:"findings"`
}

// Diff is a [Difference] as it is told.
type Diff struct {
	OnlyNew []Ticket `json:"only_new"`
	OnlyOld []Ticket `json:"only_old"`
	Changed []Change `json:"changed"`
	Same    int      `json:"same"`
}

// Change is a ticket that both catalogues open, at another time or with another severity.
type Change struct {
	New Ticket `json:"new"`
	Old Ticket `json:"old"`
}

// Labels are what is known afterwards.
type Labels struct {
	Failures []quality.Failure
	Closings []quality.Closing
	Horizon  time.Duration
}

// NewReport judges the results of one catalogue, or of a new and an old one, by the labels. Of these, those of the devices that were
// replayed count.
func NewReport(cfg *Config, devices []string, h History, results []Result, known Labels) (*Report, error) {
	span := quality.Span{From: cfg.From, To: cfg.To, Devices: h.WithHistory, Horizon: known.Horizon, Complete: true}
	asked := map[string]bool{}
	for _, d := range devices {
		asked[d] = true
	}
	known.Failures = slices.DeleteFunc(slices.Clone(known.Failures), func(f quality.Failure) bool { return !asked[f.Device] })
	known.Closings = slices.DeleteFunc(slices.Clone(known.Closings), func(c quality.Closing) bool { return !asked[c.Device] })
	r := &Report{
		From: cfg.From.UTC(), To: cfg.To.UTC(), WarmUp: cfg.WarmUp.Seconds(), Horizon: known.Horizon.Seconds(),
		Devices: h.Devices, DevicesWithHistory: h.WithHistory, DeviceMonths: span.DeviceMonths(), Readings: h.Readings, Events: h.Events,
	}
	outcomes := make([]Outcome, len(results))
	for i := range results {
		var err error
		if outcomes[i], err = outcome(results[i], known, span); err != nil {
			return nil, err
		}
	}
	r.Catalogue = outcomes[0]
	if len(results) == 2 {
		r.Against = &outcomes[1]
		d := Compare(results[0], results[1], cfg.To)
		r.Diff = &Diff{OnlyNew: tell(d.OnlyNew), OnlyOld: tell(d.OnlyOld), Changed: []Change{}}
		for _, p := range d.Both {
			if p.Changed() {
				r.Diff.Changed = append(r.Diff.Changed, Change{tellOne(&p.New), tellOne(&p.Old)})
			} else {
				r.Diff.Same++
			}
		}
	}
	return r, nil
}

func outcome(res Result, known Labels, span quality.Span) (Outcome, error) {
	o := Outcome{Tickets: tell(res.Tickets), Rules: []RuleCount{}, Withheld: []WithheldRow{}}
	judged := make([]quality.Ticket, len(res.Tickets))
	for i := range res.Tickets {
		t := &res.Tickets[i]
		judged[i] = quality.Ticket{Device: t.Device, Component: t.Component, FaultCode: t.FaultCode, Opened: t.OpenedAt}
	}
	var err error
	if o.Labels, err = quality.Match(judged, known.Failures, known.Closings, span); err != nil {
		return o, err
	}
	type rule struct{ detector, rule, code string }
	counts := map[rule]*RuleCount{}
	for i := range o.Tickets {
		t := &o.Tickets[i]
		t.Label = o.Labels.Labels[i]
		k := rule{t.Evidence.Detector, t.Evidence.Rule, t.FaultCode}
		if counts[k] == nil {
			counts[k] = &RuleCount{Detector: k.detector, Rule: k.rule, FaultCode: k.code}
		}
		c := counts[k]
		c.Tickets++
		switch t.Label {
		case tickets.Confirmed:
			c.True++
		case tickets.Refuted:
			c.False++
		}
	}
	for _, c := range counts {
		if months := span.DeviceMonths(); months > 0 {
			c.PerDeviceMonth = float64(c.Tickets) / months
		}
		o.Rules = append(o.Rules, *c)
	}
	slices.SortFunc(o.Rules, func(a, b RuleCount) int {
		return cmp.Or(b.Tickets-a.Tickets, cmp.Compare(a.FaultCode, b.FaultCode), cmp.Compare(a.Detector, b.Detector), cmp.Compare(a.Rule, b.Rule))
	})
	for w, n := range res.Withheld {
		o.Withheld = append(o.Withheld, WithheldRow{w.Reason, w.Detector, w.Rule, w.FaultCode, n})
	}
	slices.SortFunc(o.Withheld, func(a, b WithheldRow) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), b.Findings-a.Findings, cmp.Compare(a.FaultCode, b.FaultCode), cmp.Compare(a.Detector, b.Detector), cmp.Compare(a.Rule, b.Rule))
	})
	return o, nil
}

func tell(all []tickets.Rehearsed) []Ticket {
	out := make([]Ticket, len(all))
	for i := range all {
		out[i] = tellOne(&all[i])
	}
	return out
}

func tellOne(t *tickets.Rehearsed) Ticket {
	return Ticket{
		Device: t.Device, Component: t.Component, FaultCode: t.FaultCode, Severity: t.Severity, OnsetAt: t.OnsetAt, OpenedAt: t.OpenedAt,
		ClearedAt: t.ClearedAt, Occurrences: t.Occurrences, Reopened: t.Reopened, Evidence: t.First,
	}
}
