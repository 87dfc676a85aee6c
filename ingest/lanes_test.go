package ingest_test

import (
	"slices"
	"testing"
)

func TestLanesStoreAndReport(t *testing.T) {
	h := newHouse(t)
	r := h.start()
	put(t, r.log, readings(0, 700)...)
	r.dealtWith()
	if n := h.series.count(); n != 700 {
		t.Errorf("%d samples stored, want 700", n)
	}
	if n := len(h.desk.ids()); n != 70 {
		t.Errorf("%d findings reported, want 70", n)
	}
	if err := r.lanes.Ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
	if err := r.finish(); err != nil {
		t.Errorf("finish: %v", err)
	}
}

// TestReplay holds every way of stopping to the same findings as never having stopped.
func TestReplay(t *testing.T) {
	whole := newHouse(t)
	r := whole.start()
	put(t, r.log, readings(0, 1400)...)
	r.dealtWith()
	if err := r.finish(); err != nil {
		t.Fatal(err)
	}
	want := whole.desk.ids()

	for _, c := range []struct {
		name string
		stop func(*running)
	}{
		{"with a checkpoint", func(r *running) {
			if err := r.finish(); err != nil {
				t.Errorf("finish: %v", err)
			}
		}},
		{"without a checkpoint", func(r *running) { r.kill() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			for part := range 7 {
				r := h.start()
				put(t, r.log, readings(part*200, 200)...)
				if part%2 == 0 {
					r.dealtWith()
				}
				c.stop(r)
			}
			r := h.start()
			r.dealtWith()
			if got := h.desk.ids(); !slices.Equal(got, want) {
				t.Errorf("%d findings, want %d: got %q, want %q", len(got), len(want), got, want)
			}
			if n := h.series.count(); n != 1400 {
				t.Errorf("%d samples stored, want 1400", n)
			}
		})
	}
}
