package payload

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fastjson"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/telemetry"
)

// parsed reads telemetry by way of the parser.
func parsed(d *Decoder, m *ingest.Message) ([]telemetry.Sample, error) {
	var s scratch
	var b telemetry.Batch
	err := d.each(&s, m, func(v *fastjson.Value) error { return d.readings(&s, &b, m, v) })
	return b.Samples, err
}

func samePlain(t *testing.T, d *Decoder, s *scratch, payload []byte) (taken bool) {
	t.Helper()
	m := message(tele, string(payload))
	b := telemetry.Batch{Samples: []telemetry.Sample{{Metric: "before"}}}
	taken = d.plain(s, &b, &m)
	if b.Samples[0].Metric != "before" || !taken && len(b.Samples) != 1 {
		t.Fatalf("%q: not taken, and it left %v", payload, b.Samples)
	}
	if !taken {
		return false
	}
	want, err := parsed(d, &m)
	if err != nil {
		t.Fatalf("%q: taken as %v, the parser refuses it: %v", payload, b.Samples[1:], err)
	}
	if !slices.EqualFunc(b.Samples[1:], want, func(a, b telemetry.Sample) bool {
		return a.Metric == b.Metric && a.Time == b.Time && math.Float64bits(a.Value) == math.Float64bits(b.Value)
	}) {
		t.Fatalf("%q: taken as %v, the parser reads %v", payload, b.Samples[1:], want)
	}
	return true
}

func TestPlainTakesWhatIsPlain(t *testing.T) {
	d := newDecoder(t)
	var s scratch
	for range 2 { // without expectations, and with those of the last message
		for _, payload := range []string{
			tenValues, `{"coolant_temp": 91.2}`, `{"a":1,"ts":5}`, `{"ts":5,"a":-1,"b":true,"c":false}`, "\n[ {\"values\" : { \"a\" : 0.5 } , \"ts\" : 0 } ,\t{\"b\":-0} ]\r\n",
			`{"values":{"ts":1,"values":2}}`, `{"a":123456789012345,"b":-0.00000000000001,"c":0.1}`, `{"` + strings.Repeat("m", telemetry.MaxMetricName) + `":1}`,
		} {
			if !samePlain(t, d, &s, []byte(payload)) {
				t.Errorf("left to the parser: %q", payload)
			}
		}
	}
}

func TestPlainLeavesTheRest(t *testing.T) {
	d := newDecoder(t)
	var s scratch
	for _, payload := range []string{
		``, `{}`, `[]`, `1`, `{"a":1`, `{"a":1}}`, `{"a":1} x`, `{"a":}`, `{"a":1,}`, `{"a":1 "b":2}`, `{"a" 1}`, `{a:1}`, `[{"a":1}`, `[{"a":1},]`,
		`{"a":null}`, `{"a":"1"}`, `{"a":[1]}`, `{"a":{"b":1}}`, `{"a":tru}`, `{"a":truex}`, `{"a":NaN}`, `{"a":1e3}`, `{"a":01}`, `{"a":-}`, `{"a":.5}`, `{"a":5.}`, `{"a":+1}`, `{"a":1.2.3}`,
		`{"a":1234567890123456}`, `{"a":0.1234567890123456}`, `{"a\u00b0":1}`, `{"a°":1}`, "{\"a\x01\":1}", "{\"a\x7f\":1}", `{" a":1}`, `{"":1}`,
		`{"ts":1,"ts":2,"a":1}`, `{"ts":-1,"a":1}`, `{"ts":1.5,"a":1}`, `{"ts":"1","a":1}`, `{"ts":999999999999999,"a":1}`,
		`{"values":{"a":1},"values":{"a":2}}`, `{"values":{"a":1},"seq":2}`, `{"seq":2,"values":{"a":1}}`, `{"values":3}`, `{"values":{}}`,
	} {
		if samePlain(t, d, &s, []byte(payload)) {
			t.Errorf("taken as plain: %q", payload)
		}
	}
	config := DefaultConfig()
	config.MaxDepth = 2
	shallow, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	if samePlain(t, shallow, &s, []byte(`[{"values":{"a":1}}]`)) {
		t.Error("taken as plain, although it nests too deep")
	}
}

// FuzzPlain holds that what is taken as plain is what the parser reads, bit for bit.
func FuzzPlain(f *testing.F) {
	for _, seed := range []string{tenValues, `[{"ts":1,"values":{"a":true,"b":-0.1}},{"c":12.50}]`, `{"a":-0,"b":0.0,"c":0.30000000000004}`, `{"a":0.000000000000001}`} {
		f.Add([]byte(seed))
	}
	d := newDecoder(f)
	var s scratch
	f.Fuzz(func(t *testing.T, payload []byte) { samePlain(t, d, &s, payload) })
}

// TestPlainEmptyName refuses a metric without a name, also where nothing is remembered: of a decoder that has read
// nothing yet, and behind the last place that is.
func TestPlainEmptyName(t *testing.T) {
	many := strings.Builder{}
	for i := range 2 * len(plainNames{}) {
		fmt.Fprintf(&many, `"m%d":1,`, i)
	}
	for _, payload := range []string{`{"":1}`, `{"values":{"a":1,"":2}}`, `{` + many.String() + `"":1}`} {
		_, err := newDecoder(t).Decode(nil, message("presage/v1/car-1/telemetry", payload))
		var rejected *ingest.RejectError
		if !errors.As(err, &rejected) {
			t.Errorf("%.40s: got %v, want a RejectError", payload, err)
		}
	}
}
