package ingest_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/ingest/journal"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
)

// TestChaos runs seeded mixtures of traffic, repeated traffic, outages, stops, kills and
// damaged checkpoints. Whatever the mixture: every acknowledged reading is stored, and the
// findings are those of an undisturbed run.
func TestChaos(t *testing.T) {
	const total = 3000
	want := expected(t, total)
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 17))
			h := newHouse(t)
			h.journal = func(c *journal.Config) { c.SegmentBytes = 32 << 10 }
			h.lanes = func(c *ingest.LanesConfig) {
				c.CheckpointEvery = time.Millisecond
				c.Pending, c.ReportFindings, c.StoreSamples = 1+rnd.IntN(50), 1+rnd.IntN(20), 1+rnd.IntN(500)
			}
			r := h.start()
			for sent := 0; sent < total; {
				switch what := rnd.IntN(20); {
				case what < 10:
					n := min(1+rnd.IntN(200), total-sent)
					put(t, r.log, readings(sent, n)...)
					sent += n
				case what < 12 && sent > 0: // a client sends again what it got no ack for
					from := rnd.IntN(sent)
					put(t, r.log, readings(from, min(100, sent-from))...)
				case what == 12:
					h.series.set(series.ErrUnavailable)
				case what == 13:
					h.desk.set(tickets.ErrUnavailable)
				case what == 14:
					h.records.set(tickets.ErrUnavailable)
				case what == 15:
					h.series.set(nil)
					h.desk.set(nil)
					h.records.set(nil)
				case what == 16:
					r.dealtWithIfWell()
				case what == 17:
					r.kill()
					r = h.start()
				case what == 18:
					if err := r.finish(); err != nil {
						t.Fatal(err)
					}
					r = h.start()
				case what == 19:
					r.kill()
					damageNewest(t, h.dir)
					r = h.start()
				}
			}
			h.series.set(nil)
			h.desk.set(nil)
			h.records.set(nil)
			r.dealtWith()
			if err := r.finish(); err != nil {
				t.Fatal(err)
			}
			h.holds(t, total, want)
			if q := h.records.quarantine(); len(q) > 0 {
				t.Errorf("in the quarantine: %+v", q)
			}
			for k := range h.series.values {
				if k.Tenant != telemetry.DefaultTenant {
					t.Errorf("series of tenant %q", k.Tenant)
				}
			}
		})
	}
}

// dealtWithIfWell waits for the end of the journal unless a store is away.
func (r *running) dealtWithIfWell() {
	if r.series.get() == nil && r.desk.get() == nil && r.records.get() == nil {
		r.dealtWith()
	}
}
