package journal

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/prometheus/prometheus/tsdb/wlog"
)

// logged writes records with wlog and returns the file's bytes and the records.
func logged(t testing.TB, sizes ...int) ([]byte, [][]byte) {
	t.Helper()
	dir := t.TempDir()
	w, err := wlog.NewSize(nil, nil, dir, walSegment, "none")
	if err != nil {
		t.Fatal(err)
	}
	var records [][]byte
	for i, n := range sizes {
		records = append(records, bytes.Repeat([]byte{byte(i + 1)}, n))
		if err := w.Log(records[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(wlog.SegmentName(dir, 0))
	if err != nil {
		t.Fatal(err)
	}
	return data, records
}

// readAll returns the records in data and what the reader passed over.
func readAll(t testing.TB, data []byte) (records [][]byte, lost int64) {
	t.Helper()
	r := newSegmentReader(bytes.NewReader(data), 0)
	for {
		record, err := r.next(int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if record == nil {
			return records, r.lost
		}
		records = append(records, bytes.Clone(record))
	}
}

// sizes around every edge of pages and fragments.
var sizes = []int{
	0, 1, 100, pageSize - fragmentHeader, 0, pageSize, pageSize + 1, 3*pageSize - 1, 7, 6, 5, 4, 3, 2, 1,
	pageSize - 2*fragmentHeader - 3, windowSize + 11, 500,
}

// TestReaderAgreesWithWlog holds the reader of this package to Prometheus' own, on what wlog writes.
func TestReaderAgreesWithWlog(t *testing.T) {
	data, want := logged(t, sizes...)
	theirs := wlog.NewReader(bytes.NewReader(data))
	for i := range want {
		if !theirs.Next() || !bytes.Equal(theirs.Record(), want[i]) {
			t.Fatalf("wlog.Reader reads record %d otherwise: %v", i, theirs.Err())
		}
	}
	got, lost := readAll(t, data)
	if len(got) != len(want) || lost != 0 {
		t.Fatalf("%d records and %d bytes lost, want %d and 0", len(got), lost, len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("record %d: %d bytes, want %d", i, len(got[i]), len(want[i]))
		}
	}
}

// TestAdvance holds the arithmetic of positions to where wlog itself says that it stands.
func TestAdvance(t *testing.T) {
	w, err := wlog.NewSize(nil, nil, t.TempDir(), walSegment, "none")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	rnd := rand.New(rand.NewPCG(1, 2))
	var off int64
	for i := range 3000 {
		n := sizes[i%len(sizes)]
		if i >= len(sizes) {
			n = rnd.IntN(5000)
		}
		if err := w.Log(make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		off = advance(off, n)
		if _, at, err := w.LastSegmentAndOffset(); err != nil || int64(at) != off {
			t.Fatalf("after record %d of %d bytes wlog stands at %d, advance says %d (%v)", i, n, at, off, err)
		}
	}
}

// TestDamageIsPassedOver turns one byte of in 397 of a segment and expects that at most the
// records with that byte, or those after it in its page, are lost; none is changed, and later ones are read.
func TestDamageIsPassedOver(t *testing.T) {
	var many []int
	for i := range 300 {
		many = append(many, 1+i*7%900)
	}
	many = append(many, 2*pageSize, 1000)
	data, want := logged(t, many...)
	for at := 0; at < len(data); at += 397 {
		damaged := bytes.Clone(data)
		damaged[at] ^= 0x55
		got, lost := readAll(t, damaged)
		if lost == 0 && len(got) != len(want) {
			t.Errorf("byte %d: %d records of %d and nothing reported lost", at, len(got), len(want))
		}
		next := 0
		for _, g := range got {
			for next < len(want) && !bytes.Equal(want[next], g) {
				next++
			}
			if next == len(want) {
				t.Fatalf("byte %d: a record of %d bytes was never written", at, len(g))
			}
			next++
		}
		if at < 2*pageSize && !bytes.Equal(got[len(got)-1], want[len(want)-1]) {
			t.Errorf("byte %d: the last record is not read although the damage lies pages before it", at)
		}
	}
}

// TestRepairTornTail cuts a segment at many places: every record wholly before the cut is kept, and after the
// repair the file reads without loss.
func TestRepairTornTail(t *testing.T) {
	data, want := logged(t, 10, 500, pageSize, 3, 2*pageSize+77, 40)
	var ends []int64
	var off int64
	for _, r := range want {
		off = advance(off, len(r))
		ends = append(ends, off)
	}
	path := t.TempDir() + "/00000000"
	for cut := int64(0); cut <= ends[len(ends)-1]; cut += 53 {
		if err := os.WriteFile(path, data[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		size, _, err := repair(path)
		if err != nil {
			t.Fatal(err)
		}
		whole := 0
		for whole < len(ends) && (ends[whole] <= cut || ends[whole]%pageSize == 0 && ends[whole]-fragmentHeader < cut) {
			whole++
		}
		left, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, lost := readAll(t, left)
		if len(got) != whole || lost != 0 {
			t.Fatalf("cut at %d: %d records and %d bytes lost, want %d and 0", cut, len(got), lost, whole)
		}
		if whole > 0 && size != ends[whole-1] {
			t.Errorf("cut at %d: size is %d, want %d", cut, size, ends[whole-1])
		}
	}
}

func FuzzSegment(f *testing.F) {
	data, _ := logged(f, 3, 0, 200)
	f.Add(data[:300], int64(0))
	f.Add([]byte{typeFirst, 0, 1, 0, 0, 0, 0, 9}, int64(0))
	f.Fuzz(func(t *testing.T, data []byte, off int64) {
		if off < 0 || off > int64(len(data)) {
			return
		}
		r := newSegmentReader(bytes.NewReader(data), off)
		limit := int64(len(data))
		for {
			record, err := r.next(limit)
			if err != nil {
				t.Fatal(err)
			}
			if record == nil {
				break
			}
			if r.end > limit {
				t.Fatalf("a record ends at %d of %d", r.end, limit)
			}
			blob, err := new(blobReader).read(record)
			if err != nil {
				continue
			}
			for range blob.Entries {
			}
		}
	})
}
