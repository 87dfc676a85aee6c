package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/presage-pdm/presage/web"
)

// The demonstration publishes its history, opens the ticket of its first live
// fault within a minute of going live, and opens none that no fault explains;
// faults of the history are closed tickets, and nobody was paged for them.
func TestDemo(t *testing.T) {
	p := start(t, "demo", allEmbedded(t), "--vehicles", "20", "--tvs", "10", "--machines", "10")
	var score web.Score
	live := func() *web.DemoFault {
		p.get("/api/v1/demo", &score)
		for i := range score.Faults {
			if f := &score.Faults[i]; f.InjectedAt.After(time.Now().Add(-10 * time.Minute)) {
				return f
			}
		}
		return nil
	}
	p.eventually(2*time.Minute, "the first live fault is declared", func() (bool, string) {
		return live() != nil, fmt.Sprintf("%d faults", len(score.Faults))
	})
	p.eventually(time.Minute, "the first live fault has its ticket", func() (bool, string) {
		for _, f := range score.Faults {
			if f.Ticket != "" && f.Caught && f.InjectedAt.After(time.Now().Add(-10*time.Minute)) {
				return true, ""
			}
		}
		live()
		return false, fmt.Sprintf("%d of %d faults ticketed", score.Ticketed, score.Injected)
	})
	if score.FalseTickets != 0 {
		t.Errorf("%d tickets that no fault explains, want none", score.FalseTickets)
	}
	past, ticketed := 0, 0
	for _, f := range score.Faults {
		if f.InjectedAt.After(time.Now().Add(-10 * time.Minute)) {
			continue
		}
		past++
		if f.Ticket == "" {
			continue
		}
		ticketed++
		for _, ticket := range p.tickets(f.Device) {
			if ticket.ID == f.Ticket && (ticket.Open() || !ticket.Backfill || ticket.Assignee != "") {
				t.Errorf("the ticket of past fault %s on %s is in state %s, assigned to %q; want it closed, and nobody paged", f.Kind, f.Device, ticket.State, ticket.Assignee)
			}
		}
	}
	t.Logf("%d of %d past faults ticketed, %d faults in all, median lead of live ones %v s", ticketed, past, score.Injected, *score.MedianLeadS)
	if past == 0 || ticketed < past-1 {
		t.Errorf("%d of %d past faults have a ticket", ticketed, past)
	}
}
