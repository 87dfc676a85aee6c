package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/internal/simulation"
	"github.com/presage-pdm/presage/tickets"
)

// world is a simulated fleet with its declared faults, and a road between it and Presage. Everything in it follows from the seed.
type world struct {
	seed       uint64
	begin, end int64 // of what devices send
	letters    []letter
	skewed     []letter // the same, by devices of which one has a clock that is off
	skew       map[string]int64
	silent     trouble // a device that is off, whatever the road
	road       *road
	faults     []simulation.Fault
	fleet      *simulation.Fleet
}

const (
	worldStep   = 20 * time.Second
	worldLength = 30 * hour
	// drain is for how long the clock goes on after the last letter was sent: for the last of the late ones, and all that waits, and
	// not until the silence of them all is told of.
	drain = 280_000 // ms
)

func newWorld(t testing.TB, seed uint64) *world {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 11))
	w := &world{seed: seed, begin: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC).UnixMilli(), skew: map[string]int64{}}
	w.end = w.begin + worldLength
	cfg := simulation.DefaultConfig()
	cfg.Seed, cfg.Vehicles, cfg.TVs, cfg.Machines, cfg.PastFaults = seed, 4, 3, 3, 0
	cfg.Interval, cfg.FirstFault, cfg.Between, cfg.ToCall = worldStep, 2*time.Hour, time.Hour, 90*time.Minute
	make := func(skew map[string]int64) (*simulation.Fleet, []letter) {
		f, err := simulation.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return f, lettersOf(f, w.begin, w.end, worldStep, w.silent, skew)
	}
	fleet, _ := make(nil)
	var devices []string
	for i := range fleet.Devices() {
		devices = append(devices, fleet.Device(i))
	}
	rng.Shuffle(len(devices), func(i, j int) { devices[i], devices[j] = devices[j], devices[i] })

	// The device that is away for a day has a fault that came and went meanwhile, if any has.
	absent := devices[0]
	for _, fault := range fleet.Faults() {
		if fault.InjectedAt.UnixMilli() > w.end-24*hour && fault.RepairedAt.UnixMilli() < w.end-5*hour {
			absent = fault.Device
		}
	}
	devices = slices.DeleteFunc(devices, func(d string) bool { return d == absent })
	w.skew[devices[1]] = []int64{-25 * minute, 4 * minute}[rng.IntN(2)]
	w.road = newRoad(rng, devices[1:], absent, w.begin+hour, w.end)
	w.silent = trouble{device: devices[0], kind: away}
	for w.silent.to == 0 || w.road.upset(w.silent.from-hour, w.silent.to+hour) {
		w.silent.from = w.begin + 3*hour + rng.Int64N(40)*30*minute + 10*minute
		w.silent.to = w.silent.from + hour
	}
	w.fleet, w.letters = make(nil)
	_, w.skewed = make(w.skew)
	w.faults = w.fleet.Faults()
	return w
}

func (w *world) run(t testing.TB, deliveries []delivery, from, to int64) (outcome, *detectors.Counts) {
	t.Helper()
	h := newHouse(t, w.fleet.Inventory(), simulation.Catalog())
	h.live(deliveries, w.begin, w.end+drain, from, to)
	return h.outcome(w.begin, w.end+drain), h.counts
}

// away returns the devices that were out of reach for longer than silence allows, and since when.
func (w *world) away() map[string]int64 {
	silent := map[string]int64{}
	for _, t := range w.road.troubles {
		if t.kind == away && t.to-t.from > 10*minute {
			silent[t.device] = t.from
		}
	}
	return silent
}

func (w *world) String() string {
	lines := []string{fmt.Sprintf("seed %d; again with PRESAGE_TEST_SIMULATION_SEED=%d go test ./cmd/presage -run TestDisorderOnTheWay", w.seed, w.seed)}
	for _, t := range w.road.troubles {
		lines = append(lines, "  "+t.String())
	}
	lines = append(lines, fmt.Sprintf("  %s is off from %s for an hour; clocks are off by %v ms", w.silent.device, time.UnixMilli(w.silent.from).UTC().Format("02 15:04:05"), w.skew))
	return strings.Join(lines, "\n")
}

// essence is what of a ticket must not depend on the road.
type essence struct {
	device, component, code string
	severity                string
	onset, cleared          string
	occurrences             int
}

func when(t time.Time, skew int64) string {
	if t.IsZero() {
		return "-"
	}
	return t.Add(-time.Duration(skew) * time.Millisecond).UTC().Format("02 15:04:05.000")
}

// TestDisorderOnTheWay lets a fleet live for 30 hours on a road that loses, repeats, shuffles and delays its messages, and holds
// the tickets to those of the same fleet on a road where nothing goes wrong.
func TestDisorderOnTheWay(t *testing.T) {
	for _, seed := range seeds(t, 3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, seed)
			t.Cleanup(func() {
				if t.Failed() {
					t.Log(w)
				}
			})
			calm, counts := w.run(t, inOrder(w.letters), 0, 0)
			if n := counts.Reordered.Load() + counts.Late.Load(); n != 0 {
				t.Errorf("nothing went wrong, and %d readings were out of order", n)
			}
			from, to := w.road.outage()
			rough, counts := w.run(t, w.road.deliver(w.skewed), from, to)
			t.Logf("%d tickets of %d faults; %d reordered, %d late", len(calm.tickets), len(w.faults), counts.Reordered.Load(), counts.Late.Load())
			w.compare(t, calm, rough)
			if counts.Held.Load() != 0 {
				t.Errorf("%d still wait", counts.Held.Load())
			}
		})
	}
}

// TestStragglers holds what is left of the promise beyond the window: whatever arrives is stored, however late; what rules find that lasts is
// found, with another onset at most where a reading is missing while the metric hovers about the bound of the rule; and what comes late pages nobody.
func TestStragglers(t *testing.T) {
	for _, seed := range seeds(t, 1) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, seed)
			calm, _ := w.run(t, inOrder(w.letters), 0, 0)
			w.road.troubles = []trouble{{"", straggling, w.begin + hour, w.end - hour}}
			deliveries := w.road.deliver(w.letters)
			rough, counts := w.run(t, deliveries, 0, 0)
			t.Logf("%d late, %d reordered", counts.Late.Load(), counts.Reordered.Load())
			if counts.Late.Load() < 1000 {
				t.Errorf("%d readings were late: too few to tell", counts.Late.Load())
			}
			w.stored(t, deliveries, rough)
			for _, pair := range [][2][]tickets.Ticket{{calm.tickets, rough.tickets}, {rough.tickets, calm.tickets}} {
				for i := range pair[0] {
					if ticket := &pair[0][i]; lasts(ticket) && !slices.ContainsFunc(pair[1], func(o tickets.Ticket) bool {
						return o.Key() == ticket.Key() && o.OnsetAt.Sub(ticket.OnsetAt).Abs() <= 10*time.Minute
					}) {
						t.Errorf("only one road has %s of %s, onset %s", ticket.FaultCode, ticket.Device, when(ticket.OnsetAt, 0))
					}
				}
			}
			for i := range rough.tickets {
				if ticket := &rough.tickets[i]; ticket.Backfill {
					t.Errorf("%s of %s is a ticket of old readings", ticket.FaultCode, ticket.Device)
				}
			}
		})
	}
}

// lasts tells that a ticket is about something that a rule reads from metrics and that lasted for a quarter of an hour.
func lasts(t *tickets.Ticket) bool {
	switch t.FaultCode {
	case detectors.FaultAbnormal, detectors.FaultSilence, detectors.FaultCrashLoop:
		return false
	}
	return !t.ClearedAt.IsZero() && t.ClearedAt.Sub(t.OnsetAt) > 15*time.Minute
}

// stored holds that every device has as many readings of each metric as messages with readings that arrived.
func (w *world) stored(t *testing.T, deliveries []delivery, o outcome) {
	t.Helper()
	arrived, count := map[*letter]bool{}, map[string]int{}
	for _, d := range deliveries {
		if !d.event && !arrived[d.letter] {
			arrived[d.letter] = true
			count[d.device]++
		}
	}
	for key, n := range o.readings {
		if n != count[key.Device] {
			t.Errorf("%s of %s: %d readings stored, want %d", key.Metric, key.Device, n, count[key.Device])
		}
	}
}

// seeds returns the seeds to run: some, as many as PRESAGE_TEST_SIMULATION_SEEDS says, or the one of PRESAGE_TEST_SIMULATION_SEED.
func seeds(t testing.TB, some int) (list []uint64) {
	if one := os.Getenv("PRESAGE_TEST_SIMULATION_SEED"); one != "" {
		seed, err := strconv.ParseUint(one, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return []uint64{seed}
	}
	if many := os.Getenv("PRESAGE_TEST_SIMULATION_SEEDS"); many != "" {
		n, err := strconv.Atoi(many)
		if err != nil {
			t.Fatal(err)
		}
		some = n
	}
	for seed := range some {
		list = append(list, uint64(seed)+1)
	}
	return list
}

// compare holds what came over the rough road to what came over the calm one.
func (w *world) compare(t *testing.T, calm, rough outcome) {
	t.Helper()
	for key, n := range calm.readings {
		if rough.readings[key] != n {
			t.Errorf("%s of %s: %d readings stored, want %d", key.Metric, key.Device, rough.readings[key], n)
		}
	}
	absent := w.away()
	var want, got []essence
	for i := range calm.tickets {
		want = append(want, w.essenceOf(&calm.tickets[i], nil))
	}
	missed := map[string]int{}
	for i := range rough.tickets {
		ticket := &rough.tickets[i]
		if _, away := absent[ticket.Device]; away && ticket.FaultCode == detectors.FaultSilence {
			missed[ticket.Device]++
			continue
		}
		got = append(got, w.essenceOf(ticket, w.skew))
	}
	for d := range absent {
		if missed[d] != 1 {
			t.Errorf("%s was out of reach: %d tickets of silence, want 1", d, missed[d])
		}
	}
	for _, e := range got {
		if !slices.Contains(want, e) {
			t.Errorf("only on the rough road: %+v", e)
		}
	}
	for _, e := range want {
		if !slices.Contains(got, e) {
			t.Errorf("only on the calm road:  %+v", e)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d tickets, want %d", len(got), len(want))
	}
	w.dated(t, calm, rough)
	w.quiet(t, rough)
}

func (w *world) essenceOf(t *tickets.Ticket, skew map[string]int64) essence {
	off := skew[t.Device]
	e := essence{
		device: t.Device, component: t.Component, code: t.FaultCode, severity: t.Severity.String(),
		onset: when(t.OnsetAt, off), cleared: when(t.ClearedAt, off), occurrences: t.Occurrences,
	}
	if t.FaultCode == detectors.FaultSilence { // the last message before it may have come late, or twice
		e.onset, e.cleared = when(t.OnsetAt.Round(30*time.Minute), 0), when(t.ClearedAt.Round(30*time.Minute), 0)
	}
	return e
}

// dated holds that a ticket of old readings is dated when it would have been opened on the calm road, and any other as soon as its message came.
func (w *world) dated(t *testing.T, calm, rough outcome) {
	t.Helper()
	opened := map[essence]int64{}
	for i := range calm.tickets {
		opened[w.essenceOf(&calm.tickets[i], nil)] = calm.tickets[i].OpenedAt.UnixMilli()
	}
	for i := range rough.tickets {
		ticket := &rough.tickets[i]
		at, ok := opened[w.essenceOf(ticket, w.skew)]
		if !ok || ticket.FaultCode == detectors.FaultSilence {
			continue
		}
		latest := at + 101_000
		for _, tr := range w.road.troubles {
			if tr.holdsUp(ticket.Device) && tr.from-2*minute <= at && at < tr.to+2*minute {
				latest = max(latest, tr.to+3*minute)
			}
		}
		if ticket.Backfill {
			latest = at
		}
		got := ticket.OpenedAt.UnixMilli()
		if own := got - w.skew[ticket.Device]; own >= at-worldStep.Milliseconds()-1000 && own <= at+1000 {
			continue // in the time of the device, as of a backfill, be it that the fault was still there later
		}
		if got < at-1000 || got > latest+1000 {
			t.Errorf("%s of %s: opened at %s, want %s to %s (backfill %t)", ticket.FaultCode, ticket.Device,
				when(ticket.OpenedAt, 0), when(time.UnixMilli(at), 0), when(time.UnixMilli(latest), 0), ticket.Backfill)
		}
	}
}

// quiet holds that what came and went while a device was out of reach pages nobody, is closed, and is dated in its own time.
func (w *world) quiet(t *testing.T, rough outcome) {
	t.Helper()
	seen := 0
	for i := range rough.tickets {
		ticket := &rough.tickets[i]
		if ticket.FaultCode == detectors.FaultSilence {
			continue
		}
		for _, tr := range w.road.troubles {
			past := tr.kind == away && tr.device == ticket.Device && ticket.OnsetAt.UnixMilli() > tr.from &&
				!ticket.ClearedAt.IsZero() && ticket.ClearedAt.UnixMilli() < tr.to-hour
			if past {
				seen++
			}
			if past && (!ticket.Backfill || ticket.Open() || ticket.Resolution != tickets.ResolutionRecovered || len(rough.loud[ticket.ID]) > 0 || ticket.Assignee != "") {
				t.Errorf("%s of %s came and went while it was out of reach: backfill %t, open %t, resolution %q, assignee %q, paged %v",
					ticket.FaultCode, ticket.Device, ticket.Backfill, ticket.Open(), ticket.Resolution, ticket.Assignee, rough.loud[ticket.ID])
			}
		}
	}
	if seen == 0 {
		t.Error("no fault came and went while its device was out of reach: the seed shows too little")
	}
}
