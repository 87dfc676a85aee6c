package residual

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
)

const start = int64(1_700_000_000_000) // Unix milliseconds

func method() *Method {
	return New(Config{On: "temp", Given: []string{"load", "outside"}, Lag: time.Minute, MaxAge: time.Minute})
}

// machine is a device whose temperature follows the square of its load, slowly, and the temperature outside. One reading a second.
type machine struct {
	rng                            *rand.Rand
	at                             int64
	offset, outside, load, slow, e float64
	readings                       map[string]float64
}

// newMachine returns one of a fleet: offsets differ by a deviation of 1, the temperature of a block by about 0.3.
func newMachine(seed uint64) *machine {
	rng := rand.New(rand.NewPCG(seed, 7))
	m := &machine{rng: rng, at: start, offset: rng.NormFloat64(), outside: 10 + 10*rng.Float64(), load: 50, slow: 2500, readings: map[string]float64{}}
	return m
}

// next is one second more of it, with an error of the sensor.
func (m *machine) next(wrong float64) *detectors.Input {
	m.at += 1000
	if m.rng.IntN(60) == 0 {
		m.load = 100 * m.rng.Float64()
	}
	m.outside += 0.01 * m.rng.NormFloat64()
	m.slow += (m.load*m.load - m.slow) / 60
	m.e += 0.1*m.rng.NormFloat64() - 0.05*m.e
	m.readings["temp"] = 20 + m.offset + m.outside + m.slow/200 + m.e + wrong
	m.readings["load"], m.readings["outside"] = m.load, m.outside
	return &detectors.Input{Kind: detectors.MomentInput, Time: m.at, Latest: func(name string) (float64, int64, bool) {
		v, ok := m.readings[name]
		return v, m.at, ok
	}}
}

// run feeds readings and returns after how many the condition held, -1 for never.
func run(d detectors.Detector, m *machine, n int, wrong func(i int) float64) int {
	for i := range n {
		if d.Observe(m.next(wrong(i))) != detectors.Healthy {
			return i + 1
		}
	}
	return -1
}

func none(int) float64 { return 0 }

// taught returns what so many devices have shared, each in half an hour more than two chapters.
func taught(t testing.TB, devices int) *shared {
	s := method().NewShared().(*shared)
	for i := range devices {
		if at := run(joined(s), newMachine(uint64(i)), 3000, none); at >= 0 {
			t.Fatalf("healthy device %d is found to be off after %d readings", i, at)
		}
	}
	return s
}

func joined(s *shared) detectors.Detector {
	d := method().New("", noPlan)
	d.(detectors.Member).Join(s)
	return d
}

func TestNewDeviceIsJudgedByWhatOthersTaught(t *testing.T) {
	s := taught(t, 25)
	for i := range 20 {
		if at := run(joined(s), newMachine(1000+uint64(i)), 3000, none); at >= 0 {
			t.Errorf("healthy device %d is found to be off after %d readings", i, at)
		}
	}
	for _, c := range []struct {
		name  string
		least int // of 20
		by    int // readings
		wrong func(i int) float64
	}{
		// The raw temperature has a deviation of 15: none of these is large in it.
		{"a bias from the first reading on", 20, 200, func(int) float64 { return 12 }},
		{"a bias after twenty minutes", 20, 1500, func(i int) float64 { return map[bool]float64{true: 6}[i >= 1200] }},
		{"a drift of a degree in five minutes", 20, 4500, func(i int) float64 { return max(0, float64(i-1200)/300) }},
	} {
		found := 0
		for i := range 20 {
			d := joined(s)
			at := run(d, newMachine(2000+uint64(i)), c.by, c.wrong)
			if at < 0 {
				continue
			}
			found++
			e := d.Explain()
			sig := e.Signals[0]
			if e.Reason.Key != detectors.ReasonContextAbove || sig.Metric != "temp" || !(sig.Actual > *sig.High && sig.Expected < *sig.High && *sig.Low < sig.Expected) || e.Onset > start+int64(at)*1000 {
				t.Errorf("%s: explained by %+v %+v", c.name, e, sig)
			}
		}
		if found < c.least {
			t.Errorf("%s: found on %d of 20 devices", c.name, found)
		}
	}
}

// Without other metrics a new device borrows the level and the spread of the others: what is far from all of them is found in its first minutes, and what
// is far from itself alone once it has a past of its own.
func TestYoungDeviceBorrowsFromItsCohort(t *testing.T) {
	m := New(Config{On: "temp", Lag: time.Minute, MaxAge: time.Minute})
	s := m.NewShared()
	rng := rand.New(rand.NewPCG(3, 3))
	watch := func(level float64, n int, wrong func(i int) float64) int {
		d := m.New("", noPlan).(detectors.Member)
		d.Join(s)
		for i := range n {
			at := start + int64(i)*1000
			v := level + 0.5*rng.NormFloat64() + wrong(i)
			in := detectors.Input{Kind: detectors.MomentInput, Time: at, Latest: func(string) (float64, int64, bool) { return v, at, true }}
			if d.Observe(&in) == detectors.Faulty {
				return i + 1
			}
		}
		return -1
	}
	for range 30 {
		if at := watch(50+rng.NormFloat64(), 1300, none); at >= 0 {
			t.Fatalf("a device that teaches is found to be off after %d readings", at)
		}
	}
	if at := watch(51, 1300, none); at >= 0 {
		t.Errorf("a healthy device is found to be off after %d readings", at)
	}
	if at := watch(60, 1300, none); at < 0 || at > 200 {
		t.Errorf("a device ten deviations from the others is found after %d readings, want at most 200", at)
	}
	step := func(from int) func(int) float64 {
		return func(i int) float64 { return map[bool]float64{true: 2.5}[i >= from] }
	}
	if at := watch(50, 1300, step(0)); at >= 0 {
		t.Errorf("a device within the others is found to be off after %d readings", at)
	}
	if at := watch(50, 1300, step(800)); at < 800 || at > 1000 {
		t.Errorf("a device that moved by five of its own deviations after 800 readings is found after %d", at)
	}
}

func TestNothingIsJudgedBeforeEnoughHaveTaught(t *testing.T) {
	s := taught(t, 6)
	if at := run(joined(s), newMachine(9), 3000, func(int) float64 { return 1000 }); at >= 0 {
		t.Errorf("judged by what six devices have shown, after %d readings", at)
	}
}

// Who has a fault teaches nothing, and neither does who is found to be off by this.
func TestOnlySoundDevicesTeach(t *testing.T) {
	s := taught(t, 25)
	before := s.AppendState(nil)
	d, m := joined(s), newMachine(77)
	for range 3000 {
		in := m.next(0)
		in.Sound = func() bool { return false }
		d.Observe(in)
	}
	if !bytes.Equal(before, s.AppendState(nil)) {
		t.Error("a device with a fault has taught")
	}
	d, m = joined(s), newMachine(78)
	for range 3000 {
		d.Observe(m.next(30))
	}
	if !bytes.Equal(before, s.AppendState(nil)) {
		t.Error("a device that is off has taught")
	}
}

// One device does not outweigh the others, however long it runs: what it taught makes up less than a third after a hundred chapters.
func TestOneDeviceDoesNotOutweighOthers(t *testing.T) {
	s := taught(t, 25)
	before := s.moments.n
	run(joined(s), newMachine(5), 100*chapterLen*blockLen, none)
	if more := s.moments.n - before; more > before/2 {
		t.Errorf("it counts %.0f blocks, the 25 others %.0f", more, before)
	}
}

// What cannot be used leaves no trace.
func TestReadingsThatCannotBeUsed(t *testing.T) {
	s := taught(t, 9)
	d := joined(s)
	m := newMachine(3)
	run(d, m, 10, none)
	before := s.AppendState(d.AppendState(nil))
	for i, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -1e100} {
		in := m.next(0)
		m.readings[[]string{"temp", "load", "outside"}[i%3]] = v
		d.Observe(in)
	}
	in := m.next(0)
	delete(m.readings, "outside")
	d.Observe(in)
	if !bytes.Equal(before, s.AppendState(d.AppendState(nil))) {
		t.Error("the state changed")
	}
	for range 4000 { // as large as it is believed, and constant
		in := m.next(0)
		m.readings["temp"], m.readings["load"], m.readings["outside"] = 1e60, -1e60, 0
		d.Observe(in)
	}
	again := method().NewShared()
	if err := again.RestoreState(s.AppendState(nil)); err != nil {
		t.Errorf("after the largest readings: %v", err)
	}
}

// A restart at any reading equals never having stopped.
func TestRestoreEqualsNeverHavingStopped(t *testing.T) {
	s := taught(t, 12)
	other := method().NewShared().(*shared)
	if err := other.RestoreState(s.AppendState(nil)); err != nil {
		t.Fatal(err)
	}
	a, b := joined(s), joined(other)
	ma, mb := newMachine(50), newMachine(50)
	rng := rand.New(rand.NewPCG(4, 4))
	faulty := 0
	for i := range 6000 {
		wrong := map[bool]float64{true: 8}[i > 3000 && i < 4000]
		va, vb := a.Observe(ma.next(wrong)), b.Observe(mb.next(wrong))
		if va != vb {
			t.Fatalf("reading %d: %v, and %v after a restart", i, va, vb)
		}
		if va == detectors.Faulty {
			faulty++
		}
		if rng.IntN(50) == 0 {
			s2 := method().NewShared().(*shared)
			d := method().New("", noPlan)
			if err := s2.RestoreState(other.AppendState(nil)); err != nil {
				t.Fatal(err)
			}
			if err := d.RestoreState(b.AppendState(nil)); err != nil {
				t.Fatal(err)
			}
			d.(detectors.Member).Join(s2)
			b, other = d, s2
		}
	}
	if faulty == 0 || faulty > 3000 {
		t.Fatalf("%d readings are off", faulty)
	}
	if !bytes.Equal(a.AppendState(nil), b.AppendState(nil)) || !bytes.Equal(s.AppendState(nil), other.AppendState(nil)) {
		t.Error("the state is another after restarts")
	}
}

func TestMomentsAndRegression(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	whole, parts := newMoments(4), newMoments(4)
	part := newMoments(4)
	for i := range 3000 {
		x, y := rng.NormFloat64(), 1e3+10*rng.NormFloat64()
		v := []float64{x, y, 5, 3 + 2*x - 0.5*y + 0.01*rng.NormFloat64()}
		whole.add(v)
		part.add(v)
		if i%700 == 0 {
			parts.merge(&part, 1)
			part.reset()
		}
	}
	parts.merge(&part, 1)
	if a, b := slices.Concat(whole.mean, whole.co), slices.Concat(parts.mean, parts.co); !slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) <= 1e-6*(1+math.Abs(x)) }) {
		t.Errorf("merged %v, want %v", b, a)
	}
	l := whole.solve()
	got, far := l.expect(&whole, []float64{1, 1010, 5}, make([]float64, 3))
	if want := 3 + 2*1 - 0.5*1010; math.Abs(got-want) > 0.03 || far > 2 { // the ridge takes a thousandth
		t.Errorf("expected %.3f, want %.3f; %.2f away", got, want, far)
	}
	if _, far := l.expect(&whole, []float64{1e9, 1010, 5}, make([]float64, 3)); far < 4 || far > 20 {
		t.Errorf("what was never seen is %.2f away", far)
	}
}

func FuzzRestore(f *testing.F) {
	s := taught(f, 12)
	d, m := joined(s), newMachine(99)
	f.Add(d.AppendState(nil), s.AppendState(nil))
	for i := range 1900 {
		d.Observe(m.next(0))
		if i%450 == 7 {
			f.Add(d.AppendState(nil), s.AppendState(nil))
		}
	}
	f.Fuzz(func(t *testing.T, state, cohort []byte) {
		d, s := method().New("", noPlan), method().NewShared()
		if d.RestoreState(state) != nil || s.RestoreState(cohort) != nil {
			return
		}
		written, shared := d.AppendState(nil), s.AppendState(nil)
		again, other := method().New("", noPlan), method().NewShared()
		if again.RestoreState(written) != nil || other.RestoreState(shared) != nil {
			t.Fatal("what was restored cannot be restored again")
		}
		if !bytes.Equal(again.AppendState(nil), written) || !bytes.Equal(other.AppendState(nil), shared) {
			t.Fatal("what was restored is written otherwise")
		}
		d.(detectors.Member).Join(s)
		m := newMachine(1)
		for range 700 {
			if d.Observe(m.next(0)) == detectors.Faulty {
				d.Explain()
			}
		}
	})
}

func BenchmarkObserve(b *testing.B) {
	s := taught(b, 12)
	d, m := joined(s), newMachine(1)
	in := m.next(0)
	b.ReportAllocs()
	for b.Loop() {
		m.at += 1000
		in.Time = m.at
		d.Observe(in)
	}
	b.ReportMetric(float64(len(d.AppendState(nil))), "B/device")
	b.ReportMetric(float64(len(s.AppendState(nil))), "B/cohort")
}
