package promseries

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
)

// What was appended and synced is in the files: a copy of the folder, taken
// while the store is open, opens and holds all of it. A copy is what a crash
// leaves behind, but for the lock.
func TestCopyOfOpenStoreHoldsEverything(t *testing.T) {
	dir := t.TempDir()
	s := open(t, DefaultConfig(dir))
	defer s.Close()
	fill(t, s, "default", "live", "m", 1000)
	old := time.UnixMilli(day).AddDate(-6, 0, 0).UnixMilli()
	var late telemetry.Batch
	late.Tenant, late.Device = "default", "old"
	for i := range 1000 {
		late.Samples = append(late.Samples, telemetry.Sample{Metric: "m", Time: old + int64(i)*1000, Value: float64(i)})
	}
	if dropped, err := s.Append(t.Context(), []telemetry.Batch{late}); err != nil || dropped != 0 {
		t.Fatal(dropped, err)
	}
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}

	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	c := open(t, DefaultConfig(copied))
	defer c.Close()
	for device, from := range map[string]int64{"live": day, "old": old} {
		if got := count(t, c, device, from, from+3600e3); got != 1000 {
			t.Errorf("%s has %d readings after the crash, want 1000", device, got)
		}
	}
}

// The engine makes blocks of late readings that lie years apart without trying every two hours between
// them, loses none, and does so again for the next import.
func TestLateReadingsYearsApartBecomeBlocks(t *testing.T) {
	dir := t.TempDir()
	s := open(t, DefaultConfig(dir))
	fill(t, s, "default", "live", "m", 10)
	appendAt := func(device string, from int64, n int) {
		b := telemetry.Batch{Tenant: "default", Device: device}
		for i := range n {
			b.Samples = append(b.Samples, telemetry.Sample{Metric: "m", Time: from + int64(i)*60e3, Value: float64(i)})
		}
		if dropped, err := s.Append(t.Context(), []telemetry.Batch{b}); err != nil || dropped != 0 {
			t.Fatal(dropped, err)
		}
	}
	years := func(y int) int64 { return time.UnixMilli(day).AddDate(-y, 0, 0).UnixMilli() }
	for round := range 3 {
		for i, y := range []int{1, 6, 13} {
			appendAt(fmt.Sprintf("r%d-%d", round, i), years(y)+int64(round)*7200e3, 300) // five hours each
		}
		began := time.Now()
		if err := s.compactLate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Fatalf("took %v: 57,000 empty blocks were tried", took)
		}
		if len(s.db.Blocks()) == 0 {
			t.Fatal("no blocks were made")
		}
	}
	check := func() {
		t.Helper()
		for round := range 3 {
			for i, y := range []int{1, 6, 13} {
				if got := count(t, s, fmt.Sprintf("r%d-%d", round, i), years(y), years(y)+24*3600e3); got != 300 {
					t.Errorf("round %d, %d years ago: %d readings, want 300", round, y, got)
				}
			}
		}
	}
	check()
	if err := s.compactAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	check()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, DefaultConfig(dir))
	defer s.Close()
	check()
	if last, err := s.Last(t.Context(), "default", "r0-2"); err != nil || last["m"].Value != 299 {
		t.Errorf("last of thirteen years ago: %v, %v", last, err)
	}
}

// An import into a fresh store, device after device, makes blocks of late readings only, loses
// nothing on the way into them, and live readings go on beside it.
func TestImportIntoFreshStore(t *testing.T) {
	dir := t.TempDir()
	s := open(t, DefaultConfig(dir))
	now := time.Now().Truncate(time.Second).UnixMilli()
	const days, perDay = 2, 144
	for d := range 5 {
		b := telemetry.Batch{Tenant: "default", Device: fmt.Sprintf("d%d", d)}
		for i := range days * perDay {
			b.Samples = append(b.Samples, telemetry.Sample{Metric: "m", Time: now - int64(days*perDay-i)*600e3, Value: float64(i)})
		}
		if dropped, err := s.Append(t.Context(), []telemetry.Batch{b}); err != nil || dropped != 0 {
			t.Fatal(dropped, err)
		}
	}
	live := telemetry.Batch{Tenant: "default", Device: "d0", Samples: []telemetry.Sample{{Metric: "m", Time: now, Value: -1}}}
	if dropped, err := s.Append(t.Context(), []telemetry.Batch{live}); err != nil || dropped != 0 {
		t.Fatal(dropped, err)
	}
	check := func(when string) {
		t.Helper()
		for d := range 5 {
			want := days * perDay
			if d == 0 {
				want++
			}
			if got := count(t, s, fmt.Sprintf("d%d", d), now-3*86400e3, now+1); got != want {
				t.Errorf("%s: d%d has %d readings, want %d", when, d, got, want)
			}
		}
	}
	check("before")
	if n := len(s.db.Blocks()); n != 0 {
		t.Errorf("%d blocks were made during the import", n)
	}
	if err := s.compactAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.db.Blocks()) == 0 {
		t.Error("no blocks were made")
	}
	for _, b := range s.db.Blocks() {
		if m := b.Meta(); !m.Compaction.FromOutOfOrder() {
			t.Errorf("block %v is not of late readings", m)
		}
	}
	check("after")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, DefaultConfig(dir))
	defer s.Close()
	check("reopened")
}

// Timely readings that are in the log only survive the merging of blocks of
// late readings of the same hours.
func TestMergedLateBlocksHideNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, DefaultConfig(dir))
	now := time.Now().Truncate(time.Second).UnixMilli()
	put := func(device string, from int64, n int) {
		b := telemetry.Batch{Tenant: "default", Device: device}
		for i := range n {
			b.Samples = append(b.Samples, telemetry.Sample{Metric: "m", Time: from + int64(i)*1000, Value: float64(i)})
		}
		if dropped, err := s.Append(t.Context(), []telemetry.Batch{b}); err != nil || dropped != 0 {
			t.Fatal(dropped, err)
		}
	}
	put("timely", now-600e3, 600)
	put("late", now, 1)
	for round := range 3 { // three blocks of the same hours, which the engine merges
		put("late", now-300e3+int64(round)*10e3, 10)
		if err := s.compactLate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.compactAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, b := range s.db.Blocks() {
		if m := b.Meta(); !m.Compaction.FromOutOfOrder() {
			t.Errorf("block %s is marked as one of timely readings", m.ULID)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, DefaultConfig(dir))
	defer s.Close()
	if got := count(t, s, "timely", now-600e3, now); got != 600 {
		t.Errorf("%d timely readings are left of 600", got)
	}
	if got := count(t, s, "late", now-600e3, now+1); got != 31 {
		t.Errorf("%d late readings are left of 31", got)
	}
}

// A log of late readings that grows without timely ones is made into blocks in the background.
func TestGrowingLateLogIsCompacted(t *testing.T) {
	s := open(t, DefaultConfig(t.TempDir()))
	defer s.Close()
	b := telemetry.Batch{Tenant: "default", Device: "old", Samples: []telemetry.Sample{{Metric: "m", Time: day - 86400e3, Value: 1}}}
	if _, err := s.Append(t.Context(), []telemetry.Batch{b}); err != nil {
		t.Fatal(err)
	}
	s.startCompactingLate()
	s.compact.Wait()
	if n := len(s.db.Blocks()); n != 1 {
		t.Fatalf("%d blocks, want 1", n)
	}
	if got := count(t, s, "old", day-86400e3, day); got != 1 {
		t.Fatalf("%d readings, want 1", got)
	}
}

func TestSyncCountsSegmentsAndForgivesDeletedOnes(t *testing.T) {
	dir := t.TempDir()
	l := newLogSyncer(dir)
	if _, err := l.sync(); err == nil {
		t.Fatal("missing folders are not noticed")
	}
	for _, d := range l.dirs {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name string) {
		if err := os.WriteFile(filepath.Join(l.dirs[1], name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 7 {
		write(fmt.Sprintf("%08d", i))
	}
	write("checkpoint.00000003")
	late, err := l.sync()
	if err != nil || late != 7 || l.from != [2]int{0, 6} {
		t.Fatalf("late %d, from %v, %v", late, l.from, err)
	}
	if err := os.Remove(filepath.Join(l.dirs[1], "00000006")); err != nil {
		t.Fatal(err)
	}
	if late, err = l.sync(); err != nil || late != 6 {
		t.Fatalf("late %d, %v", late, err)
	}
}

func TestReadingsOutOfBoundsAreDropped(t *testing.T) {
	cfg := DefaultConfig(t.TempDir())
	cfg.OutOfOrder = 30 * 24 * time.Hour
	cfg.MaxSeries = 3
	s := open(t, cfg)
	defer s.Close()
	fill(t, s, "default", "live", "m", 10)
	ahead := time.Now().Add(25 * time.Hour).UnixMilli()
	b := telemetry.Batch{Tenant: "default", Device: "live"}
	for _, tm := range []int64{-1, 0, day - 31*86400e3, ahead, 4102444800000} {
		b.Samples = append(b.Samples, telemetry.Sample{Metric: "m", Time: tm, Value: 1})
	}
	if dropped, err := s.Append(t.Context(), []telemetry.Batch{b}); err != nil || dropped != 5 {
		t.Fatalf("dropped %d, %v; want all 5", dropped, err)
	}
	// Two more series fit, others do not, and those that exist go on.
	b.Samples = nil
	for _, metric := range []string{"a", "b", "c", "d", "m"} {
		b.Samples = append(b.Samples, telemetry.Sample{Metric: metric, Time: day + 20e3, Value: 1})
	}
	if dropped, err := s.Append(t.Context(), []telemetry.Batch{b}); err != nil || dropped != 2 {
		t.Fatalf("dropped %d, %v; want 2", dropped, err)
	}
	last, err := s.Last(t.Context(), "default", "live")
	if err != nil || len(last) != 3 || last["m"].Time != day+20e3 {
		t.Fatalf("last %v, %v", last, err)
	}
}

// A clock that was set back since a reading arrived makes no difference: it was acknowledged.
func TestReadingsOutliveAClockThatIsSetBack(t *testing.T) {
	s := open(t, DefaultConfig(t.TempDir()))
	defer s.Close()
	arrival := time.Now().Add(100 * time.Hour).UnixMilli() // by the clock before
	b := telemetry.Batch{Tenant: "default", Device: "car-7", Arrival: arrival, Samples: []telemetry.Sample{
		{Metric: "m", Time: arrival, Value: 1}, {Metric: "m", Time: arrival + 25*3600e3, Value: 2},
	}}
	if dropped, err := s.Append(t.Context(), []telemetry.Batch{b}); err != nil || dropped != 1 {
		t.Fatalf("dropped %d, %v; want the one that was ahead when it arrived", dropped, err)
	}
	if got := count(t, s, "car-7", arrival-1000, arrival+1000); got != 1 {
		t.Errorf("%d readings, want 1", got)
	}
}

// References that the engine has forgotten are found again by their labels.
func TestForgottenReferences(t *testing.T) {
	s := open(t, DefaultConfig(t.TempDir()))
	defer s.Close()
	fill(t, s, "default", "car-7", "m", 10)
	s.refs.device("default", "car-7").metric("m").ref = 999999
	fill(t, s, "default", "car-7", "m", 20)
	if got := count(t, s, "car-7", day, day+3600e3); got != 20 {
		t.Fatalf("%d readings, want 20", got)
	}
}

func TestRetentionKeepsArchivesWithinIt(t *testing.T) {
	cfg := DefaultConfig(t.TempDir())
	cfg.Retention = 48 * time.Hour
	s := open(t, cfg)
	defer s.Close()
	fill(t, s, "default", "old", "m", 10)
	b := telemetry.Batch{Tenant: "default", Device: "new"}
	for i := range 100 * 60 { // a hundred hours on
		b.Samples = append(b.Samples, telemetry.Sample{Metric: "m", Time: day + int64(i)*60e3, Value: 1})
	}
	if _, err := s.Append(t.Context(), []telemetry.Batch{b}); err != nil {
		t.Fatal(err)
	}
	if err := s.compactLate(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A merge looks again at what can be deleted.
	if err := s.compactAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := count(t, s, "old", day, day+3600e3); got != 0 {
		t.Errorf("%d readings older than the retention are there", got)
	}
	if got := count(t, s, "new", day+60*3600e3, day+100*3600e3); got != 40*60 {
		t.Errorf("%d readings within the retention, want %d", got, 40*60)
	}
}

func TestConfigRefused(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"dir":       func(c *Config) { c.Dir = "" },
		"retention": func(c *Config) { c.Retention = time.Minute },
		"window":    func(c *Config) { c.OutOfOrder = 0 },
		"ahead":     func(c *Config) { c.MaxAhead = 0 },
		"series":    func(c *Config) { c.MaxSeries = 0 },
		"query":     func(c *Config) { c.Query.Concurrency = 0 },
		"bytes":     func(c *Config) { c.MaxBytes = -1 },
	} {
		cfg := DefaultConfig(t.TempDir())
		change(&cfg)
		if s, err := Open(cfg); err == nil {
			s.Close()
			t.Errorf("%s is not refused", name)
		}
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, DefaultConfig(dir))
	defer s.Close()
	if again, err := Open(DefaultConfig(dir)); err == nil {
		again.Close()
		t.Fatal("two stores share a folder")
	}
}

func count(t testing.TB, s *Store, device string, from, to int64) int {
	t.Helper()
	got, err := s.Raw(t.Context(), series.Key{Tenant: "default", Device: device, Metric: "m"},
		series.Range{From: time.UnixMilli(from), To: time.UnixMilli(to)}, 1e6)
	if err != nil {
		t.Fatal(err)
	}
	return len(got)
}
