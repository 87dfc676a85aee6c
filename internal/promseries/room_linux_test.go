package promseries

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/internal/disk/disktest"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
)

// TestFullDisk fills the disk while complete chunks wait to be written: nothing more is taken, nothing crashes, not at the
// end either, and once there is room everything that was taken is there.
func TestFullDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "series")
	small := disktest.MountSmall(t, dir, 32<<20)
	s := open(t, DefaultConfig(dir))
	const readings = 1000 // eight chunks
	begin := time.Now().Add(-readings * time.Second).UnixMilli()
	b := telemetry.Batch{Tenant: "default", Device: "pump"}
	for i := range readings {
		b.Samples = append(b.Samples, telemetry.Sample{Metric: "m", Time: begin + int64(i)*1000, Value: float64(i)})
	}
	if dropped, err := s.Append(t.Context(), []telemetry.Batch{b}); err != nil || dropped != 0 {
		t.Fatalf("append: dropped %d, %v", dropped, err)
	}
	small.Fill()
	_, err := s.Append(t.Context(), []telemetry.Batch{b})
	if !errors.Is(err, series.ErrUnavailable) || !strings.Contains(err.Error(), dir) {
		t.Errorf("appending to a full disk gives %v, want %v with the folder", err, series.ErrUnavailable)
	}
	s.writeChunks()
	if s.room.unwritten.Load() == 0 {
		t.Error("chunks were written to a full disk")
	}
	if err := s.compactAll(t.Context()); err != nil {
		t.Errorf("compacting what is not full: %v", err)
	}
	if err := s.compactLate(t.Context()); !errors.Is(err, series.ErrUnavailable) {
		t.Errorf("compacting late readings gives %v", err)
	}
	_ = s.Close() // may tell that chunks were not written
	if _, err := Open(DefaultConfig(dir)); !errors.Is(err, series.ErrUnavailable) {
		t.Errorf("opening on a full disk gives %v", err)
	}
	small.Free()
	s = open(t, DefaultConfig(dir))
	if free, kept, enough := s.Room(); !enough || kept <= chunkBuffer {
		t.Errorf("%d bytes are free and %d are kept", free, kept)
	}
	if got := count(t, s, "pump", begin, begin+readings*1000); got != readings {
		t.Errorf("%d readings are there after the disk was full, want %d", got, readings)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// What is kept free grows with what is in memory.
func TestRoomNeeded(t *testing.T) {
	r := room{}
	empty := r.need(1<<40, 0)
	if want := int64(chunkBuffer + leastRoom); empty != want {
		t.Errorf("an empty store keeps %d bytes, want %d", empty, want)
	}
	r.unwritten.Add(1_000_000)
	if got, want := r.need(1<<40, 1000)-empty, int64(1_000_000*readingBytes+1000*chunkBytes); got != want {
		t.Errorf("a million readings of a thousand series keep %d bytes more, want %d", got, want)
	}
	if got, want := r.need(100<<20, 0)-r.need(0, 0), int64(1<<20); got != want {
		t.Errorf("a disk of 100 MiB keeps %d bytes more, want %d", got, want)
	}
}
