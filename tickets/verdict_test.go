package tickets

import (
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
)

func TestJudge(t *testing.T) {
	const hold = 72 * time.Hour
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	ms := func(d time.Duration) int64 { return noon.Add(d).UnixMilli() }
	live := func(phase detectors.Phase, at time.Duration) detectors.Finding {
		return detectors.Finding{Phase: phase, Time: ms(at), Onset: ms(at), Arrival: ms(at)}
	}
	old := func(phase detectors.Phase, at time.Duration) detectors.Finding {
		return detectors.Finding{Phase: phase, Time: ms(at), Onset: ms(at), Arrival: ms(1000 * time.Hour), Backfill: true}
	}
	none := (*Ticket)(nil)
	open_ := &Ticket{Category: CategoryActive, OnsetAt: noon, LastSeenAt: noon}
	past := &Ticket{Category: CategoryNew, OnsetAt: noon, LastSeenAt: noon, Backfill: true}
	closed := &Ticket{Category: CategoryDone, OnsetAt: noon, LastSeenAt: noon, ClosedAt: noon.Add(10 * time.Hour)}
	withheld := live(detectors.Raised, 0)
	withheld.Withheld = "shadow"
	// The device's clock is days off: the desk goes by the arrival.
	skewed := live(detectors.Raised, 20*time.Hour)
	skewed.Time, skewed.Onset = ms(-100*time.Hour), ms(-100*time.Hour)

	for name, c := range map[string]struct {
		ticket  *Ticket
		finding detectors.Finding
		want    verdict
	}{
		"the first of a fault":                        {none, live(detectors.Raised, 0), open},
		"a continuation whose beginning was withheld": {none, live(detectors.Continued, 0), open},
		"a past fault":                                {none, old(detectors.Raised, 0), open},
		"a clearance of nothing":                      {none, live(detectors.Cleared, 0), alone},
		"withheld":                                    {none, withheld, alone},
		"withheld with a ticket":                      {open_, withheld, alone},
		"more evidence":                               {open_, live(detectors.Continued, time.Hour), join},
		"again":                                       {open_, live(detectors.Raised, time.Hour), join},
		"old evidence for a live ticket":              {open_, old(detectors.Raised, time.Hour), join},
		"cleared":                                     {open_, live(detectors.Cleared, time.Hour), clears},
		"old evidence for an old ticket":              {past, old(detectors.Continued, time.Hour), join},
		"still there":                                 {past, live(detectors.Continued, time.Hour), promote},
		"went away":                                   {past, old(detectors.Cleared, time.Hour), recovers},
		"went away just now":                          {past, live(detectors.Cleared, time.Hour), recovers},
		"went away before it was last seen":           {past, old(detectors.Cleared, -time.Hour), clears},
		"back within hold":                            {closed, live(detectors.Raised, 20*time.Hour), reopen},
		"never went away":                             {closed, live(detectors.Continued, 20*time.Hour), reopen},
		"back at the end of hold":                     {closed, live(detectors.Raised, 82*time.Hour), reopen},
		"back after hold":                             {closed, live(detectors.Raised, 82*time.Hour+time.Millisecond), recur},
		"arrived before closing":                      {closed, live(detectors.Raised, 9*time.Hour), late},
		"at the moment of closing":                    {closed, live(detectors.Raised, 10*time.Hour), late},
		"cleared after closing":                       {closed, live(detectors.Cleared, 20*time.Hour), late},
		"cleared before it began":                     {closed, live(detectors.Cleared, -time.Hour), alone},
		"back on a device with a wrong clock":         {closed, skewed, reopen},
		"an old return":                               {closed, old(detectors.Raised, 20*time.Hour), reopen},
		"an old return after hold":                    {closed, old(detectors.Raised, 100*time.Hour), recur},
		"old and within the closed one":               {closed, old(detectors.Raised, 5*time.Hour), late},
		"old and a little before it":                  {closed, old(detectors.Raised, -71*time.Hour), late},
		"old and long before it":                      {closed, old(detectors.Raised, -73*time.Hour), open},
	} {
		if got := judge(c.ticket, &c.finding, hold); got != c.want {
			t.Errorf("%s: verdict %d, want %d", name, got, c.want)
		}
	}
}
