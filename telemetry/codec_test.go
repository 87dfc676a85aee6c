package telemetry

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

const noon = 1_750_000_000_000 // Unix milliseconds

// full is a batch with everything that a batch can hold.
func full() Batch {
	return Batch{
		Tenant: "acme", Device: "car-0001", Arrival: noon + 250,
		Samples: []Sample{
			{"coolant_temp", noon, 91.25},
			{"rpm", noon, 2100},
			{"coolant_temp", noon + 1000, 91.5},
			{"rpm", noon + 1000, math.Copysign(0, -1)},
			{"rpm", noon - 5000, math.MaxFloat64},
		},
		Events: []Event{
			{Time: noon - 10, ID: "e-1", Code: "P0217", Severity: Critical, Attributes: map[string]string{"gear": "3", "speed": "88"}},
			{Time: noon, Code: "session_ok"},
		},
		States: []State{
			{Time: noon + 1, Online: true, Attributes: map[string]string{"firmware": "1.4.2"}},
			{Time: noon + 2},
		},
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".hex")
	text := hex.Dump(got)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run with -update", err)
	}
	if text != string(want) {
		t.Errorf("%s: the stored format has changed:\n%s\nwant:\n%s", name, text, want)
	}
}

// TestCodecGolden keeps the bytes of the stored format: journals of earlier releases must stay readable.
func TestCodecGolden(t *testing.T) {
	b := full()
	small := Batch{Tenant: DefaultTenant, Device: "tv-1", Arrival: noon, Samples: []Sample{{"cpu", noon, 0.5}}}
	golden(t, "batch", AppendBatch(nil, &b))
	golden(t, "batch-small", AppendBatch(nil, &small))
	golden(t, "rejected", AppendRejected(nil, &Rejected{
		Tenant: "acme", Device: "car-0001", Topic: "presage/v1/car-0001/telemetry", Arrival: noon,
		Reason: "malformed-json", Detail: "at byte 3", Payload: []byte("{{{"), Truncated: true,
	}))
	golden(t, "tick", AppendTick(nil, noon))
}

func TestBatchRoundTrip(t *testing.T) {
	many := Batch{Tenant: DefaultTenant, Device: "plc", Arrival: noon}
	for i := range 1000 { // more metrics than the dictionary holds, each twice
		many.Samples = append(many.Samples, Sample{fmt.Sprintf("tag-%d", i%500), noon + int64(i), float64(i)})
	}
	huge := Batch{Tenant: DefaultTenant, Device: "x", Arrival: noon, Events: []Event{{Time: noon, Code: "c", Attributes: map[string]string{}}}}
	for i := range 3 * MaxAttributes {
		huge.Events[0].Attributes[fmt.Sprint(i)] = strings.Repeat("v", i)
	}
	for name, want := range map[string]Batch{
		"full":                        full(),
		"many metrics":                many,
		"attributes beyond the limit": huge,
		"empty":                       {Tenant: DefaultTenant, Device: "x"},
		"far times":                   {Tenant: DefaultTenant, Device: "x", Arrival: math.MinInt64, Samples: []Sample{{"m", math.MaxInt64, 1}, {"m", math.MinInt64, 2}}},
		"names of one letter more":    {Tenant: "t", Device: "d", Samples: []Sample{{"a", 0, 1}, {"ab", 0, 2}, {"a", 0, 3}, {"ab", 0, 4}, {"", 0, 5}}},
	} {
		t.Run(name, func(t *testing.T) {
			entry := AppendBatch([]byte("before"), &want)
			if !bytes.HasPrefix(entry, []byte("before")) {
				t.Fatal("the bytes before were touched")
			}
			var d Decoder
			got := full() // what was there must not show through
			if err := d.Batch(entry[6:], &got); err != nil {
				t.Fatal(err)
			}
			if !equal(&got, &want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func equal(a, b *Batch) bool {
	return a.Tenant == b.Tenant && a.Device == b.Device && a.Arrival == b.Arrival &&
		slices.EqualFunc(a.Samples, b.Samples, func(x, y Sample) bool {
			return x.Metric == y.Metric && x.Time == y.Time && math.Float64bits(x.Value) == math.Float64bits(y.Value)
		}) &&
		slices.EqualFunc(a.Events, b.Events, func(x, y Event) bool {
			same := maps.Equal(x.Attributes, y.Attributes)
			x.Attributes, y.Attributes = nil, nil
			return same && reflect.DeepEqual(x, y)
		}) &&
		slices.EqualFunc(a.States, b.States, func(x, y State) bool {
			return x.Time == y.Time && x.Online == y.Online && maps.Equal(x.Attributes, y.Attributes)
		})
}

func TestRejectedRoundTrip(t *testing.T) {
	for _, want := range []Rejected{
		{Tenant: DefaultTenant},
		{Tenant: "acme", Device: "d", Topic: "t", Arrival: -1, Reason: "r", Detail: "because", Payload: []byte{0, 255}, Truncated: true},
	} {
		var d Decoder
		entry := AppendRejected(nil, &want)
		got, err := d.Rejected(entry)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		clear(entry)
		if !reflect.DeepEqual(got, want) {
			t.Error("what was decoded changes with the entry's bytes")
		}
	}
}

func TestTickRoundTrip(t *testing.T) {
	for _, want := range []int64{0, noon, -1, math.MaxInt64, math.MinInt64} {
		if got, err := DecodeTick(AppendTick(nil, want)); err != nil || got != want {
			t.Errorf("got %d, %v, want %d", got, err, want)
		}
	}
}

// TestDecodeDamaged cuts and lengthens an entry at every byte: each must be refused with ErrBadEntry.
func TestDecodeDamaged(t *testing.T) {
	b := full()
	entry := AppendBatch(nil, &b)
	var d Decoder
	var got Batch
	for n := range entry {
		if err := d.Batch(entry[:n], &got); !errors.Is(err, ErrBadEntry) {
			t.Errorf("cut to %d of %d bytes: %v", n, len(entry), err)
		}
	}
	if err := d.Batch(append(entry, 0), &got); !errors.Is(err, ErrBadEntry) {
		t.Errorf("a byte too many: %v", err)
	}
	for name, bad := range map[string][]byte{
		"another kind":          AppendTick(nil, 0),
		"a count without items": {1, 1, 0, 1, 'd', 0, 0xff, 0xff, 0xff, 0xff, 0x0f},
	} {
		if err := d.Batch(bad, &got); !errors.Is(err, ErrBadEntry) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, newer := range map[string][]byte{"version": {9, 1}, "kind": {1, 9}} {
		if err := d.Batch(newer, &got); !errors.Is(err, ErrNewerEntry) || errors.Is(err, ErrBadEntry) {
			t.Errorf("%s of a newer release: %v", name, err)
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		bad := AppendBatch(nil, &Batch{Device: "d", Samples: []Sample{{"m", 0, v}}})
		if err := d.Batch(bad, &got); !errors.Is(err, ErrBadEntry) {
			t.Errorf("value %v: %v", v, err)
		}
	}
}

func TestDecoderForgets(t *testing.T) {
	var d Decoder
	var got Batch
	var entry []byte
	for i := range maxDevices + 10 {
		b := Batch{Tenant: DefaultTenant, Device: fmt.Sprint(i), Arrival: noon}
		entry = AppendBatch(entry[:0], &b)
		if err := d.Batch(entry, &got); err != nil || got.Device != b.Device {
			t.Fatalf("device %d: %q, %v", i, got.Device, err)
		}
	}
	if len(d.devices) > maxDevices {
		t.Errorf("%d devices are remembered, at most %d may be", len(d.devices), maxDevices)
	}
}

func TestCodecAllocatesNothing(t *testing.T) {
	b := full()
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { buf = AppendBatch(buf[:0], &b) }); n != 0 {
		t.Errorf("encoding allocates %v times", n)
	}
	b.Events, b.States = nil, nil
	buf = AppendBatch(buf[:0], &b)
	var d Decoder
	var got Batch
	if n := testing.AllocsPerRun(100, func() {
		if err := d.Batch(buf, &got); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("decoding samples allocates %v times", n)
	}
}

func FuzzDecode(f *testing.F) {
	b := full()
	f.Add(AppendBatch(nil, &b))
	f.Add(AppendRejected(nil, &Rejected{Tenant: "t", Reason: "r", Payload: []byte("p")}))
	f.Add(AppendTick(nil, noon))
	f.Fuzz(func(t *testing.T, entry []byte) {
		kind, err := KindOf(entry)
		if err != nil {
			return
		}
		var d Decoder
		switch kind {
		case EntryBatch:
			var first, second Batch
			if d.Batch(entry, &first) != nil {
				return
			}
			if err := d.Batch(AppendBatch(nil, &first), &second); err != nil || !equal(&first, &second) {
				t.Errorf("%+v became %+v, %v", first, second, err)
			}
		case EntryRejected:
			first, err := d.Rejected(entry)
			if err != nil {
				return
			}
			second, err := d.Rejected(AppendRejected(nil, &first))
			if err != nil || !reflect.DeepEqual(first, second) {
				t.Errorf("%+v became %+v, %v", first, second, err)
			}
		case EntryTick:
			first, err := DecodeTick(entry)
			if err != nil {
				return
			}
			if second, err := DecodeTick(AppendTick(nil, first)); err != nil || first != second {
				t.Errorf("%d became %d, %v", first, second, err)
			}
		}
	})
}

func ten() Batch {
	b := Batch{Tenant: DefaultTenant, Device: "car-0001", Arrival: noon}
	for i := range 10 {
		b.Samples = append(b.Samples, Sample{fmt.Sprintf("metric_%d_value", i), noon - 40, 20 + float64(i)/3})
	}
	return b
}

func BenchmarkAppendBatch(b *testing.B) {
	batch := ten()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendBatch(buf[:0], &batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10, "ns/sample")
	b.ReportMetric(float64(len(buf))/10, "B/sample")
}

func BenchmarkDecodeBatch(b *testing.B) {
	batch := ten()
	buf := AppendBatch(nil, &batch)
	var d Decoder
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Batch(buf, &batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10, "ns/sample")
}
