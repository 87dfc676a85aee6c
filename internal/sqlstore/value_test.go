package sqlstore

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/presage-pdm/presage/tickets"
)

// FuzzCursor reads cursors of strangers: those that are taken have the right shape, hold texts that both engines take,
// and are written and read again as the same.
func FuzzCursor(f *testing.F) {
	c := cursor{Sort: "opened", Times: []time.Time{time.UnixMilli(1_700_000_000_000).UTC()}, Ints: []int64{7}, Texts: []string{"T-1"}}
	f.Add(c.String())
	f.Add("e30")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseCursor(text, "opened", 1, 1, 1)
		if err != nil {
			if !errors.Is(err, ErrBadCursor) || !errors.Is(err, tickets.ErrBadFilter) {
				t.Fatal(err)
			}
			return
		}
		if clean(got.Texts[0]) != got.Texts[0] {
			t.Fatalf("a text that PostgreSQL does not take: %q", got.Texts[0])
		}
		again, err := parseCursor(got.String(), "opened", 1, 1, 1)
		if err != nil || !reflect.DeepEqual(again, got) && !again.Times[0].Equal(got.Times[0]) {
			t.Fatalf("%+v became %+v, %v", got, again, err)
		}
	})
}
