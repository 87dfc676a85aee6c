package detectors

import (
	"testing"

	"github.com/presage-pdm/presage/detectors/stat"
)

// What came within the memory is known again, and one fast hour takes no memory for ever.
func TestRecent(t *testing.T) {
	cases := []struct {
		name            string
		step            int64 // ms between messages
		messages        int
		known, mostKept int
	}{
		{"one a minute", 60_000, 100, fewestRecent, fewestRecent},
		{"twenty a second", 50, 4000, 100, 110},
		{"as fast as it can", 0, 5000, mostRecent, mostRecent},
		{"a thousand a second", 1, 9000, mostRecent, mostRecent},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var r recent
			now := int64(1_000_000)
			for i := range c.messages {
				if now += c.step; r.add(uint32(i), now, true) {
					t.Fatalf("message %d was taken for an old one", i)
				}
			}
			for i := c.messages - c.known; i < c.messages; i++ {
				if !r.add(uint32(i), now, false) {
					t.Fatalf("message %d of %d is forgotten", i, c.messages)
				}
			}
			if len(r.keys) > c.mostKept {
				t.Errorf("%d are kept, want at most %d", len(r.keys), c.mostKept)
			}
			var restored recent
			if s := stat.NewReader(r.append(nil)); s.Err() != nil {
				t.Fatal(s.Err())
			} else if restored.read(s); s.Done() != nil || string(restored.append(nil)) != string(r.append(nil)) {
				t.Errorf("restored %+v, %v, from %+v", restored, s.Err(), r)
			}
			for i := range 20 * mostRecent {
				now += 10_000
				r.add(uint32(c.messages+i), now, true)
			}
			if len(r.keys) >= 2*fewestRecent {
				t.Errorf("%d are kept of a device that has become slow", len(r.keys))
			}
		})
	}
}
