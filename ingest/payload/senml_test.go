package payload

import (
	"encoding/hex"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/telemetry"
)

const senMLTopic = "presage/v1/dev/senml"

// The examples of RFC 8428 sections 5.1.1 to 5.1.7 with what they mean after section 4.6.
func TestSenMLExamplesOfTheRFC(t *testing.T) {
	d := newDecoder(t)
	for _, c := range []struct {
		name, payload string
		want          []telemetry.Sample
	}{
		{"5.1.1 single datapoint", `[{"n":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1}]`,
			[]telemetry.Sample{{Metric: "Cel", Time: arrival, Value: 23.1}}},
		{"5.1.2 multiple datapoints", `[
			{"bn":"urn:dev:ow:10e2073a01080063:","n":"voltage","u":"V","v":120.1},
			{"n":"current","u":"A","v":1.2}]`,
			[]telemetry.Sample{{Metric: "voltage", Time: arrival, Value: 120.1}, {Metric: "current", Time: arrival, Value: 1.2}}},
		{"5.1.2 with times", `[
			{"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,"bu":"A","bver":5,"n":"voltage","u":"V","v":120.1},
			{"n":"current","t":-5,"v":1.2}, {"n":"current","t":-4,"v":1.3}, {"n":"current","t":-3,"v":1.4},
			{"n":"current","t":-2,"v":1.5}, {"n":"current","t":-1,"v":1.6}, {"n":"current","v":1.7}]`, packOfTheRFC},
		{"5.1.2 relative times", `[
			{"bn":"urn:dev:ow:10e2073a01080063:","bt":-10,"n":"t","v":1}, {"n":"t","t":4,"v":2}]`,
			[]telemetry.Sample{{Metric: "t", Time: arrival - 10_000, Value: 1}, {Metric: "t", Time: arrival - 6_000, Value: 2}}},
		{"5.1.3 told apart by unit", `[
			{"bn":"urn:dev:ow:10e2073a01080063","bt":1.320067464e+09,"bu":"%RH","v":20},
			{"u":"lon","v":24.30621}, {"u":"lat","v":60.07965}, {"t":60,"v":20.3}, {"u":"%EL","t":150,"v":98}]`,
			[]telemetry.Sample{
				{Metric: "%RH", Time: 1320067464000, Value: 20}, {Metric: "lon", Time: 1320067464000, Value: 24.30621},
				{Metric: "lat", Time: 1320067464000, Value: 60.07965}, {Metric: "%RH", Time: 1320067524000, Value: 20.3},
				{Metric: "%EL", Time: 1320067614000, Value: 98}}},
		{"5.1.5 booleans", `[{"bn":"urn:dev:mac:0024befffe804ff1/","n":"open","vb":true},{"n":"shut","vb":false}]`,
			[]telemetry.Sample{{Metric: "open", Time: arrival, Value: 1}, {Metric: "shut", Time: arrival}}},
		{"base value and sum", `[{"bn":"dev/","bv":20,"bs":100,"n":"a","v":0.5,"s":7}]`,
			[]telemetry.Sample{{Metric: "a", Time: arrival, Value: 20.5}, {Metric: "a.sum", Time: arrival, Value: 107}}},
		{"RFC 8798 units", `[{"n":"speed","u":"km/h","v":36},{"n":"charge","u":"Ah","v":2},{"n":"signal","u":"dBm","v":-60}]`,
			[]telemetry.Sample{{Metric: "speed", Time: arrival, Value: 10}, {Metric: "charge", Time: arrival, Value: 7200}, {Metric: "signal", Time: arrival, Value: -90}}},
		{"unknown label", `[{"n":"a","v":1,"ut":60,"vendor":"x"}]`, []telemetry.Sample{{Metric: "a", Time: arrival, Value: 1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := one(t, d, message(senMLTopic, c.payload))
			sameSamples(t, b.Samples, c.want)
		})
	}
}

// packOfTheRFC is what the example of section 6 means, in JSON and in CBOR.
var packOfTheRFC = []telemetry.Sample{
	{Metric: "voltage", Time: 1276020076001, Value: 120.1},
	{Metric: "current", Time: 1276020071001, Value: 1.2},
	{Metric: "current", Time: 1276020072001, Value: 1.3},
	{Metric: "current", Time: 1276020073001, Value: 1.4},
	{Metric: "current", Time: 1276020074001, Value: 1.5},
	{Metric: "current", Time: 1276020075001, Value: 1.6},
	{Metric: "current", Time: 1276020076001, Value: 1.7},
}

// cborOfTheRFC is figure 3 of section 6.
const cborOfTheRFC = `
87 a7 21 78 1b 75 72 6e 3a 64 65 76 3a 6f 77 3a
31 30 65 32 30 37 33 61 30 31 30 38 30 30 36 3a
22 fb 41 d3 03 a1 5b 00 10 62 23 61 41 20 05 00
67 76 6f 6c 74 61 67 65 01 61 56 02 fb 40 5e 06
66 66 66 66 66 a3 00 67 63 75 72 72 65 6e 74 06
24 02 fb 3f f3 33 33 33 33 33 33 a3 00 67 63 75
72 72 65 6e 74 06 23 02 fb 3f f4 cc cc cc cc cc
cd a3 00 67 63 75 72 72 65 6e 74 06 22 02 fb 3f
f6 66 66 66 66 66 66 a3 00 67 63 75 72 72 65 6e
74 06 21 02 f9 3e 00 a3 00 67 63 75 72 72 65 6e
74 06 20 02 fb 3f f9 99 99 99 99 99 9a a3 00 67
63 75 72 72 65 6e 74 06 00 02 fb 3f fb 33 33 33
33 33 33`

func TestSenMLCBORExampleOfTheRFC(t *testing.T) {
	raw, err := hex.DecodeString(strings.NewReplacer(" ", "", "\n", "").Replace(cborOfTheRFC))
	if err != nil {
		t.Fatal(err)
	}
	b := one(t, newDecoder(t), message(senMLTopic, string(raw)))
	sameSamples(t, b.Samples, packOfTheRFC)
}

func TestSenMLCBORNumbers(t *testing.T) {
	d := newDecoder(t)
	for _, c := range []struct {
		name  string
		value any
		want  float64
	}{
		{"decimal fraction", cbor.Tag{Number: 4, Content: []any{-2, 27315}}, 273.15}, // RFC 8949 section 3.4.4
		{"large exponent", cbor.Tag{Number: 4, Content: []any{3, 5}}, 5000},
		{"negative integer", -40, -40},
		{"single precision", float32(0.5), 0.5},
	} {
		raw, err := cbor.Marshal([]map[int]any{{0: "a", 2: c.value}})
		if err != nil {
			t.Fatal(err)
		}
		b := one(t, d, message(senMLTopic, string(raw)))
		if len(b.Samples) != 1 || b.Samples[0].Value != c.want {
			t.Errorf("%s: got %v, want %v", c.name, b.Samples, c.want)
		}
	}
}

func TestSenMLTextsAreAttributes(t *testing.T) {
	b := one(t, newDecoder(t), message(senMLTopic, `[{"bn":"urn:dev:ow:1:","n":"label","vs":"Machine Room"},{"n":"nfc","vd":"aGkgCg"}]`))
	want := []telemetry.State{{Time: arrival, Online: true, Attributes: map[string]string{"label": "Machine Room", "nfc": "aGkgCg"}}}
	if !reflect.DeepEqual(b.States, want) {
		t.Errorf("got %v, want %v", b.States, want)
	}
}

func TestSenMLRefused(t *testing.T) {
	d := newDecoder(t)
	for _, c := range []struct{ name, payload, want string }{
		{"an object", `{"n":"a","v":1}`, ReasonWrongType},
		{"a number in the pack", `[1]`, ReasonWrongType},
		{"value is a string", `[{"n":"a","v":"1"}]`, ReasonWrongType},
		{"boolean is a number", `[{"n":"a","vb":1}]`, ReasonWrongType},
		{"no measurement", `[{"bn":"a"}]`, ReasonNoValues},
		{"empty pack", `[]`, ReasonNoValues},
		{"newer version", `[{"bver":11,"n":"a","v":1}]`, ReasonUnsupported},
		{"must be understood", `[{"n":"a","v":1,"secret_":1}]`, ReasonUnsupported},
		{"far future", `[{"n":"a","v":1,"t":1e15}]`, ReasonBadTime},
		{"bad CBOR", "\x87\xa7", ReasonMalformedCBOR},
		{"CBOR of numbers", "\x82\x01\x02", ReasonMalformedCBOR},
		{"CBOR NaN", "\x81\xa2\x00\x61a\x02\xf9\x7e\x00", ReasonNotFinite},
		{"CBOR value is a string", "\x81\xa2\x00\x61a\x02\x61x", ReasonWrongType},
		{"CBOR bomb", "\x9b\x7f\xff\xff\xff\xff\xff\xff\xff", ReasonMalformedCBOR},
	} {
		if got := reason(t, d, message(senMLTopic, c.payload)); got.Reason != c.want {
			t.Errorf("%s: got %s (%s), want %s", c.name, got.Reason, got.Detail, c.want)
		}
	}
}

func sameSamples(t *testing.T, got, want []telemetry.Sample) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range got {
		near := math.Abs(got[i].Value-want[i].Value) <= 1e-12*math.Abs(want[i].Value)
		if got[i].Metric != want[i].Metric || got[i].Time != want[i].Time || !near {
			t.Errorf("sample %d: got %v, want %v", i, got[i], want[i])
		}
	}
}

func FuzzCBOR(f *testing.F) {
	raw, _ := hex.DecodeString(strings.NewReplacer(" ", "", "\n", "").Replace(cborOfTheRFC))
	f.Add(raw)
	f.Add([]byte("\x81\xa2\x00\x61a\x02\xc4\x82\x21\x19\x6a\xb3"))
	d := newDecoder(f)
	f.Fuzz(func(t *testing.T, payload []byte) {
		checkDecode(t, d, ingest.Message{Topic: senMLTopic, Payload: payload, Arrival: arrival}, false)
	})
}
