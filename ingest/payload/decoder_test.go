package payload

import (
	"encoding/json"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/telemetry"
)

const arrival = 1_700_000_000_000

const tele = "presage/v1/car-1/telemetry"

func newDecoder(t testing.TB, patterns ...Pattern) *Decoder {
	t.Helper()
	config := DefaultConfig()
	config.Patterns = patterns
	d, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func message(topic, payload string) ingest.Message {
	return ingest.Message{Tenant: "acme", Topic: topic, Payload: []byte(payload), Arrival: arrival}
}

// one decodes a message that holds one batch.
func one(t *testing.T, d *Decoder, m ingest.Message) telemetry.Batch {
	t.Helper()
	got, err := d.Decode(nil, m)
	if err != nil {
		t.Fatalf("decode %s %q: %v", m.Topic, m.Payload, err)
	}
	if len(got) != 1 {
		t.Fatalf("decode %s: %d batches, want 1", m.Topic, len(got))
	}
	return got[0]
}

// reason decodes a message that must be refused, and returns why.
func reason(t *testing.T, d *Decoder, m ingest.Message) *ingest.RejectError {
	t.Helper()
	before := []telemetry.Batch{{Device: "kept"}}
	got, err := d.Decode(before, m)
	var rejected *ingest.RejectError
	if !errors.As(err, &rejected) {
		t.Fatalf("decode %s %q: got %v, %v, want a RejectError", m.Topic, m.Payload, got, err)
	}
	if len(got) != 1 || got[0].Device != "kept" {
		t.Errorf("decode %s: a refused message changed dst to %v", m.Topic, got)
	}
	if rejected.Detail == "" {
		t.Errorf("decode %s: no detail", m.Topic)
	}
	return rejected
}

func TestTelemetry(t *testing.T) {
	d := newDecoder(t)
	for _, c := range []struct {
		name, payload string
		want          []telemetry.Sample
	}{
		{"single", `{"ts": 1699999999000, "values": {"coolant_temp": 91.2, "rpm": 850}}`,
			[]telemetry.Sample{{Metric: "coolant_temp", Time: 1699999999000, Value: 91.2}, {Metric: "rpm", Time: 1699999999000, Value: 850}}},
		{"array", `[{"ts": 1, "values": {"a": 1}}, {"ts": 2, "values": {"a": 2}}]`,
			[]telemetry.Sample{{Metric: "a", Time: 1, Value: 1}, {Metric: "a", Time: 2, Value: 2}}},
		{"flat", `{"coolant_temp": 91.2}`, []telemetry.Sample{{Metric: "coolant_temp", Time: arrival, Value: 91.2}}},
		{"flat with time", `{"ts": 5, "a": 1}`, []telemetry.Sample{{Metric: "a", Time: 5, Value: 1}}},
		{"no time", `{"values": {"a": 1}}`, []telemetry.Sample{{Metric: "a", Time: arrival, Value: 1}}},
		{"other members are ignored", `{"seq": 9, "values": {"a": 1}}`, []telemetry.Sample{{Metric: "a", Time: arrival, Value: 1}}},
		{"booleans", `{"door": true, "pump": false}`, []telemetry.Sample{{Metric: "door", Time: arrival, Value: 1}, {Metric: "pump", Time: arrival}}},
		{"null is no reading", `{"a": null, "b": 2}`, []telemetry.Sample{{Metric: "b", Time: arrival, Value: 2}}},
		{"exponents and digits", `{"a": 1.5e-3, "b": 0.30000000000000004, "c": -7, "d": 9007199254740993}`, []telemetry.Sample{
			{Metric: "a", Time: arrival, Value: 1.5e-3}, {Metric: "b", Time: arrival, Value: 0.30000000000000004},
			{Metric: "c", Time: arrival, Value: -7}, {Metric: "d", Time: arrival, Value: 9007199254740993}}},
		{"large", `{"a": true, "b": null, "c": false, "d": 1` + strings.Repeat(" ", 8<<10) + `}`, []telemetry.Sample{
			{Metric: "a", Time: arrival, Value: 1}, {Metric: "c", Time: arrival}, {Metric: "d", Time: arrival, Value: 1}}},
		{"escaped name", `{"a\u00b0b": 1}`, []telemetry.Sample{{Metric: "a°b", Time: arrival, Value: 1}}},
		{"a fraction of a millisecond is cut", `{"ts": 1700000000000.9, "a": 1}`, []telemetry.Sample{{Metric: "a", Time: 1700000000000, Value: 1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := one(t, d, message("presage/v1/car-1/telemetry", c.payload))
			if b.Device != "car-1" || b.Tenant != "acme" || b.Arrival != arrival {
				t.Errorf("got device %q, tenant %q, arrival %d", b.Device, b.Tenant, b.Arrival)
			}
			if !reflect.DeepEqual(b.Samples, c.want) {
				t.Errorf("got %v, want %v", b.Samples, c.want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	d := newDecoder(t)
	const event, state = "presage/v1/car-1/event", "presage/v1/car-1/state"
	for _, c := range []struct{ name, topic, payload, want string }{
		{"empty", tele, ``, ReasonEmpty},
		{"cut off", tele, `{"a": 1`, ReasonMalformedJSON},
		{"two documents", tele, `{"a": 1}{"a": 2}`, ReasonMalformedJSON},
		{"invalid UTF-8", tele, "{\"a\xff\": 1}", ReasonInvalidUTF8},
		{"string value", tele, `{"a": "91.2"}`, ReasonWrongType},
		{"object value", tele, `{"a": {"b": 1}}`, ReasonWrongType},
		{"array value", tele, `{"a": [1]}`, ReasonWrongType},
		{"number", tele, `12`, ReasonWrongType},
		{"array of numbers", tele, `[1, 2]`, ReasonWrongType},
		{"values is a number", tele, `{"values": 3}`, ReasonWrongType},
		{"NaN", tele, `{"a": NaN}`, ReasonNotFinite},
		{"infinity", tele, `{"a": -inf}`, ReasonNotFinite},
		{"overflow", tele, `{"a": 1e999}`, ReasonNotFinite},
		{"no number", tele, `{"a": 1.2.3}`, ReasonMalformedJSON},
		{"nothing", tele, `{}`, ReasonNoValues},
		{"only nulls", tele, `{"a": null}`, ReasonNoValues},
		{"empty array", tele, `[]`, ReasonNoValues},
		{"time as string", tele, `{"ts": "1700000000000", "a": 1}`, ReasonWrongType},
		{"time before 1970", tele, `{"ts": -1, "a": 1}`, ReasonBadTime},
		{"time out of range", tele, `{"ts": 1e18, "a": 1}`, ReasonBadTime},
		{"bad metric", tele, `{" a": 1}`, ReasonBadMetric},
		{"empty metric", tele, `{"": 1}`, ReasonBadMetric},
		{"long metric", tele, `{"` + strings.Repeat("m", telemetry.MaxMetricName+1) + `": 1}`, ReasonBadMetric},
		{"deep", tele, strings.Repeat("[", 17) + strings.Repeat("]", 17), ReasonTooDeep},
		{"very deep", tele, strings.Repeat(`{"a":`, 100_000), ReasonTooDeep},
		{"word that is none", tele, `{"a": tru}`, ReasonMalformedJSON},
		{"the same in a large payload", tele, `{"a": tru, "` + strings.Repeat("b", 8<<10) + `": 1}`, ReasonMalformedJSON},
		{"NaN in a large payload", tele, `{"a": nan, "` + strings.Repeat("b", 8<<10) + `": 1}`, ReasonNotFinite},
		{"one bad reading refuses the message", tele, `[{"a": 1}, {"a": "x"}]`, ReasonWrongType},

		{"no code", event, `{"severity": "warning"}`, ReasonMissingCode},
		{"empty code", event, `{"code": ""}`, ReasonMissingCode},
		{"code is a number", event, `{"code": 217}`, ReasonWrongType},
		{"code with control character", event, `{"code": "a\nb"}`, ReasonBadCode},
		{"unknown severity", event, `{"code": "a", "severity": "bad"}`, ReasonBadSeverity},
		{"attributes are a string", event, `{"code": "a", "attributes": "x"}`, ReasonWrongType},
		{"no events", event, `[]`, ReasonNoValues},

		{"online is a string", state, `{"online": "yes"}`, ReasonWrongType},
		{"state is a string", state, `"offline"`, ReasonWrongType},

		{"no kind", "presage/v1/car-1", `{"a": 1}`, ReasonBadTopic},
		{"unknown kind", "presage/v1/car-1/telemetri", `{"a": 1}`, ReasonBadTopic},
		{"too many levels", "presage/v1/car-1/telemetry/x", `{"a": 1}`, ReasonBadTopic},
		{"other version", "presage/v2/car-1/telemetry", `{"a": 1}`, ReasonBadTopic},
		{"no pattern", "plant/car-1", `{"a": 1}`, ReasonBadTopic},
		{"empty device", "presage/v1//telemetry", `{"a": 1}`, ReasonBadDevice},
		{"long device", "presage/v1/" + strings.Repeat("d", telemetry.MaxDeviceID+1) + "/telemetry", `{"a": 1}`, ReasonBadDevice},
		{"device with space at its end", "presage/v1/car /telemetry", `{"a": 1}`, ReasonBadDevice},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := reason(t, d, message(c.topic, c.payload))
			if got.Reason != c.want {
				t.Errorf("got %s (%s), want %s", got.Reason, got.Detail, c.want)
			}
			if strings.HasPrefix(c.topic, "presage/v1/car-1/") && got.Device != "car-1" {
				t.Errorf("got device %q, want car-1", got.Device)
			}
			if len(got.Detail) > 600 {
				t.Errorf("the detail holds %d bytes", len(got.Detail))
			}
		})
	}
}

// TestHostilePayloadsCostNoMoreThanTheirSize holds that a message of 1 MiB cannot make
// the decoder work on many times as much.
func TestHostilePayloadsCostNoMoreThanTheirSize(t *testing.T) {
	d := newDecoder(t)
	const size = 1 << 20
	for _, c := range []struct{ name, payload string }{
		{"garbage within levels", strings.Repeat(`{"a":`, 15) + strings.Repeat("x", size)},
		{"a word that is not quite one", strings.Repeat(`{"a":`, 15) + "t" + strings.Repeat(`"`, size)},
		{"another", strings.Repeat("[", 15) + "nul" + strings.Repeat("\x01", size)},
		{"a number without end", `{"a":` + strings.Repeat("9", size) + "}"},
		{"a name without end", `{"` + strings.Repeat("\\u00e9", size/6) + `":1}`},
	} {
		m := message(tele, c.payload)
		reason(t, d, m) // once, so that the parser has its buffers
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		reason(t, d, m)
		runtime.ReadMemStats(&after)
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 8*size {
			t.Errorf("%s: %d MiB were allocated for a payload of 1 MiB", c.name, allocated>>20)
		}
	}
}

func TestReasonsAreListed(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Reasons() {
		if r == "" || seen[r] {
			t.Errorf("reason %q is empty or listed twice", r)
		}
		seen[r] = true
	}
}

func TestEvent(t *testing.T) {
	d := newDecoder(t)
	b := one(t, d, message("presage/v1/tv-7/event",
		`[{"ts": 5, "id": "e1", "code": "P0217", "severity": "error", "attributes": {"app": "player", "n": 3, "ok": true, "stack": ["a"], "none": null}}, {"code": "session_ok"}]`))
	want := []telemetry.Event{
		{Time: 5, ID: "e1", Code: "P0217", Severity: telemetry.Major, Attributes: map[string]string{"app": "player", "n": "3", "ok": "true", "stack": `["a"]`}},
		{Time: arrival, Code: "session_ok"},
	}
	if !reflect.DeepEqual(b.Events, want) {
		t.Errorf("got %v, want %v", b.Events, want)
	}
}

func TestState(t *testing.T) {
	d := newDecoder(t)
	for _, c := range []struct {
		payload string
		want    telemetry.State
	}{
		{`{"online": true, "firmware": "1.4.2"}`, telemetry.State{Time: arrival, Online: true, Attributes: map[string]string{"firmware": "1.4.2"}}},
		{`{"ts": 7, "online": false}`, telemetry.State{Time: 7}},
		{`{"firmware": "1.4.3"}`, telemetry.State{Time: arrival, Online: true, Attributes: map[string]string{"firmware": "1.4.3"}}},
	} {
		b := one(t, d, message("presage/v1/tv-7/state", c.payload))
		if len(b.States) != 1 || !reflect.DeepEqual(b.States[0], c.want) {
			t.Errorf("%s: got %v, want %v", c.payload, b.States, c.want)
		}
	}
}

func TestTakes(t *testing.T) {
	d := newDecoder(t, Pattern{Topic: "plant/{device}/#", Values: "$"})
	for _, c := range []struct {
		topic, payload, device string
		want                   bool
	}{
		{"presage/v1/car-1/telemetry", "{}", "car-1", true},
		{"presage/v1/car-1/state", "{}", "car-1", true},
		{"presage/v1/car-1/state", "", "car-1", false},
		{"presage/nonsense", "{}", "", true},
		{"spBv1.0/g/NDATA/n", "", "g:n", true},
		{"spBv1.0/g/DDATA/n/d", "", "g:n:d", true},
		{"spBv1.0/g/NCMD/n", "", "g:n", false},
		{"spBv1.0/STATE/host", "", ":", false},
		{"spBv1.0/nonsense", "", "", true},
		{"plant/press/a/b", "{}", "press", true},
		{"plant", "{}", "", false},
		{"chat/room", "hello", "", false},
	} {
		if got := d.Takes(c.topic, []byte(c.payload)); got != c.want {
			t.Errorf("Takes(%q, %q) = %v, want %v", c.topic, c.payload, got, c.want)
		}
		if got := d.DeviceOf(c.topic); got != c.device && c.device != ":" {
			t.Errorf("DeviceOf(%q) = %q, want %q", c.topic, got, c.device)
		}
	}
	want := []string{"presage/#", "spBv1.0/#", "plant/+/#"}
	if got := d.Filters(); !reflect.DeepEqual(got, want) {
		t.Errorf("Filters() = %v, want %v", got, want)
	}
}

// TestNamesAreCopies shows that names survive the buffer that they were read from, in a table that is full, too.
func TestNamesAreCopies(t *testing.T) {
	config := DefaultConfig()
	config.MaxNames = 1
	d, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	first := one(t, d, message("presage/v1/a/telemetry", `{"first": 1, "second": 2}`))
	one(t, d, message("presage/v1/a/telemetry", `{"XXXXX": 1, "YYYYYY": 2}`))
	if first.Samples[0].Metric != "first" || first.Samples[1].Metric != "second" {
		t.Errorf("got %v", first.Samples)
	}
}

func TestTelemetryAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools forget")
	}
	d := newDecoder(t)
	m := message("presage/v1/car-1/telemetry", tenValues)
	var dst []telemetry.Batch
	for range 100 {
		dst, _ = d.Decode(dst[:0], m)
	}
	allocs := testing.AllocsPerRun(1000, func() {
		var err error
		if dst, err = d.Decode(dst[:0], m); err != nil || len(dst[0].Samples) != 10 {
			t.Fatal(dst, err)
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations a message, want none", allocs)
	}
}

const tenValues = `{"ts":1700000000000,"values":{"coolant_temp":91.25,"oil_temp":104.5,"rpm":2150,"speed":87.4,"load":43.1,"voltage":14.02,"fuel_rate":6.71,"intake_temp":31,"map":64.2,"throttle":18.8}}`

func BenchmarkTelemetry(b *testing.B) {
	d := newDecoder(b)
	m := message("presage/v1/car-1/telemetry", tenValues)
	var dst []telemetry.Batch
	b.SetBytes(int64(len(m.Payload)))
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = d.Decode(dst[:0], m)
	}
}

// FuzzJSON holds that whatever is accepted on the native topics is within the rules, and
// that valid JSON is never called malformed.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		tenValues, `{"a":1}`, `[{"ts":1,"values":{"a":true}}]`, `{"code":"x","attributes":{"a":[1,{"b":null}]}}`,
		`{"online":false}`, `[{"bn":"urn:dev:ow:1:","n":"t","v":1}]`, `{"a":NaN}`, "{\"\xff\":1}", `{"\ud800":1}`, `{"a":-}`,
	} {
		f.Add([]byte(seed))
	}
	d := newDecoder(f)
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, kind := range []string{"telemetry", "event", "state", "senml"} {
			m := ingest.Message{Topic: "presage/v1/dev/" + kind, Payload: payload, Arrival: arrival}
			checkDecode(t, d, m, json.Valid(payload))
		}
	})
}

// checkDecode holds a decoder to its promises for any message.
func checkDecode(t *testing.T, d *Decoder, m ingest.Message, validJSON bool) {
	t.Helper()
	got, err := decodeBounded(t, d, m)
	if err != nil {
		var rejected *ingest.RejectError
		if !errors.As(err, &rejected) || rejected.Detail == "" {
			t.Fatalf("%s: error %v is no RejectError with a detail", m.Topic, err)
		}
		known := false
		for _, r := range Reasons() {
			known = known || r == rejected.Reason
		}
		if !known {
			t.Fatalf("%s: reason %q is not listed", m.Topic, rejected.Reason)
		}
		if validJSON && rejected.Reason == ReasonMalformedJSON {
			t.Fatalf("%s: valid JSON was called malformed: %s", m.Topic, rejected.Detail)
		}
		return
	}
	if len(got) == 0 {
		t.Fatalf("%s: neither batches nor an error", m.Topic)
	}
	for _, b := range got {
		if err := telemetry.ValidDeviceID(b.Device); err != nil {
			t.Fatal(err)
		}
		if len(b.Samples)+len(b.Events)+len(b.States) == 0 {
			t.Fatalf("%s: an empty batch", m.Topic)
		}
		for _, s := range b.Samples {
			if err := telemetry.ValidMetricName(s.Metric); err != nil || s.Value-s.Value != 0 || s.Time < 0 || s.Time > maxTime {
				t.Fatalf("%s: bad sample %v (%v)", m.Topic, s, err)
			}
		}
		for _, e := range b.Events {
			if e.Code == "" || e.Time < 0 {
				t.Fatalf("%s: bad event %v", m.Topic, e)
			}
		}
	}
}
