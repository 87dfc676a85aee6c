package detectors_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/stat"
	"github.com/presage-pdm/presage/telemetry"
)

// distance is a method of novelty that is small enough to be checked by hand: the surprise of a reading is its distance from the mean of the first ten.
type distance struct{ version int }

func (distance) Name() string   { return "distance" }
func (d distance) Version() int { return max(1, d.version) }
func (distance) New(tier detectors.Tier) detectors.Novelty {
	return &distanceJudge{tier: tier}
}

type distanceJudge struct {
	tier    detectors.Tier
	n, mean float64
}

func (j *distanceJudge) Observe(_ int64, value float64) detectors.Surprise {
	if value == -1000 {
		panic("the value that it cannot bear")
	}
	s := detectors.Surprise{Sum: math.Abs(value - j.mean), Warm: j.n >= 10, Strongest: "distance"}
	if j.n < 10 {
		j.n++
		j.mean += (value - j.mean) / j.n
	}
	return s
}
func (j *distanceJudge) Tier() detectors.Tier        { return j.tier }
func (j *distanceJudge) SetTier(tier detectors.Tier) { j.tier = tier }
func (j *distanceJudge) Size() int                   { return 24 }
func (j *distanceJudge) AppendState(dst []byte) []byte {
	return stat.AppendFloats(append(dst, byte(j.tier)), j.n, j.mean)
}
func (j *distanceJudge) RestoreState(src []byte) error {
	r := stat.NewReader(src)
	j.tier = detectors.Tier(r.Byte())
	r.Floats(&j.n, &j.mean)
	return r.Done()
}

// withNovelty adds a method of novelty to the plan of a catalogue.
func withNovelty(t testing.TB, yaml string, method detectors.NoveltyMethod) onePlan {
	p := *plans(t, yaml).Plan("default", "d1")
	p.Novelty = method
	return onePlan{&p}
}

// lane is an engine with a budget for novelty, and what its metrics say.
type lane struct {
	*detectors.Engine
	t        *testing.T
	registry *prometheus.Registry
	now      int64
}

func newLane(t *testing.T, memory int64, criticality func(device string) int) *lane {
	l := &lane{t: t, registry: prometheus.NewRegistry(), now: start}
	cfg := detectors.DefaultConfig()
	cfg.NoveltyMemory, cfg.Meter = memory, detectors.NewMetrics(l.registry).Lane(0)
	if criticality != nil {
		cfg.Criticality = func(_, device string) int { return criticality(device) }
	}
	l.Engine = detectors.NewEngine(cfg, withNovelty(t, ruleBook, distance{}))
	return l
}

// send gives each of n devices one reading.
func (l *lane) send(n int, value func(device int) float64) {
	for i := range n {
		b := reading("flow", l.now, value(i))
		b.Device = fmt.Sprintf("d%04d", i)
		l.Apply(b)
	}
	l.now += 1000
}

// minutes lets the clock of the journal go on.
func (l *lane) minutes(n int) {
	for range n * 60 {
		l.Tick(l.now)
		l.now += 1000
	}
}

// tiers returns how many series have each tier, as the metrics show them.
func (l *lane) tiers() [3]int {
	l.t.Helper()
	families, err := l.registry.Gather()
	if err != nil {
		l.t.Fatal(err)
	}
	var out [3]int
	for _, f := range families {
		if f.GetName() != "presage_detection_novelty_series" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, label := range m.GetLabel() {
				for tier := detectors.BaseTier; tier <= detectors.FullTier; tier++ {
					if label.GetValue() == tier.String() {
						out[tier] = int(m.GetGauge().GetValue())
					}
				}
			}
		}
	}
	return out
}

func (l *lane) wantTiers(base, promoted, full int) {
	l.t.Helper()
	if got, want := l.tiers(), [3]int{base, promoted, full}; got != want {
		l.t.Fatalf("%v series have the base, promoted and full tier, want %v", got, want)
	}
}

func healthy(int) float64 { return 20 }

// A small fleet gets the promoted tier at once; as it grows the memory is shared, ordinary series first give theirs back, and the limit is never exceeded.
func TestNoveltyStaysWithinItsMemory(t *testing.T) {
	const limit = 1 << 20
	l := newLane(t, limit, nil)
	for _, c := range []struct{ devices, base, promoted, full int }{
		{1, 0, 1, 0},
		{20, 0, 20, 0},
		{100, 0, 100, 0},
		{200, 144, 56, 0}, // 800 KiB are base for all; 56 may keep more
		{1000, 230, 0, 0}, // as many as fit into nine tenths of the limit
		{1001, 230, 0, 0},
	} {
		l.send(c.devices, healthy)
		for range 5 {
			l.minutes(1)
			if used := value(t, l.registry, "presage_detection_novelty_bytes"); used > limit {
				t.Fatalf("%d devices: %v bytes are set aside, %d are allowed", c.devices, used, limit)
			}
		}
		l.wantTiers(c.base, c.promoted, c.full)
	}
	none := newLane(t, 0, nil)
	none.send(3, healthy)
	none.minutes(2)
	none.wantTiers(0, 0, 0)
}

// What is urgent comes first: a critical device, one with a fault, one that surprises; and it gives back what it took when that is over.
func TestNoveltyGoesWhereItMatters(t *testing.T) {
	const devices, limit = 208, 1 << 20 // so many that nobody but those that matter get more than the base tier
	critical := func(device string) int {
		switch device {
		case "d0200", "d0201":
			return 4
		case "d0202":
			return 2
		}
		return 1
	}
	l := newLane(t, limit, critical)
	l.send(devices, healthy)
	l.minutes(2)
	l.wantTiers(174, 32, 2) // 31 keep what they had when the fleet was smaller

	// One device surprises for long enough to be suspicious, and calms down again.
	surprising := func(i int) float64 {
		if i == 0 {
			return 60
		}
		return 20
	}
	for range 12 {
		l.send(devices, healthy)
	}
	for range 8 {
		l.send(1, surprising)
	}
	l.minutes(2)
	if got := l.tiers(); got[2] != 3 {
		t.Fatalf("%v series have the base, promoted and full tier: the one that surprises has not the full one", got)
	}
	for range 30 { // the verdict lasts until the surprise is well below what began it: 3.5
		l.send(1, healthy)
	}
	l.minutes(2)
	if got := l.tiers(); got[2] != 3 {
		t.Fatalf("%v series have the base, promoted and full tier: hysteresis is missing", got)
	}
	for range 200 {
		l.send(1, healthy)
	}
	l.minutes(2)
	if got := l.tiers(); got[2] != 2 {
		t.Fatalf("%v series have the base, promoted and full tier: what calmed down has not given back", got)
	}

	// Three crashes are a fault of the component "software", a frost one of "cooling", to which the metric belongs.
	for i := range 3 {
		b := event("crash", l.now, fmt.Sprint(i))
		b.Device = "d0001"
		want(t, l.Apply(b), []string{"", "", "raised crash-loop software"}[i])
		l.now += 1000
	}
	frost := reading("temp", l.now, -1)
	frost.Device = "d0002"
	want(t, l.Apply(frost), "raised frost cooling")
	l.minutes(2)
	if got := l.tiers(); got[2] != 3 {
		t.Fatalf("%v series have the base, promoted and full tier: that of the component with a fault should have the full one, no others", got)
	}
}

// While nothing changes in the fleet but a few ranks at the border of the budget, tiers stay.
func TestNoveltyDoesNotFlap(t *testing.T) {
	level := 1
	l := newLane(t, 1<<20, func(device string) int {
		if device == "d0000" {
			return level
		}
		return 1
	})
	l.send(1000, healthy)
	l.minutes(3)
	changes, before := 0, l.tiers()
	for i := range 40 {
		level = 1 + 4*(i%2) // one device becomes critical, and no longer
		l.minutes(2)
		now := l.tiers()
		for tier := range now {
			changes += max(now[tier]-before[tier], before[tier]-now[tier])
		}
		before = now
	}
	if changes > 2*40 { // the device itself leaves one tier and enters another
		t.Errorf("%d changes of tier in 40 minutes, want those of one device", changes)
	}
}

// A judge that crashes starts afresh, and is off after the second crash; the rest of the device goes on.
func TestCrashOfNoveltyIsContained(t *testing.T) {
	e := detectors.NewEngine(detectors.DefaultConfig(), withNovelty(t, ruleBook, distance{}))
	want(t, e.Apply(reading("flow", start, -1000)), "")
	e.Tick(start) // it gets another
	for i := range int64(60) {
		e.Tick(start + i*1000)
	}
	want(t, e.Apply(reading("flow", start+61_000, -1000)), "raised detector-off device (notice)")
	for i := range int64(60) {
		e.Tick(start + (62+i)*1000)
	}
	again := detectors.NewEngine(detectors.DefaultConfig(), withNovelty(t, ruleBook, distance{}))
	if err := again.Restore(e.AppendState(nil)); err != nil {
		t.Fatal(err)
	}
	want(t, again.Apply(reading("flow", start+200_000, -1000)), "") // still off
	want(t, again.Apply(reading("volts", start+200_000, 6)), "raised trial device (shadow)")
}

// State of another version of the method is dropped, that of everything else is kept.
func TestNoveltyOfAnotherVersionStartsAfresh(t *testing.T) {
	e := detectors.NewEngine(detectors.DefaultConfig(), withNovelty(t, ruleBook, distance{}))
	for i := range int64(20) {
		e.Apply(reading("volts", start+i*1000, 6))
	}
	again := detectors.NewEngine(detectors.DefaultConfig(), withNovelty(t, ruleBook, distance{version: 2}))
	if err := again.Restore(e.AppendState(nil)); err != nil {
		t.Fatal(err)
	}
	want(t, again.Apply(reading("volts", start+20_000, 4)), "cleared trial device (shadow)")
	if a, b := len(again.AppendState(nil)), len(e.AppendState(nil)); a >= b {
		t.Errorf("%d bytes of state, of %d before", a, b)
	}
}

// BenchmarkNoveltyTick is the cost of a tick of a lane with 100,000 series, of which a sixtieth is fitted to the budget.
func BenchmarkNoveltyTick(b *testing.B) {
	e := detectors.NewEngine(detectors.DefaultConfig(), withNovelty(b, ruleBook, distance{}))
	for i := range 10_000 {
		batch := reading("m0", start, 20)
		batch.Device = fmt.Sprint(i)
		for m := range 9 {
			batch.Samples = append(batch.Samples, telemetry.Sample{Metric: fmt.Sprint("m", m+1), Time: start, Value: 20})
		}
		e.Apply(batch)
	}
	at := int64(start)
	for b.Loop() {
		at += 1000
		e.Tick(at)
	}
}
