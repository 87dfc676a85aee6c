package web

import (
	"testing"
	"time"

	"github.com/presage-pdm/presage/tickets"
)

func TestLastingEndsWithTheFault(t *testing.T) {
	now := epoch.Add(24 * time.Hour)
	for name, c := range map[string]struct {
		ticket tickets.Ticket
		want   time.Duration
	}{
		"goes on":                 {tickets.Ticket{OnsetAt: epoch}, 24 * time.Hour},
		"over":                    {tickets.Ticket{OnsetAt: epoch, ClearedAt: epoch.Add(time.Hour)}, time.Hour},
		"over, then closed":       {tickets.Ticket{OnsetAt: epoch, ClearedAt: epoch.Add(time.Hour), ClosedAt: epoch.Add(2 * time.Hour)}, time.Hour},
		"closed while it went on": {tickets.Ticket{OnsetAt: epoch, ClosedAt: epoch.Add(2 * time.Hour)}, 2 * time.Hour},
	} {
		if got := lasting(&c.ticket, now); got != c.want {
			t.Errorf("a fault that %s lasts %v, want %v", name, got, c.want)
		}
	}
}
