package ingest

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
)

func sampleCheckpoint() *checkpoint {
	return &checkpoint{
		Position: 3<<32 | 77,
		Skip:     300,
		Arrival:  1_750_000_000_000,
		Marks:    marks{{"a", 5}, {"b", math.MaxUint64}},
		Pending:  [][]byte{[]byte(`{"tenant":"acme","finding":{}}`), []byte("x")},
		State:    []byte("state"),
	}
}

func encode(c *checkpoint) []byte {
	return c.append(nil, func(dst []byte) []byte { return append(dst, c.State...) })
}

func TestCheckpointRoundTrip(t *testing.T) {
	for _, want := range []*checkpoint{sampleCheckpoint(), {State: []byte{}}} {
		got, err := parseCheckpoint(encode(want))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
}

func TestCheckpointDamaged(t *testing.T) {
	data := encode(sampleCheckpoint())
	for n := range data {
		if _, err := parseCheckpoint(data[:n]); err == nil {
			t.Errorf("cut to %d bytes: accepted", n)
		}
		bad := bytes.Clone(data)
		bad[n] ^= 1
		if _, err := parseCheckpoint(bad); err == nil {
			t.Errorf("a bit of byte %d turned: accepted", n)
		}
	}
}

func FuzzCheckpoint(f *testing.F) {
	whole := encode(sampleCheckpoint())
	f.Add(whole[len(checkpointMagic)+1 : len(whole)-4])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		data := append([]byte(checkpointMagic), checkpointVersion)
		data = append(data, body...)
		data = binary.LittleEndian.AppendUint32(data, crc32.Checksum(data, castagnoli))
		c, err := parseCheckpoint(data)
		if err != nil {
			return
		}
		again, err := parseCheckpoint(encode(c))
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%+v became %+v, %v", c, again, err)
		}
		for _, p := range c.Pending {
			if f, err := decodeFinding(p); err == nil {
				if _, err := encodeFinding(&f); err != nil {
					t.Errorf("a finding that was read cannot be written: %v", err)
				}
			}
		}
	})
}

func TestFindingRoundTrip(t *testing.T) {
	low := 1.5
	want := detectors.Finding{
		ID: "f-1", Tenant: "acme", Device: "car-1", Component: "cooling", FaultCode: "hot", Detector: "limit", Rule: "r", Version: 2,
		Phase: detectors.Raised, Severity: telemetry.Major, Onset: 1, Time: 2, Arrival: 3, Backfill: true, Withheld: "warm-up",
		Score: 0.5, PValue: 0.25,
		Signals: []detectors.Signal{{Metric: "m", Unit: "°C", Actual: 1, Expected: 2, Low: &low, Share: 1, Rank: 0.9, Detector: "d"}},
		Events:  []telemetry.Event{{Time: 1, ID: "e", Code: "c", Severity: telemetry.Critical, Attributes: map[string]string{"k": "v"}}},
		Reason:  detectors.Reason{Key: "k", Params: map[string]string{"p": "q"}},
	}
	data, err := encodeFinding(&want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeFinding(data)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	want.Score = math.NaN()
	if _, err := encodeFinding(&want); err == nil {
		t.Error("NaN was encoded")
	}
	for _, bad := range []string{"", "{}", `{"tenant":"a"}`, `{"finding":null}`} {
		if _, err := decodeFinding([]byte(bad)); err == nil {
			t.Errorf("%q was decoded", bad)
		}
	}
}

func TestCheckpointFiles(t *testing.T) {
	dir := t.TempDir()
	files := newCheckpoints(dir, 3, roleDetect, slog.New(slog.DiscardHandler))
	other := newCheckpoints(dir, 3, roleStore, slog.New(slog.DiscardHandler))
	if err := other.save(encode(&checkpoint{Position: 99})); err != nil {
		t.Fatal(err)
	}
	for p := Position(1); p <= 12; p++ {
		if err := files.save(encode(&checkpoint{Position: p})); err != nil {
			t.Fatal(err)
		}
	}
	positions := func() (got []Position) {
		t.Helper()
		files = newCheckpoints(dir, 3, roleDetect, slog.New(slog.DiscardHandler))
		found, err := files.load()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range found {
			got = append(got, c.Position)
		}
		return got
	}
	if got := positions(); !reflect.DeepEqual(got, []Position{12, 11}) {
		t.Fatalf("loaded %v, want 12 and 11", got)
	}
	// A write that a crash interrupted leaves a temporary file, which does not count.
	if err := os.WriteFile(filepath.Join(dir, "0003.detect.tmp"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files.path(12), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := positions(); !reflect.DeepEqual(got, []Position{11}) {
		t.Fatalf("loaded %v after damage, want 11", got)
	}
	if err := files.save(encode(&checkpoint{Position: 13})); err != nil {
		t.Fatal(err)
	}
	if got := positions(); !reflect.DeepEqual(got, []Position{13, 11}) {
		t.Errorf("loaded %v, want 13 and 11: the damaged one must not push out the good one", got)
	}
	if found, err := other.load(); err != nil || len(found) != 1 || found[0].Position != 99 {
		t.Errorf("the other role's checkpoint: %v, %v", found, err)
	}
}

func TestMarks(t *testing.T) {
	var m marks
	if m.seen("a", 1) || m.seen("", 1) {
		t.Error("seen before anything was noted")
	}
	m.note("a", 5)
	m.note("b", 1)
	m.note("", 9)
	for _, c := range []struct {
		producer string
		sequence uint64
		want     bool
	}{{"a", 5, true}, {"a", 4, true}, {"a", 6, false}, {"b", 1, true}, {"b", 2, false}, {"c", 1, false}, {"", 9, false}} {
		if got := m.seen(c.producer, c.sequence); got != c.want {
			t.Errorf("seen(%q, %d) = %v", c.producer, c.sequence, got)
		}
	}
	m.note("a", 3)
	if !m.seen("a", 5) {
		t.Error("a lower number lowered the mark")
	}
	for i := range maxMarks - 1 {
		m.note(string(rune('A'+i)), 1)
	}
	if len(m) != maxMarks || m.seen("b", 1) || !m.seen("a", 5) {
		t.Errorf("%d marks: the one not seen for longest must go: %v", len(m), m)
	}
}
