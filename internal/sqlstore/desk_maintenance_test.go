package sqlstore_test

import (
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/fleet/maintenance"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

// announce makes a window that begins now.
func (o *office) announce(t *testing.T, length time.Duration, scope maintenance.Scope) maintenance.Window {
	t.Helper()
	w, err := o.store.CreateWindow(t.Context(), home, maintenance.Window{Name: "Depot shut", Scope: scope, From: o.now(), To: o.now().Add(length), CreatedBy: "dora", CreatedAt: o.now()})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// end looks at what maintenance holds and expects so many to be let go.
func (o *office) end(t *testing.T, want int) {
	t.Helper()
	n, err := o.EndMaintenance(t.Context(), home)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "faults let go", n, want)
}

func on(device string) func(*detectors.Finding) {
	return func(f *detectors.Finding) { f.Device = device }
}

// A fault that is found while a window runs waits for its end; what still holds then gets its ticket, with all that was withheld.
func deskMaintenance(t *testing.T, o *office) {
	o.announce(t, time.Hour, maintenance.Scope{Site: "s1"})
	o.pass(10 * time.Minute)
	first := o.finding(detectors.Raised)
	o.report(t, first, first)
	o.pass(10 * time.Minute)
	o.report(t, o.finding(detectors.Continued, severity(telemetry.Major)))
	expect(t, "tickets while it runs", len(o.all(t)), 0)
	expect(t, "told while it runs", o.told(t), "")
	for _, f := range o.findings(t, tickets.FindingFilter{Device: "d0"}) {
		expect(t, "withheld", f.Withheld, "maintenance")
	}
	o.pass(44 * time.Minute) // four minutes past its end
	o.end(t, 0)
	expect(t, "tickets while it settles", len(o.all(t)), 0)
	o.pass(time.Minute)
	o.end(t, 1)
	got := o.only(t)
	expect(t, "severity", got.Severity, telemetry.Major)
	expect(t, "assignee", got.Assignee, "anna")
	expect(t, "opened", got.OpenedAt, monday.Add(65*time.Minute))
	expect(t, "told", o.told(t), "opened assigned")
	expect(t, "history", kinds(o.history(t, got.ID)), "opened held assigned")
	expect(t, "window in the history", o.history(t, got.ID)[1].Note, "Depot shut")
	evidence := o.findings(t, tickets.FindingFilter{Ticket: got.ID})
	expect(t, "evidence", len(evidence), 2)
	for _, f := range evidence {
		expect(t, "withheld after its end", f.Withheld, "")
	}
	o.end(t, 0)
	o.report(t, first)
	expect(t, "revision after redelivery", o.only(t).Revision, got.Revision)
}

// What clears before the window ends, or while devices start again, was the work itself.
func deskMaintenanceClears(t *testing.T, o *office) {
	o.announce(t, time.Hour, maintenance.Scope{})
	o.pass(10 * time.Minute)
	o.report(t, o.finding(detectors.Raised), o.finding(detectors.Raised, on("d1")))
	o.pass(10 * time.Minute)
	o.report(t, o.finding(detectors.Cleared))
	o.pass(42 * time.Minute)
	o.report(t, o.finding(detectors.Cleared, on("d1")))
	// Found after the end, but begun before it.
	o.report(t, o.finding(detectors.Raised, on("d2"), func(f *detectors.Finding) { f.Onset -= 4 * 60_000 }))
	o.pass(time.Minute)
	o.report(t, o.finding(detectors.Cleared, on("d2")))
	o.pass(time.Hour)
	o.end(t, 0)
	expect(t, "tickets", len(o.all(t)), 0)
	expect(t, "told", o.told(t), "")
	o.report(t, o.finding(detectors.Raised))
	expect(t, "a fault of later", len(o.all(t)), 1)
}

// A window is about what its scope says, and regions hold those within them.
func deskMaintenanceScope(t *testing.T, o *office) {
	o.announce(t, time.Hour, maintenance.Scope{Device: "d1"})
	o.announce(t, time.Hour, maintenance.Scope{Device: "d2", Component: "brakes"})
	o.announce(t, time.Hour, maintenance.Scope{Region: "north", Component: "door"})
	o.pass(10 * time.Minute)
	o.report(t, o.finding(detectors.Raised, on("d1")), o.finding(detectors.Raised, on("d2")),
		o.finding(detectors.Raised, on("d3"), func(f *detectors.Finding) { f.Component = "door" }))
	expect(t, "device of the ticket", o.only(t).Device, "d2")
}

// A window that is ended early lets go at once, as far as no other one covers the fault.
func deskMaintenanceEnds(t *testing.T, o *office) {
	early := o.announce(t, 10*time.Hour, maintenance.Scope{})
	o.announce(t, 2*time.Hour, maintenance.Scope{Device: "d1"})
	o.pass(10 * time.Minute)
	o.report(t, o.finding(detectors.Raised), o.finding(detectors.Raised, on("d1")))
	if _, err := o.store.ChangeWindow(t.Context(), home, early.ID, 0, "dora", "ended", o.now(), func(w *maintenance.Window) error {
		w.EndedAt = o.now()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	o.end(t, 0)
	o.pass(5 * time.Minute)
	o.end(t, 1)
	expect(t, "device", o.only(t).Device, "d0")
	o.pass(2 * time.Hour)
	o.end(t, 1)
	expect(t, "tickets", len(o.all(t)), 2)
}

// Open tickets go on; a closed one whose fault comes back during maintenance reopens afterwards; outside of every window a held
// fault that is found again gets its ticket without waiting.
func deskMaintenanceTickets(t *testing.T, o *office) {
	o.report(t, o.finding(detectors.Raised), o.finding(detectors.Raised, on("d1")))
	open := o.all(t)
	for _, ticket := range open {
		if ticket.Device == "d1" {
			o.closeIt(t, ticket.ID)
		}
	}
	o.told(t)
	o.pass(time.Hour)
	o.announce(t, time.Hour, maintenance.Scope{Model: "bus"})
	o.pass(10 * time.Minute)
	o.report(t, o.finding(detectors.Continued, severity(telemetry.Critical)), o.finding(detectors.Raised, on("d1")), o.finding(detectors.Raised, on("d2")))
	expect(t, "told of the open one", o.told(t), "updated")
	o.pass(52 * time.Minute) // two minutes past its end
	o.report(t, o.finding(detectors.Continued, on("d2")))
	expect(t, "tickets after d2 was found again", len(o.all(t)), 3)
	o.pass(time.Hour)
	o.end(t, 1)
	var reopened int
	for _, ticket := range o.all(t) {
		reopened += ticket.Reopened
		if ticket.Device == "d2" {
			expect(t, "evidence of d2", len(o.findings(t, tickets.FindingFilter{Ticket: ticket.ID})), 2)
		}
	}
	expect(t, "reopened", reopened, 1)
	expect(t, "tickets", len(o.all(t)), 3)
}
