package detectors_test

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/presage-pdm/presage/detectors"
)

// A checkpoint with readings and events that wait, restored at any point, equals never having stopped.
func TestWaitingSurvivesRestarts(t *testing.T) {
	for seed := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed, 2))
		messages := steady(rng, 400)
		for i := range messages {
			if i > 30 && rng.IntN(6) == 0 {
				messages[i].at += int64(rng.IntN(200_000)) // at times beyond the window
			}
		}
		slices.SortStableFunc(messages, func(a, b sent) int { return cmp.Compare(a.at, b.at) })
		counts := &detectors.Counts{}
		cfg := detectors.DefaultConfig()
		cfg.Counts = counts
		whole, stopped := detectors.NewEngine(cfg, plans(t, ruleBook)), engine(t, ruleBook)
		next, restarts := 0, 0
		for tick := start; tick < start+4_400_000; tick += 1000 {
			for ; next < len(messages) && messages[next].at <= tick; next++ {
				a, b := messages[next].Batch, messages[next].Batch
				a.Arrival, b.Arrival = messages[next].at, messages[next].at
				same(t, whole.Apply(&a), stopped.Apply(&b))
			}
			same(t, whole.Tick(tick), stopped.Tick(tick))
			if rng.IntN(50) == 0 && counts.Held.Load() > 0 {
				stopped = restarted(t, stopped, ruleBook)
				restarts++
			}
		}
		if restarts < 10 || counts.Late.Load() == 0 {
			t.Fatalf("seed %d: %d restarts while something waited, %d late: too little to tell", seed, restarts, counts.Late.Load())
		}
		if !bytes.Equal(whole.AppendState(nil), stopped.AppendState(nil)) {
			t.Fatalf("seed %d: the state differs after restarts", seed)
		}
	}
}

// A checkpoint in the third form, which knew nothing of novelty, is still read.
func TestRestoreOfTheThirdForm(t *testing.T) {
	data, err := os.ReadFile("testdata/checkpoint-3.bin")
	if err != nil {
		t.Fatal(err)
	}
	cfg, p := detectors.DefaultConfig(), withNovelty(t, ruleBook, distance{})
	e := detectors.NewEngine(cfg, p)
	if err := e.Restore(data); err != nil {
		t.Fatal(err)
	}
	again := detectors.NewEngine(cfg, p)
	if err := again.Restore(e.AppendState(nil)); err != nil {
		t.Fatal(err)
	}
	want(t, again.Apply(event("crash", start+31_000, "b")), "") // a redelivery
	want(t, again.Apply(event("crash", start+32_000, "c")), "raised crash-loop software")
	want(t, again.Apply(reading("volts", start+30_000, 4)), "cleared trial device (shadow)")
	for i := range data {
		if fresh := detectors.NewEngine(cfg, p); fresh.Restore(slices.Clone(data[:i])) == nil {
			t.Fatalf("the first %d bytes are taken for a checkpoint", i)
		}
	}
}

func same(t *testing.T, a, b []detectors.Finding) {
	t.Helper()
	if x, y := story(a), story(b); !slices.Equal(x, y) {
		t.Fatalf("found %q after a restart, want %q", y, x)
	}
}

// A checkpoint in the second form is still read, and goes on in that of today. The device in it reported steadily, which is learned anew.
func TestRestoreOfTheSecondForm(t *testing.T) {
	data, err := os.ReadFile("testdata/checkpoint-2.bin")
	if err != nil {
		t.Fatal(err)
	}
	e := engine(t, ruleBook)
	if err := e.Restore(data); err != nil {
		t.Fatal(err)
	}
	e = restarted(t, e, ruleBook)
	const later = start + 500_000
	want(t, e.Apply(event("crash", start+2000, "b")), "") // a redelivery
	want(t, e.Apply(event("crash", later, "e")), "raised crash-loop software")
	want(t, e.Apply(reading("volts", later, 4)), "cleared trial device (shadow)")
	p := plans(t, ruleBook)
	for i := range data {
		if fresh := detectors.NewEngine(detectors.DefaultConfig(), p); fresh.Restore(slices.Clone(data[:i])) == nil {
			t.Fatalf("the first %d bytes are taken for a checkpoint", i)
		}
	}
}

// A checkpoint in the fourth form, which had judged the novelty of every reading, is still read: what was decided holds.
func TestRestoreOfTheFourthForm(t *testing.T) {
	data, err := os.ReadFile("testdata/checkpoint-4.bin")
	if err != nil {
		t.Fatal(err)
	}
	cfg, p := detectors.DefaultConfig(), withNovelty(t, ruleBook, distance{})
	e := detectors.NewEngine(cfg, p)
	if err := e.Restore(data); err != nil {
		t.Fatal(err)
	}
	again := detectors.NewEngine(cfg, p)
	if err := again.Restore(e.AppendState(nil)); err != nil {
		t.Fatal(err)
	}
	want(t, again.Apply(event("crash", start+602_000, "b")), "") // a redelivery
	want(t, again.Apply(event("crash", start+603_000, "c")), "raised crash-loop software")
	var ended []detectors.Finding
	for i := range int64(1000) {
		ended = append(ended, again.Apply(reading("flow", start+610_000+i*1000, 20+float64(i%5)/2))...)
	}
	want(t, ended, "cleared abnormal-behaviour device")
	for i := range data {
		if fresh := detectors.NewEngine(cfg, p); fresh.Restore(slices.Clone(data[:i])) == nil {
			t.Fatalf("the first %d bytes are taken for a checkpoint", i)
		}
	}
}
