package backtest

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/presage-pdm/presage/tickets/quality"
)

// shown is how many tickets of one list are written for people; JSON has all.
const shown = 200

// Write writes the report for people. Times are UTC.
func (r *Report) Write(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s to %s, UTC: %d of %d devices have history, %.1f device-months, %d readings, %d events, replayed in %.1f s\n",
		clock(r.From), clock(r.To), r.DevicesWithHistory, r.Devices, r.DeviceMonths, r.Readings, r.Events, r.Seconds)
	r.Catalogue.write(w, "tickets that would have opened", r.Horizon)
	if r.Against != nil {
		r.writeDiff(w)
	}
	return w.Flush()
}

func (o *Outcome) write(w io.Writer, title string, horizon float64) {
	writeTickets(w, title, o.Tickets)
	if len(o.Rules) > 0 {
		fmt.Fprintf(w, "\nFAULT\tDETECTOR\tRULE\tTICKETS\tPER DEVICE-MONTH\tTRUE\tFALSE\n")
		for _, c := range o.Rules {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%.3g\t%d\t%d\n", c.FaultCode, c.Detector, dash(c.Rule), c.Tickets, c.PerDeviceMonth, c.True, c.False)
		}
	}
	if len(o.Withheld) > 0 {
		fmt.Fprintf(w, "\nWITHHELD\tFAULT\tDETECTOR\tRULE\tFINDINGS\n")
		for _, v := range o.Withheld {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\n", v.Reason, v.FaultCode, v.Detector, dash(v.Rule), v.Findings)
		}
	}
	fmt.Fprintf(w, "\nlabels: %d failures, %d closing codes that confirm, %d that deny; horizon %s\n",
		o.Labels.Failures, o.Labels.Confirmed, o.Labels.Denied, time.Duration(horizon*float64(time.Second)))
	fmt.Fprintf(w, "  %s\n", summary(&o.Labels))
}

// summary is one line about a score.
func summary(s *quality.Score) string {
	if s.Failures+s.Confirmed+s.Denied == 0 {
		return "nothing is known of this span, so there is neither precision nor recall: import failures, or close tickets with a code"
	}
	parts := []string{
		"precision " + percent(s.Precision) + fmt.Sprintf(" (%d true, %d false, %d unknown)", s.True, s.False, s.Unknown),
		"recall " + percent(s.Recall) + fmt.Sprintf(" (%d of %d)", s.Found, s.Failures+s.Confirmed),
	}
	if s.FalsePerDeviceMonth != nil {
		parts = append(parts, fmt.Sprintf("%.3g false tickets per device-month", *s.FalsePerDeviceMonth))
	}
	if l := s.Lead; l != nil {
		parts = append(parts, fmt.Sprintf("lead time %s (half between %s and %s)", rounded(l.Median), rounded(l.Lower), rounded(l.Upper)))
	}
	return strings.Join(parts, ", ")
}

func (r *Report) writeDiff(w io.Writer) {
	fmt.Fprintf(w, "\nagainst the other catalogue: %d tickets only with the new one, %d only with the old one, %d changed, %d the same\n",
		len(r.Diff.OnlyNew), len(r.Diff.OnlyOld), len(r.Diff.Changed), r.Diff.Same)
	writeTickets(w, "only with the new one", r.Diff.OnlyNew)
	writeTickets(w, "only with the old one", r.Diff.OnlyOld)
	if len(r.Diff.Changed) > 0 {
		fmt.Fprintf(w, "\nDEVICE\tCOMPONENT\tFAULT\tOPENED BEFORE\tNOW\tSEVERITY BEFORE\tNOW\n")
		for i := range min(len(r.Diff.Changed), shown) {
			o, n := &r.Diff.Changed[i].Old, &r.Diff.Changed[i].New
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", n.Device, n.Component, n.FaultCode, clock(o.OpenedAt), clock(n.OpenedAt), o.Severity, n.Severity)
		}
	}
	fmt.Fprintf(w, "\nnew: %s\nold: %s\n", summary(&r.Catalogue.Labels), summary(&r.Against.Labels))
}

func writeTickets(w io.Writer, title string, all []Ticket) {
	fmt.Fprintf(w, "\n%s: %d\n", title, len(all))
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(w, "OPENED\tONSET\tDEVICE\tCOMPONENT\tFAULT\tSEVERITY\tTIMES\tCLEARED\tBY\tLABEL\n")
	for i := range min(len(all), shown) {
		t := &all[i]
		cleared := "-"
		if !t.ClearedAt.IsZero() {
			cleared = clock(t.ClearedAt)
		}
		by := t.Evidence.Detector
		if t.Evidence.Rule != "" {
			by += "/" + t.Evidence.Rule
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", clock(t.OpenedAt), clock(t.OnsetAt), t.Device, t.Component, t.FaultCode,
			t.Severity, t.Occurrences, cleared, by, dash(string(t.Label)))
	}
	if len(all) > shown {
		fmt.Fprintf(w, "and %d more: --json has all\n", len(all)-shown)
	}
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

func percent(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", *v*100)
}

func rounded(s quality.Seconds) time.Duration { return s.Duration().Round(time.Minute) }

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
