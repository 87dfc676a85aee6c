package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/prometheus/tsdb/wlog"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/ingest/journal/journaltest"
)

func testConfig(dir string) Config {
	cfg := DefaultConfig()
	cfg.Dir = dir
	cfg.Partitions = 2
	return cfg
}

func openLog(t testing.TB, cfg Config) *Log {
	t.Helper()
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return l
}

func TestPartitionsAreKept(t *testing.T) {
	dir := t.TempDir()
	cfg := testConfig(dir)
	cfg.Partitions = 3
	if err := openLog(t, cfg).Close(); err != nil {
		t.Fatal(err)
	}
	cfg.Partitions = 0
	l := openLog(t, cfg)
	if l.Partitions() != 3 {
		t.Errorf("%d partitions, the folder has 3", l.Partitions())
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	cfg.Partitions = 4
	if l, err := Open(cfg); err == nil {
		l.Close()
		t.Error("the number of partitions was changed")
	} else if !strings.Contains(err.Error(), "3 partitions") {
		t.Errorf("the error does not name the number: %v", err)
	}
}

func TestFolderIsUsedOnce(t *testing.T) {
	cfg := testConfig(t.TempDir())
	openLog(t, cfg)
	if l, err := Open(cfg); err == nil {
		l.Close()
		t.Error("two journals were opened on one folder")
	}
}

func TestFormats(t *testing.T) {
	for name, header := range map[string]string{
		"newer":   `{"format":99,"partitions":2}`,
		"damaged": `{"format":`,
		"foolish": `{"format":1,"partitions":0}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, headerName), []byte(header), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg := testConfig(dir)
			cfg.Partitions = 0
			if l, err := Open(cfg); err == nil {
				l.Close()
				t.Error("opened")
			} else if !strings.Contains(err.Error(), headerName) {
				t.Errorf("the error does not name the file: %v", err)
			}
		})
	}
}

func TestConfigIsChecked(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no folder":            func(c *Config) { c.Dir = "" },
		"too many partitions":  func(c *Config) { c.Partitions = 2000 },
		"segments too small":   func(c *Config) { c.SegmentBytes = 1 },
		"segments too large":   func(c *Config) { c.SegmentBytes = 1 << 40 },
		"groups too small":     func(c *Config) { c.GroupBytes = 0 },
		"limit below a group":  func(c *Config) { c.MaxBytes = 1000 },
		"negative partitions":  func(c *Config) { c.Partitions = -1 },
		"groups far too large": func(c *Config) { c.GroupBytes = 1 << 30 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t.TempDir())
			change(&cfg)
			if l, err := Open(cfg); err == nil {
				l.Close()
				t.Error("accepted")
			}
		})
	}
}

// TestDamagedFile turns a byte in the middle of an older file: later entries are read, and the damage is counted.
func TestDamagedFile(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.SegmentBytes = pageSize
	cfg.Registerer = prometheus.NewRegistry()
	l := openLog(t, cfg)
	entry := strings.Repeat("x", 5000)
	for range 40 {
		journaltest.Put(t, l, 0, entry)
	}
	journaltest.Put(t, l, 0, "last")
	f, err := os.OpenFile(wlog.SegmentName(filepath.Join(cfg.Dir, "0000"), 2), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("damage"), 12_000); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := l.Read(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	n := 0
	for last := ""; last != "last"; n++ {
		blob, err := c.Next(ctx)
		if err != nil {
			t.Fatalf("after %d entries: %v", n, err)
		}
		for e := range blob.Entries {
			last = string(e)
		}
	}
	if n < 34 || n > 40 {
		t.Errorf("%d of 41 entries read: the damaged page holds six", n)
	}
	if v := testutil.ToFloat64(l.partitions[0].cfg.m.damaged); v == 0 {
		t.Error("the damage was not counted")
	}
}

// TestFullJournalWaits fills a journal: appending waits, nothing is dropped, and goes on when the reader trims.
func TestFullJournalWaits(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Partitions = 1
	cfg.MaxBytes = 1 << 20
	cfg.SegmentBytes = 64 << 10
	cfg.GroupBytes = 16 << 10
	l := openLog(t, cfg)
	const n = 3000 // of 1 KB each: three times what fits
	entry := make([]byte, 1000)
	var acked atomic.Int64
	appended := make(chan error, 1)
	go func() { // ends when all are appended
		for range n {
			if err := l.Append(t.Context(), 0, entry, func(err error) {
				if err == nil {
					acked.Add(1)
				}
			}); err != nil {
				appended <- err
				return
			}
		}
		appended <- nil
	}()
	waits := l.partitions[0].cfg.m.waits
	full := func() bool {
		l.partitions[0].mu.Lock()
		defer l.partitions[0].mu.Unlock()
		p := l.partitions[0]
		return testutil.ToFloat64(waits) > 0 && !p.fits(len(entry)) && p.pending.empty()
	}
	for !full() {
		select {
		case err := <-appended:
			t.Fatalf("all was appended to a journal that is too small: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	if size := l.Size(); size > cfg.MaxBytes+pageSize { // headers of fragments are not counted before
		t.Errorf("the journal holds %d bytes, at most %d are allowed", size, cfg.MaxBytes)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Append(ctx, 0, entry, func(error) { t.Error("done was called") }); !errors.Is(err, context.Canceled) {
		t.Errorf("append to a full journal with a cancelled context: %v", err)
	}
	if !l.Full() {
		t.Error("a journal whose appends wait for room does not say that it is full")
	}

	c, err := l.Read(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for read := 0; read < n; {
		blob, err := c.Next(ctx)
		if err != nil {
			t.Fatalf("after %d entries: %v", read, err)
		}
		for range blob.Entries {
			read++
		}
		if err := l.Trim(0, blob.Next); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-appended; err != nil {
		t.Fatal(err)
	}
	if l.Full() {
		t.Error("the journal is full after everything was trimmed and appended")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if acked.Load() != n {
		t.Errorf("%d of %d acknowledged", acked.Load(), n)
	}
}

// TestPositionsNeverGoBack opens and trims a journal over and over: positions of a later opening
// are behind those of an earlier one, even when all files were trimmed in between.
func TestPositionsNeverGoBack(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.SegmentBytes = pageSize
	var last ingest.Position
	for round := range 6 {
		l := openLog(t, cfg)
		if round%2 == 0 {
			for range 8 {
				journaltest.Put(t, l, 0, strings.Repeat("x", 9000))
			}
			if l.End(0) <= last {
				t.Fatalf("round %d: end %d does not follow %d", round, l.End(0), last)
			}
			last = l.End(0)
			if err := l.Trim(0, last); err != nil {
				t.Fatal(err)
			}
		}
		if l.End(0) < last {
			t.Fatalf("round %d: end %d went back from %d", round, l.End(0), last)
		}
		c, err := l.Read(0, last)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if err := errors.Join(c.Close(), l.Close()); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(filepath.Join(cfg.Dir, "0000"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) > 4 {
		t.Errorf("%d files are left of a journal without entries", len(files))
	}
}

func TestReadBehindTrim(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.SegmentBytes = pageSize
	l := openLog(t, cfg)
	journaltest.Put(t, l, 0, "first")
	first := l.End(0)
	for range 20 {
		journaltest.Put(t, l, 0, strings.Repeat("x", 9000))
	}
	c, err := l.Read(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := l.Trim(0, l.End(0)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Read(0, first); !errors.Is(err, ingest.ErrPositionLost) {
		t.Errorf("read at a trimmed position: %v", err)
	}
	if _, err := c.Next(t.Context()); !errors.Is(err, ingest.ErrPositionLost) {
		t.Errorf("a cursor whose file was trimmed: %v", err)
	}
}

// TestGroupCommit holds many writers to fewer commits than entries.
func TestGroupCommit(t *testing.T) {
	l := openLog(t, testConfig(t.TempDir()))
	const writers, each = 64, 20
	done := make(chan error, writers*each)
	for w := range writers {
		go func() { // ends after its entries; done has room for all
			for i := range each {
				if err := l.Append(t.Context(), 0, fmt.Appendf(nil, "%d %d", w, i), func(err error) { done <- err }); err != nil {
					done <- err
				}
			}
		}()
	}
	for range writers * each {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	l.partitions[0].mu.Lock()
	defer l.partitions[0].mu.Unlock()
	if n := l.partitions[0].sequence; n == 0 || n > writers*each/2 {
		t.Errorf("%d commits for %d entries", n, writers*each)
	}
}

// TestAppendWaitsForRoom shows, in a bubble where nothing else runs, that an append to a
// group that is full blocks until the committer has taken it.
func TestAppendWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &partition{
			cfg:      partitionConfig{Config: Config{GroupBytes: 100}, most: 1 << 20, m: newMetrics(nil, nil)},
			segments: []segment{{}},
			room:     make(chan struct{}),
			work:     make(chan struct{}, 1),
		}
		p.pending.reset()
		add := func() error { return p.append(t.Context(), make([]byte, 60), func(error) {}) }
		if err := add(); err != nil {
			t.Fatal(err)
		}
		second := make(chan error, 1)
		go func() { second <- add() }()
		synctest.Wait()
		select {
		case err := <-second:
			t.Fatalf("the group grew beyond its limit: %v", err)
		default:
		}
		p.mu.Lock()
		p.pending.reset()
		p.wakeAppenders()
		p.mu.Unlock()
		if err := <-second; err != nil {
			t.Error(err)
		}
		if p.full {
			t.Error("waiting for the committer counts as a full journal")
		}
	})
}

// BenchmarkAppend measures from the entry to the disk: so many entries of 200 bytes wait for their commit at once.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 50, 500} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			l := openLog(b, testConfig(b.TempDir()))
			entry := make([]byte, 200)
			tokens := make(chan struct{}, writers) // in flight
			b.ReportAllocs()
			for b.Loop() {
				tokens <- struct{}{}
				if err := l.Append(b.Context(), 0, entry, func(error) { <-tokens }); err != nil {
					b.Fatal(err)
				}
			}
			for range writers {
				tokens <- struct{}{}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}
