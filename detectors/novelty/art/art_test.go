package art

import "testing"

func TestWhatWasLearnedIsNotNew(t *testing.T) {
	c := New(0.95, 4)
	low := [Width]float64{0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1}
	high := [Width]float64{0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9}
	if n := c.Observe(&low); n <= 0.99 {
		t.Errorf("the first pattern is new by %v", n)
	}
	if n := c.Observe(&low); n != 0 {
		t.Errorf("the same again is new by %v", n)
	}
	if n := c.Observe(&high); n < 0.5 {
		t.Errorf("the opposite is new by %v", n)
	}
	near := low
	near[0] = 0.15 // joins low's category, whose box then holds both
	if n := c.Observe(&near); n <= 0 || n > 0.05 || len(c.boxes) != 2 {
		t.Errorf("a pattern near another is new by %v, %d categories", n, len(c.boxes))
	}
	if n := c.Observe(&near); n != 0 {
		t.Errorf("the same again is new by %v", n)
	}
}

// The category that was matched longest ago makes room, and goes first where there is less room.
func TestLeastRecentlyUsedMakesRoom(t *testing.T) {
	c := New(0.99, 3)
	at := func(v float64) *[Width]float64 {
		var p [Width]float64
		for i := range p {
			p[i] = v
		}
		return &p
	}
	for _, v := range []float64{0, 0.3, 0.6, 0, 0.9} { // 0.9 takes the place of 0.3
		c.Observe(at(v))
	}
	r := c.Resize(2) // keeps 0 and 0.9
	for _, v := range []float64{0, 0.9} {
		if n := r.Observe(at(v)); n != 0 {
			t.Errorf("%v was forgotten: new by %v", v, n)
		}
	}
	if n := c.Observe(at(0.3)); n == 0 {
		t.Error("0.3 is remembered in a full room")
	}
}
