package payload

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/telemetry"
)

// What decoding may take for each byte of a payload, and beside that: the shortest readings have three bytes, and a sample has 40.
const (
	bytesPerByte = 200
	bytesBeside  = 256 << 10
	timePerByte  = 2 * time.Microsecond // a hundred times what it takes, for machines that do other things
	timeBeside   = 5 * time.Second
)

// decodeBounded decodes a message and fails when that takes more memory or time than its size allows.
func decodeBounded(t testing.TB, d *Decoder, m ingest.Message) ([]telemetry.Batch, error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	batches, err := d.Decode(nil, m)
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	size := len(m.Topic) + len(m.Payload)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > uint64(bytesBeside+bytesPerByte*size) {
		t.Errorf("%.60s: %d bytes took %d bytes of memory (%v)", m.Topic, size, taken, err)
	}
	if took > timeBeside+time.Duration(size)*timePerByte {
		t.Errorf("%.60s: %d bytes took %s", m.Topic, size, took)
	}
	return batches, err
}

// TestSmallPayloadsStaySmall decodes what is made to take much more than it has.
func TestSmallPayloadsStaySmall(t *testing.T) {
	long := strings.Repeat("x", 60_000)
	records := strings.Repeat(`,{"n":"a","v":1}`, 20_000)
	rows := strings.Repeat(`{"v":1},`, 50_000)
	cbor := func(head string, times int, item string, tail string) []byte {
		return []byte(head + strings.Repeat(item, times) + tail)
	}
	metrics := make([]spb, 20_000)
	for i := range metrics {
		metrics[i] = spb{}.text(fieldName, "m")
	}
	d := newDecoder(t,
		Pattern{Topic: "rows/{device}", Each: "rows", Metric: "m", Value: "v"},
		Pattern{Topic: "values/{device}", Values: "$"},
	)
	for name, m := range map[string]struct {
		topic   string
		payload []byte
	}{
		"json, deep":               {"presage/v1/dev/telemetry", bytes.Repeat([]byte("["), 500_000)},
		"json, deep objects":       {"presage/v1/dev/telemetry", bytes.Repeat([]byte(`{"a":`), 200_000)},
		"json, many short":         {"presage/v1/dev/telemetry", []byte(`[` + strings.Repeat(`{"a":1},`, 100_000) + `{"a":1}]`)},
		"json, many members":       {"presage/v1/dev/telemetry", []byte(`{` + strings.Repeat(`"a":1,`, 150_000) + `"a":1}`)},
		"json, a long number":      {"presage/v1/dev/telemetry", []byte(`{"a":` + strings.Repeat("1", 1_000_000) + `}`)},
		"json, escapes":            {"presage/v1/dev/telemetry", []byte(`{"` + strings.Repeat(`\u0041`, 100_000) + `":1}`)},
		"event, attributes":        {"presage/v1/dev/event", []byte(`{"code":"x","attributes":{` + strings.Repeat(`"a":{"b":[1]},`, 50_000) + `"z":1}}`)},
		"senml, a long base name":  {senMLTopic, []byte(`[{"bn":"` + long + `","n":"a","v":1}` + records + `]`)},
		"senml, base name changes": {senMLTopic, []byte(`[` + strings.Repeat(`{"bn":"`+strings.Repeat("y", 100)+`","n":"a","v":1},`, 5000) + `{"n":"a","v":1}]`)},
		"cbor, a huge array":       {senMLTopic, []byte("\x9b\x7f\xff\xff\xff\xff\xff\xff\xff")},
		"cbor, a huge map":         {senMLTopic, []byte("\x81\xbb\x00\x00\x00\x00\x7f\xff\xff\xff")},
		"cbor, a huge text":        {senMLTopic, []byte("\x81\xa1\x00\x7b\x00\x00\x00\x00\x7f\xff\xff\xff")},
		"cbor, nested":             {senMLTopic, cbor("\x81\xa1\x18\x63", 200_000, "\x81", "\x00")},
		"cbor, nested tags":        {senMLTopic, cbor("\x81\xa1\x02", 200_000, "\xc4", "\x00")},
		"cbor, no end":             {senMLTopic, cbor("\x9f", 100_000, "\xa1\x02\x01", "")},
		"sparkplug, many metrics":  {"spBv1.0/g/NBIRTH/n", []byte(sparkplugPayload(arrival, metrics...))},
		"sparkplug, a huge length": {"spBv1.0/g/NBIRTH/n", []byte("\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f")},
		"mapped, many rows":        {"rows/x", []byte(`{"rows":[` + rows + `{"v":1}]}`)},
		"mapped, nested values":    {"values/x", bytes.Repeat([]byte(`{"a":`), 100_000)},
		"a long topic":             {"presage/" + strings.Repeat("a/", 30_000), []byte(`{"a":1}`)},
		"a long topic of many":     {"values/" + strings.Repeat("/", 60_000), []byte(`{"a":1}`)},
	} {
		t.Run(name, func(t *testing.T) {
			decodeBounded(t, d, ingest.Message{Topic: m.topic, Payload: m.payload, Arrival: arrival})
		})
	}
	// Aliases of one node are bounded, however many births it sends, and however long its names are.
	before := heapInUse()
	for i := range 300 {
		name := fmt.Sprint("m", i, strings.Repeat("n", 100))
		decodeBounded(t, d, ingest.Message{Topic: fmt.Sprintf("spBv1.0/g/NBIRTH/n%d", i%3), Payload: []byte(sparkplugPayload(arrival,
			spb{}.text(fieldName, name).number(fieldAlias, uint64(i)).double(1))), Arrival: arrival})
	}
	if grown := heapInUse() - before; grown > 4<<20 {
		t.Errorf("%d bytes are kept of births", grown)
	}
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
