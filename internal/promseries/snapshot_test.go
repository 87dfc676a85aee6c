package promseries

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// A snapshot of an open store holds timely and late readings, and leaves the store and its folder as they were.
func TestSnapshotOfAnOpenStore(t *testing.T) {
	data := t.TempDir()
	dir := filepath.Join(data, "series")
	s := open(t, DefaultConfig(dir))
	defer s.Close()
	fill(t, s, "default", "live", "m", 1000)
	old := time.UnixMilli(day).AddDate(0, -3, 0).UnixMilli()
	late := telemetry.Batch{Tenant: "default", Device: "old"}
	for i := range 1000 {
		late.Samples = append(late.Samples, telemetry.Sample{Metric: "m", Time: old + int64(i)*1000, Value: float64(i)})
	}
	if dropped, err := s.Append(t.Context(), []telemetry.Batch{late}); err != nil || dropped != 0 {
		t.Fatal(dropped, err)
	}
	snapshot, err := OpenSnapshot(DefaultConfig(dir))
	if err != nil {
		t.Fatal(err)
	}
	for device, from := range map[string]int64{"live": day, "old": old} {
		if got := count(t, snapshot, device, from, from+3600e3); got != 1000 {
			t.Errorf("the snapshot has %d readings of %s, want 1000", got, device)
		}
	}
	if err := snapshot.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(data); err != nil || len(left) != 1 {
		t.Errorf("the data folder holds %v, want the store alone: %v", left, err)
	}
	if got := count(t, s, "old", old, old+3600e3); got != 1000 {
		t.Errorf("the store has %d late readings afterwards, want 1000", got)
	}
}

// Blocks are linked: closing the snapshot leaves the store's own.
func TestSnapshotOfBlocks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "series")
	s := open(t, DefaultConfig(dir))
	fill(t, s, "default", "a", "m", 1000)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		snapshot, err := OpenSnapshot(DefaultConfig(dir))
		if err != nil {
			t.Fatal(err)
		}
		if got := count(t, snapshot, "a", day, day+3600e3); got != 1000 {
			t.Errorf("%d readings, want 1000", got)
		}
		if err := snapshot.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := OpenSnapshot(DefaultConfig(filepath.Join(dir, "nowhere"))); err == nil {
		t.Error("a snapshot of nothing was opened")
	}
}

// What a killed process left is removed by the next one that opens the store or a snapshot of it; the snapshot of one that lives
// and folders that only look like one stay.
func TestLeftSnapshotsAreSwept(t *testing.T) {
	data := t.TempDir()
	dir := filepath.Join(data, "series")
	s := open(t, DefaultConfig(dir))
	fill(t, s, "default", "a", "m", 100)
	living, err := OpenSnapshot(DefaultConfig(dir))
	if err != nil {
		t.Fatal(err)
	}
	leave := func(names ...string) {
		t.Helper()
		for _, name := range names {
			if err := os.MkdirAll(filepath.Join(data, name), 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	gone := []string{"snapshot-123", "snapshot-456"}
	kept := []string{"snapshot-mine", "snapshot-789", "snapshots", filepath.Base(living.copied)}
	check := func() {
		t.Helper()
		for _, name := range gone {
			if _, err := os.Stat(filepath.Join(data, name)); !os.IsNotExist(err) {
				t.Errorf("%s is still there: %v", name, err)
			}
		}
		for _, name := range kept {
			if _, err := os.Stat(filepath.Join(data, name)); err != nil {
				t.Error(err)
			}
		}
	}
	leave("snapshot-123/series/wal", "snapshot-456", "snapshot-mine/series", "snapshot-789/notes", "snapshots")
	next, err := OpenSnapshot(DefaultConfig(dir))
	if err != nil {
		t.Fatal(err)
	}
	check()
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
	leave("snapshot-123/series/wal", "snapshot-456")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, DefaultConfig(dir))
	check()
	if got := count(t, living, "a", day, day+3600e3); got != 100 {
		t.Errorf("the snapshot that lives has %d readings, want 100", got)
	}
	if err := living.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
