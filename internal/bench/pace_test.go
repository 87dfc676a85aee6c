package bench

import (
	"slices"
	"testing"
	"time"
)

// All connections together offer exactly the rate, evenly.
func TestPaceOffersTheRate(t *testing.T) {
	began := time.Unix(1_700_000_000, 0)
	cfg := Config{Connections: 7, Rate: 700, Duration: 2 * time.Second}
	var due []time.Duration
	for i := range cfg.Connections {
		p := newPace(cfg, began, i)
		for n := range p.count {
			due = append(due, p.due(n).Sub(began))
		}
	}
	slices.Sort(due)
	if len(due) != 1400 {
		t.Fatalf("%d messages, want 1400", len(due))
	}
	for i, at := range due {
		want := time.Duration(i) * time.Second / 700
		if diff := (at - want).Abs(); diff > time.Microsecond {
			t.Fatalf("message %d is due at %v, want %v", i, at, want)
		}
	}
}

func TestScheduleSpreadsFaults(t *testing.T) {
	began := time.Unix(1_700_000_000, 0)
	faults := newFaults(Config{Faults: 2, Duration: 2 * time.Second})
	schedule(faults, began, 2*time.Second)
	for i, f := range faults {
		if want := time.Duration(250+500*i) * time.Millisecond; f.due.Sub(began) != want {
			t.Errorf("fault %d is due after %v, want %v", i, f.due.Sub(began), want)
		}
	}
}
