package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestRoom(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		name string
		room room
		want []string // in the details, one for each problem
	}{
		{"plenty", room{free: 50 * gib, size: 100 * gib, journal: gib, most: 4 * gib}, nil},
		{"just enough", room{free: gib, size: 100 * gib}, nil},
		{"less than a hundredth", room{data: "/var/lib/presage", free: gib - 1, size: 100 * gib}, []string{"The disk of /var/lib/presage has 1024.0 MiB of 100.0 GiB left"}},
		{"a large disk", room{free: diskReserve, size: 20 << 40}, nil},
		{"a large disk that is nearly full", room{free: diskReserve - 1, size: 20 << 40}, []string{"10.0 GiB of 20.0 TiB"}},
		{"unknown", room{}, nil},
		{"full journal, storing", room{full: true, journal: 4 * gib, most: 4 * gib, storeLag: 90, detectLag: 3},
			[]string{"holds 4.0 GiB of at most 4.0 GiB, and devices are slowed down. Storing is 90 s behind: look at the series store"}},
		{"full journal, judging", room{full: true, storeLag: 3, detectLag: 90}, []string{"Judging is 90 s behind"}},
		{"series", room{series: "/mnt/series", seriesFree: 1 << 20, seriesKept: 5 << 20}, []string{"The disk of /mnt/series has 1.0 MiB left, and the series store keeps 5.0 MiB free"}},
		{"both", room{full: true, free: 1, size: 1000}, []string{"ingest.journal_bytes", "1 B of 1000 B left"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.room.problems()
			if len(got) != len(c.want) {
				t.Fatalf("problems are %+v, want %d", got, len(c.want))
			}
			for i, want := range c.want {
				if !strings.Contains(got[i].Detail, want) {
					t.Errorf("problem %q does not say %q", got[i].Detail, want)
				}
			}
		})
	}
}

// A lack of room is logged when it begins and when it ends, not in between.
func TestRoomWatch(t *testing.T) {
	var log bytes.Buffer
	w := roomWatch{log: slog.New(slog.NewTextHandler(&log, nil))}
	low := room{free: 1, size: 1000}
	for _, step := range []struct {
		room room
		want string
	}{{room{}, ""}, {low, "running out of room"}, {low, ""}, {room{}, "there is room again"}, {room{}, ""}} {
		log.Reset()
		w.look(step.room)
		if got := log.String(); step.want == "" && got != "" || !strings.Contains(got, step.want) {
			t.Errorf("logged %q, want %q", got, step.want)
		}
	}
}
