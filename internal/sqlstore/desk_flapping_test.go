package sqlstore_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

// flap lets a fault come and go so often, ten minutes each, and returns what was told loudly.
func (o *office) flap(t *testing.T, times int, between func()) (told []string) {
	t.Helper()
	for range times {
		o.report(t, o.finding(detectors.Raised))
		o.pass(5 * time.Minute)
		o.report(t, o.finding(detectors.Cleared))
		if between != nil {
			between()
		}
		o.pass(5 * time.Minute)
		told = append(told, o.loud(t)...)
	}
	return told
}

// loud is what was told and is for more than screens.
func (o *office) loud(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(strings.Fields(o.told(t)), func(kind string) bool { return strings.HasPrefix(kind, "(") })
}

// settle ends the flapping of so many.
func (o *office) settle(t *testing.T, want int) {
	t.Helper()
	n, err := o.SettleFlapping(t.Context(), home)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "settled", n, want)
}

// Fifty times make one ticket, three notices and a short history.
func deskFlapping(t *testing.T, o *office) {
	told := o.flap(t, 50, nil)
	expect(t, "told", strings.Join(told, " "), "opened assigned updated")
	got := o.only(t)
	expect(t, "occurrences", got.Occurrences, 50)
	expect(t, "flapping", got.Flap.Flapping, true)
	expect(t, "times", got.Flap.Times, 49)
	expect(t, "evidence", len(o.findings(t, tickets.FindingFilter{Ticket: got.ID, Limit: 500})), 100)
	const until = "opened assigned cleared evidence cleared evidence cleared evidence cleared flapping"
	expect(t, "history", kinds(o.history(t, got.ID)), until)
	o.report(t, o.finding(detectors.Raised, severity(telemetry.Critical)))
	expect(t, "told of a rise", o.told(t), "updated")
	o.settle(t, 0)
	o.pass(2 * time.Hour)
	o.settle(t, 1)
	o.settle(t, 0)
	expect(t, "told of a fault that stays", strings.Join(o.loud(t), " "), "updated")
	got = o.only(t)
	expect(t, "flapping afterwards", got.Flap.Flapping, false)
	h := o.history(t, got.ID)
	expect(t, "history afterwards", kinds(h), until+" severity steady")
	last := h[len(h)-1]
	expect(t, "times in the history", last.Times, 50)
	expect(t, "seconds in the history", last.Seconds, int64(49*600))
	o.report(t, o.finding(detectors.Cleared))
	expect(t, "history goes on", kinds(o.history(t, got.ID)), until+" severity steady cleared")
}

// A ticket that is closed each time is reopened, at first with notices, then without, and stays with whom it is.
func deskFlappingCloses(t *testing.T, o *office) {
	told := o.flap(t, 50, func() { o.closeIt(t, o.only(t).ID) })
	loud := map[string]int{}
	for _, kind := range told {
		loud[kind]++
	}
	expect(t, "told of reopening", loud["reopened"], 3)
	expect(t, "told of assigning", loud["assigned"], 4)
	expect(t, "told of flapping", loud["updated"], 1)
	got := o.only(t)
	expect(t, "reopened", got.Reopened, 49)
	o.report(t, o.finding(detectors.Raised))
	got = o.only(t)
	expect(t, "state", got.State, "assigned")
	if got.Assignee == "" {
		t.Error("nobody has the ticket")
	}
	o.pass(2 * time.Hour)
	o.settle(t, 1)
	expect(t, "told of a fault that stays", strings.Join(o.loud(t), " "), "updated")
}

// Returns that are far apart are noted each.
func deskFlappingNot(t *testing.T, o *office) {
	for range 10 {
		o.report(t, o.finding(detectors.Raised))
		o.pass(30 * time.Minute)
		o.report(t, o.finding(detectors.Cleared))
		o.pass(30 * time.Minute)
	}
	got := o.only(t)
	expect(t, "flapping", got.Flap.Flapping, false)
	expect(t, "returns that are remembered", len(got.Flap.Recent), 4)
	if h := kinds(o.history(t, got.ID)); strings.Count(h, "evidence") != 9 || strings.Contains(h, "flapping") {
		t.Errorf("history %s", h)
	}
}
