package journal

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/prometheus/tsdb/wlog"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/ingest/journal/journaltest"
)

// written is a journal of one partition and one file with some small groups, as a process leaves it.
type written struct {
	data    []byte // of the file
	entries []string
	starts  []int64 // of the record of each entry
	end     ingest.Position
}

func writeSome(t *testing.T, groups int) written {
	t.Helper()
	cfg := testConfig(t.TempDir())
	cfg.Partitions = 1
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var w written
	for i := range groups {
		_, off := split(l.End(0))
		w.starts = append(w.starts, off)
		w.entries = append(w.entries, fmt.Sprintf("entry %d %s", i, strings.Repeat("x", i%13)))
		journaltest.Put(t, l, 0, w.entries[i])
	}
	w.end = l.End(0)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if w.data, err = os.ReadFile(wlog.SegmentName(filepath.Join(cfg.Dir, "0000"), 0)); err != nil {
		t.Fatal(err)
	}
	return w
}

// reopened is what is read from a journal whose file was changed.
type reopened struct {
	entries []string
	damaged float64
	log     string
}

// reopen opens a journal with the file, appends one more entry, and reads from a position up to it.
func reopen(t *testing.T, dir string, data []byte, from ingest.Position) reopened {
	t.Helper()
	folder := filepath.Join(dir, "0000")
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(wlog.SegmentName(folder, 0), data, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cfg := testConfig(dir)
	cfg.Partitions = 1
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	journaltest.Put(t, l, 0, "later")
	c, err := l.Read(0, from)
	if err != nil {
		t.Fatalf("read from %d: %v", from, err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var r reopened
	for len(r.entries) == 0 || r.entries[len(r.entries)-1] != "later" {
		blob, err := c.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for e := range blob.Entries {
			r.entries = append(r.entries, string(e))
		}
	}
	r.damaged = testutil.ToFloat64(l.partitions[0].cfg.m.damaged)
	r.log = log.String()
	return r
}

// TestEveryByteTorn cuts the file at every byte of its last groups: every group before is read.
func TestEveryByteTorn(t *testing.T) {
	w := writeSome(t, 8)
	_, size := split(w.end)
	dir := t.TempDir()
	for cut := w.starts[5]; cut <= size; cut++ {
		whole := 0
		for whole < len(w.entries) && (whole+1 < len(w.starts) && w.starts[whole+1] <= cut || whole+1 == len(w.starts) && size <= cut) {
			whole++
		}
		want := append(slices.Clone(w.entries[:whole]), "later")
		if r := reopen(t, dir, w.data[:cut], 0); !slices.Equal(r.entries, want) {
			t.Fatalf("cut at %d: read %q, want %q", cut, r.entries, want)
		}
	}
}

// TestEveryByteFlipped changes every byte of a file in several ways. No entry is changed or made up; those before the
// damage are read, those behind it too unless they lie in the same page and the damage has hidden where they begin; and what is
// missing is told of.
func TestEveryByteFlipped(t *testing.T) {
	w := writeSome(t, 5)
	_, size := split(w.end)
	dir := t.TempDir()
	for at := range size {
		for _, flip := range []byte{0x01, w.data[at]} { // another kind of fragment, and nothing
			if flip == 0 {
				continue
			}
			data := bytes.Clone(w.data)
			data[at] ^= flip
			r := reopen(t, dir, data, 0)
			hit := 0
			for hit+1 < len(w.starts) && w.starts[hit+1] <= at {
				hit++
			}
			if len(r.entries) <= hit || !slices.Equal(r.entries[:hit], w.entries[:hit]) {
				t.Fatalf("byte %d ^ %#x: entries before the damage are not read: %q", at, flip, r.entries)
			}
			body := at >= w.starts[hit]+3 // behind type and length
			want := append(slices.Clone(w.entries[:hit]), append(slices.Clone(w.entries[hit+1:]), "later")...)
			if body && !slices.Equal(r.entries, want) {
				t.Fatalf("byte %d ^ %#x: read %q, want %q", at, flip, r.entries, want)
			}
			for _, e := range r.entries[:len(r.entries)-1] {
				if !slices.Contains(w.entries, e) {
					t.Fatalf("byte %d ^ %#x: %q was never written", at, flip, e)
				}
			}
			last := hit == len(w.entries)-1 // cannot be told from a torn one
			if told := r.damaged > 0 && strings.Contains(r.log, "damaged bytes"); told == last {
				t.Fatalf("byte %d ^ %#x: damage of group %d: counted %v, log %s", at, flip, hit, r.damaged, r.log)
			}
			if last && !strings.Contains(r.log, "cut off") {
				t.Fatalf("byte %d ^ %#x: the last group is gone without a word", at, flip)
			}
			if r := reopen(t, dir, data, w.end); !slices.Equal(r.entries, []string{"later"}) {
				t.Fatalf("byte %d ^ %#x: who had read everything reads %q", at, flip, r.entries)
			}
		}
	}
}

// TestZeroedTailIsFast opens a journal whose last group was lost but for its length, as some file systems leave it.
func TestZeroedTailIsFast(t *testing.T) {
	w := writeSome(t, 3)
	_, size := split(w.end)
	data := append(bytes.Clone(w.data[:size]), typeFirst)
	data = append(data, make([]byte, 4<<20)...)
	begun := time.Now()
	r := reopen(t, t.TempDir(), data, 0)
	if !slices.Equal(r.entries, append(slices.Clone(w.entries), "later")) {
		t.Fatalf("read %q", r.entries)
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("opening took %v", took)
	}
}
