package prototype

import (
	"math"
	"testing"
)

func TestPrototypes(t *testing.T) {
	s := New(1, 16)
	wave := func(i int) float32 { return float32(1000 + 10*math.Sin(2*math.Pi*float64(i)/12)) }
	usual := 0.0
	for i := range 600 {
		if d, ok := s.Observe(wave(i)); ok && i > 300 {
			usual = max(usual, d)
		}
	}
	if usual > 25 {
		t.Errorf("a wave that goes on is up to %.2f from its prototypes", usual)
	}
	if d, ok := s.Observe(1500); !ok || d < 10*usual || d < 400 {
		t.Errorf("a jump by 500 is %.1f away, usual is %.2f", d, usual)
	}
	if d, _ := s.Observe(-1e30); math.IsNaN(d) || math.IsInf(d, 0) {
		t.Errorf("distance %v", d)
	}
}

func TestResizeKeepsTheNewest(t *testing.T) {
	s := New(1, 64)
	for i := range 400 {
		s.Observe(float32(i % 50))
	}
	r := s.Resize(8)
	if len(r.windows) != 8 || cap(r.windows) != 8 {
		t.Fatalf("%d of %d prototypes", len(r.windows), cap(r.windows))
	}
	for _, w := range r.windows {
		newer := 0
		for _, o := range s.windows {
			if o.used > w.used {
				newer++
			}
		}
		if newer >= 8 {
			t.Errorf("a prototype that %d are newer than was kept", newer)
		}
	}
}
