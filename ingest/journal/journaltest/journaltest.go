// Package journaltest is the conformance suite of journals: whatever implements
// [ingest.Journal] passes it.
package journaltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/presage-pdm/presage/ingest"
)

// Subject is a journal under test.
type Subject struct {
	// Open opens the journal, which is empty at the first call of a test; a later call finds what the
	// earlier ones left. It has at least two partitions. The suite calls close before it opens again.
	Open func(t *testing.T) (j ingest.Journal, close func() error)
}

// Run holds a journal to what [ingest.Journal] says. newSubject is called once for each test.
func Run(t *testing.T, newSubject func(t *testing.T) Subject) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s Subject)
	}{
		{"what was acknowledged can be read in order", testOrder},
		{"many writers lose nothing and each keeps its order", testWriters},
		{"partitions do not mix", testPartitions},
		{"a cursor waits for what is not there yet", testTail},
		{"a cursor begins at every position", testPositions},
		{"what was acknowledged survives closing", testReopen},
		{"trimmed entries go and the others stay", testTrim},
		{"positions that are not there are refused", testLost},
		{"a cancelled wait returns", testCancel},
		{"entries of every size", testSizes},
		{"a closed journal refuses", testClosed},
		{"blobs are numbered by their producer", testSequence},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, newSubject(t)) })
	}
}

// patience is how long the suite waits for what must happen, before it calls it lost.
const patience = 20 * time.Second

func open(t *testing.T, s Subject) ingest.Journal {
	t.Helper()
	j, stop := s.Open(t)
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if j.Partitions() < 2 {
		t.Fatalf("%d partitions, the suite needs 2", j.Partitions())
	}
	return j
}

// Put appends an entry and waits until it is durable.
func Put(t *testing.T, j ingest.Journal, partition int, entry string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done := make(chan error, 1)
	if err := j.Append(ctx, partition, []byte(entry), func(err error) { done <- err }); err != nil {
		t.Fatalf("append: %v", err)
	}
	select {
	case err := <-done:
		if err != nil {
			t.Fatalf("append: %v", err)
		}
	case <-ctx.Done():
		t.Fatal("append: done was not called")
	}
}

// Collect reads n entries from a position and returns them with the position behind each one's blob.
func Collect(t *testing.T, j ingest.Journal, partition int, from ingest.Position, n int) (entries []string, behind []ingest.Position) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := j.Read(partition, from)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Errorf("close cursor: %v", err)
		}
	}()
	last := from
	for len(entries) < n {
		blob, err := c.Next(ctx)
		if err != nil {
			t.Fatalf("next after %d of %d entries: %v", len(entries), n, err)
		}
		if blob.Next <= last {
			t.Fatalf("position %d follows %d", blob.Next, last)
		}
		last = blob.Next
		for e := range blob.Entries {
			entries = append(entries, string(e))
			behind = append(behind, blob.Next)
		}
	}
	return entries, behind
}

func numbered(n int) []string {
	s := make([]string, n)
	for i := range s {
		s[i] = fmt.Sprintf("entry %d", i)
	}
	return s
}

func testOrder(t *testing.T, s Subject) {
	j := open(t, s)
	want := numbered(100)
	for _, e := range want {
		Put(t, j, 0, e)
	}
	got, behind := Collect(t, j, 0, 0, len(want))
	if !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	if end := j.End(0); end != behind[len(behind)-1] {
		t.Errorf("end is %d, the last blob ends at %d", end, behind[len(behind)-1])
	}
	before := j.Behind(0, 0)
	for _, p := range slices.Compact(behind) {
		if left := j.Behind(0, p); left >= before || (left == 0) != (p == j.End(0)) {
			t.Errorf("%d bytes lie behind position %d, %d behind the one before; the end is %d", left, p, before, j.End(0))
		} else {
			before = left
		}
	}
	if left := j.Behind(1, 0); left != 0 {
		t.Errorf("%d bytes lie behind the beginning of an empty partition", left)
	}
}

func testWriters(t *testing.T, s Subject) {
	j := open(t, s)
	const writers, each = 16, 200
	var wait, durable sync.WaitGroup
	durable.Add(writers * each)
	for w := range writers {
		wait.Go(func() {
			buf := make([]byte, 0, 64)
			for i := range each {
				buf = fmt.Appendf(buf[:0], "%d/%d", w, i) // used again: the journal must not keep it
				err := j.Append(t.Context(), 1, buf, func(err error) {
					if err != nil {
						t.Errorf("append: %v", err)
					}
					durable.Done()
				})
				if err != nil {
					t.Errorf("append: %v", err)
					durable.Done()
				}
			}
		})
	}
	wait.Wait()
	durable.Wait()
	got, _ := Collect(t, j, 1, 0, writers*each)
	var next [writers]int
	for _, e := range got {
		var w, i int
		if _, err := fmt.Sscanf(e, "%d/%d", &w, &i); err != nil {
			t.Fatalf("read %q: %v", e, err)
		}
		if next[w] != i {
			t.Fatalf("writer %d: read entry %d, want %d", w, i, next[w])
		}
		next[w]++
	}
}

func testPartitions(t *testing.T, s Subject) {
	j := open(t, s)
	Put(t, j, 0, "zero")
	Put(t, j, 1, "one")
	Put(t, j, 0, "zero again")
	if got, _ := Collect(t, j, 0, 0, 2); !slices.Equal(got, []string{"zero", "zero again"}) {
		t.Errorf("partition 0 holds %q", got)
	}
	if got, _ := Collect(t, j, 1, 0, 1); !slices.Equal(got, []string{"one"}) {
		t.Errorf("partition 1 holds %q", got)
	}
	if err := j.Append(t.Context(), j.Partitions(), nil, func(error) {}); err == nil {
		t.Error("appended to a partition that does not exist")
	}
}

func testTail(t *testing.T, s Subject) {
	j := open(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := j.Read(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got := make(chan string)
	go func() { // ends with the loop below, or with ctx
		defer close(got)
		for range 50 {
			blob, err := c.Next(ctx)
			if err != nil {
				t.Errorf("next: %v", err)
				return
			}
			for e := range blob.Entries {
				got <- string(e)
			}
		}
	}()
	for _, want := range numbered(50) {
		Put(t, j, 0, want)
		if e := <-got; e != want {
			t.Fatalf("read %q, want %q", e, want)
		}
	}
}

func testPositions(t *testing.T, s Subject) {
	j := open(t, s)
	want := numbered(30)
	for _, e := range want {
		Put(t, j, 0, e)
	}
	_, behind := Collect(t, j, 0, 0, len(want))
	for i, p := range behind[:len(behind)-1] {
		if got, _ := Collect(t, j, 0, p, len(want)-i-1); !slices.Equal(got, want[i+1:]) {
			t.Fatalf("behind entry %d: read %q, want %q", i, got, want[i+1:])
		}
	}
}

func testReopen(t *testing.T, s Subject) {
	want := numbered(20)
	var middle ingest.Position
	for round := range 4 {
		j, stop := s.Open(t)
		for _, e := range want[round*5 : round*5+5] {
			Put(t, j, 0, e)
		}
		if round == 1 {
			middle = j.End(0)
		}
		got, _ := Collect(t, j, 0, 0, round*5+5)
		if !slices.Equal(got, want[:round*5+5]) {
			t.Fatalf("after %d openings: read %q", round+1, got)
		}
		if err := stop(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	j := open(t, s)
	if got, _ := Collect(t, j, 0, middle, 10); !slices.Equal(got, want[10:]) {
		t.Errorf("from a position of an earlier opening: read %q, want %q", got, want[10:])
	}
}

func testTrim(t *testing.T, s Subject) {
	j := open(t, s)
	want := numbered(40)
	for _, e := range want {
		Put(t, j, 0, e)
	}
	_, behind := Collect(t, j, 0, 0, len(want))
	if err := j.Trim(0, behind[19]); err != nil {
		t.Fatalf("trim: %v", err)
	}
	if got, _ := Collect(t, j, 0, behind[19], 20); !slices.Equal(got, want[20:]) {
		t.Errorf("after trimming: read %q, want %q", got, want[20:])
	}
	Put(t, j, 0, "more")
	if got, _ := Collect(t, j, 0, behind[39], 1); got[0] != "more" {
		t.Errorf("read %q after trimming", got)
	}
	if err := j.Trim(0, behind[5]); err != nil {
		t.Errorf("trim again, further back: %v", err)
	}
}

func testLost(t *testing.T, s Subject) {
	j := open(t, s)
	Put(t, j, 0, "one")
	if _, err := j.Read(0, j.End(0)+1<<40); !errors.Is(err, ingest.ErrPositionLost) {
		t.Errorf("read beyond the end: %v, want ErrPositionLost", err)
	}
	if err := j.Trim(0, j.End(0)+1<<40); !errors.Is(err, ingest.ErrPositionLost) {
		t.Errorf("trim beyond the end: %v, want ErrPositionLost", err)
	}
}

func testCancel(t *testing.T, s Subject) {
	j := open(t, s)
	c, err := j.Read(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("next: %v, want Canceled", err)
	}
	Put(t, j, 0, "later")
	ctx, cancel = context.WithTimeout(t.Context(), patience)
	defer cancel()
	blob, err := c.Next(ctx)
	if err != nil {
		t.Fatalf("the cursor is of no use after a cancelled wait: %v", err)
	}
	for e := range blob.Entries {
		if string(e) != "later" {
			t.Errorf("read %q", e)
		}
	}
}

func testSizes(t *testing.T, s Subject) {
	j := open(t, s)
	var want []string
	for _, n := range []int{0, 1, 127, 128, 32<<10 - 40, 32 << 10, 32<<10 + 1, 100_000, 1, 300_000, 0} {
		e := bytes.Repeat([]byte{byte(len(want) + 1)}, n)
		want = append(want, string(e))
		Put(t, j, 0, string(e))
	}
	got, _ := Collect(t, j, 0, 0, len(want))
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("entry %d: %d bytes, want %d", i, len(got[i]), len(want[i]))
		}
	}
	huge := make([]byte, 1<<30)
	if err := j.Append(t.Context(), 0, huge, func(error) {}); !errors.Is(err, ingest.ErrTooLarge) {
		t.Errorf("append of 1 GiB: %v, want ErrTooLarge", err)
	}
}

func testClosed(t *testing.T, s Subject) {
	j, stop := s.Open(t)
	Put(t, j, 0, "one")
	c, err := j.Read(0, j.End(0))
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	go func() { // ends when the journal closes
		_, err := c.Next(t.Context())
		waiting <- err
	}()
	if err := stop(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if err := <-waiting; !errors.Is(err, ingest.ErrClosed) {
		t.Errorf("waiting cursor: %v, want ErrClosed", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("close cursor: %v", err)
	}
	if err := j.Append(t.Context(), 0, []byte("two"), func(error) {}); !errors.Is(err, ingest.ErrClosed) {
		t.Errorf("append: %v, want ErrClosed", err)
	}
}

func testSequence(t *testing.T, s Subject) {
	j := open(t, s)
	for _, e := range numbered(10) {
		Put(t, j, 0, e)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := j.Read(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	last := map[string]uint64{}
	for n := 0; n < 10; {
		blob, err := c.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if blob.Producer != "" && blob.Sequence <= last[blob.Producer] {
			t.Errorf("producer %s: blob %d follows %d", blob.Producer, blob.Sequence, last[blob.Producer])
		}
		last[blob.Producer] = blob.Sequence
		if blob.Arrival < 1_600_000_000_000 {
			t.Errorf("blob %d arrived at %d, which are no Unix milliseconds of today", blob.Sequence, blob.Arrival)
		}
		for range blob.Entries {
			n++
		}
	}
}
