package journal

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/presage-pdm/presage/ingest"
)

// FuzzOpen puts any bytes behind, or in the place of, what a journal wrote: it opens all the same or says why not, what was written
// before the damage is there, and what is appended after it survives the next start.
func FuzzOpen(f *testing.F) {
	template, written := templateOf(f)
	f.Add(len(written), []byte{})
	f.Add(len(written), []byte{typeFirst, 0, 1, 0, 0, 0, 0, 9})
	f.Add(len(written)/2, []byte("rubbish"))
	f.Add(0, bytes.Repeat([]byte{0}, 40_000))
	f.Fuzz(func(t *testing.T, keep int, tail []byte) {
		if keep >= 0 && keep <= len(written) && len(tail) <= 1<<20 {
			mended(t, template, written, keep, tail)
		}
	})
}

// TestTornToZeros cuts a journal anywhere and leaves zeros behind, as a power cut does that kept the new size of a file and
// not what was in it: up to the last whole record everything is kept, and nothing else.
func TestTornToZeros(t *testing.T) {
	template, written := templateOf(t)
	var ends []int64
	r := newSegmentReader(bytes.NewReader(written), 0)
	for record, err := r.next(int64(len(written))); record != nil; record, err = r.next(int64(len(written))) {
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, r.end)
	}
	written = written[:ends[len(ends)-1]] // without the padding of its page
	for keep := range len(written) + 1 {
		want := int64(0)
		for _, end := range ends {
			// A cut within the zeros that end a record takes nothing from it.
			if keep >= len(bytes.TrimRight(written[:end], "\x00")) {
				want = end
			}
		}
		torn := append(bytes.Clone(written[:keep]), make([]byte, 100)...)
		if end, _, err := wholeRecords(bytes.NewReader(torn), int64(len(torn))); err != nil || end != want {
			t.Errorf("cut at %d of %d: %d bytes are kept, %v, want %d", keep, len(written), end, err, want)
		}
	}
	last := int(ends[len(ends)-2])
	for _, keep := range []int{last + 1, last + 4, len(written) - 1} {
		mended(t, template, written, keep, make([]byte, 100))
	}
}

// templateOf is a folder of a journal with three entries, and what is in its file.
func templateOf(t testing.TB) (dir string, written []byte) {
	t.Helper()
	dir = t.TempDir()
	l := openLog(t, testConfig(dir))
	for _, entry := range []string{"one", "two", "three"} {
		mustAppend(t, l, []byte(entry))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(segmentOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	return dir, written
}

// mended opens a journal that was cut and has something else behind.
func mended(t *testing.T, template string, written []byte, keep int, tail []byte) {
	t.Helper()
	dir := t.TempDir()
	copyFile(t, filepath.Join(template, "journal.json"), filepath.Join(dir, "journal.json"))
	for _, partition := range []string{"0000", "0001"} {
		if err := os.Mkdir(filepath.Join(dir, partition), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	data := append(bytes.Clone(written[:keep]), tail...)
	if err := os.WriteFile(segmentOf(dir), data, 0o600); err != nil {
		t.Fatal(err)
	}
	first, err := Open(testConfig(dir))
	if err != nil {
		t.Fatalf("cut at %d of %d: %v", keep, len(written), err)
	}
	before := entriesOf(t, first)
	if keep == len(written) && (len(before) < 3 || string(before[2]) != "three") {
		t.Fatalf("%d entries of 3 are left before a damaged tail", len(before))
	}
	mustAppend(t, first, []byte("after"))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Open(testConfig(dir))
	if err != nil {
		t.Fatalf("a journal that was mended does not open: %v", err)
	}
	after := entriesOf(t, second)
	if len(after) != len(before)+1 || string(after[len(before)]) != "after" {
		t.Fatalf("cut at %d: %d entries and one more became %d", keep, len(before), len(after))
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
}

func segmentOf(dir string) string { return filepath.Join(dir, "0000", "00000000") }

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func mustAppend(t testing.TB, l *Log, entry []byte) {
	t.Helper()
	durable := make(chan error, 1) // one answer
	if err := l.Append(t.Context(), 0, entry, func(err error) { durable <- err }); err != nil {
		t.Fatal(err)
	}
	if err := <-durable; err != nil {
		t.Fatal(err)
	}
}

// entriesOf reads a partition to its end.
func entriesOf(t testing.TB, l *Log) (all [][]byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := l.Read(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	end := l.End(0)
	for at := ingest.Position(0); at < end; {
		blob, err := c.Next(ctx)
		if err != nil {
			t.Fatalf("read at %d of %d: %v", at, end, err)
		}
		for entry := range blob.Entries {
			all = append(all, bytes.Clone(entry))
		}
		at = blob.Next
	}
	return all
}
