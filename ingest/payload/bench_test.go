package payload

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/presage-pdm/presage/telemetry"
)

// BenchmarkDecode reads ten values of one device in each form but that of BenchmarkTelemetry.
func BenchmarkDecode(b *testing.B) {
	var text, flat []string
	var pack []map[string]any
	var metrics []spb
	for i := range 10 {
		name, value := fmt.Sprintf("metric_%d", i), 20+float64(i)/8
		text = append(text, fmt.Sprintf(`{"n":%q,"v":%v}`, name, value))
		flat = append(flat, fmt.Sprintf(`%q:%v`, name, value))
		pack = append(pack, map[string]any{"n": name, "v": value})
		metrics = append(metrics, spb(nil).text(fieldName, name).double(value))
	}
	binary, err := cbor.Marshal(pack)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name, topic, payload string
		patterns             []Pattern
	}{
		{"SenML JSON", senMLTopic, "[" + strings.Join(text, ",") + "]", nil},
		{"SenML CBOR", senMLTopic, string(binary), nil},
		{"Sparkplug B", "spBv1.0/g/DDATA/n/d", sparkplugPayload(arrival, metrics...), nil},
		{"pattern", "plant/press/data", `{"time":1700000000000,"readings":{` + strings.Join(flat, ",") + "}}",
			[]Pattern{{Topic: "plant/{device}/data", Values: "readings", Time: "time"}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			d := newDecoder(b, c.patterns...)
			m := message(c.topic, c.payload)
			var dst []telemetry.Batch
			b.SetBytes(int64(len(c.payload)))
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if dst, err = d.Decode(dst[:0], m); err != nil || len(dst) != 1 || len(dst[0].Samples) != 10 {
					b.Fatalf("%d batches, %v", len(dst), err)
				}
			}
			b.ReportMetric(float64(10*b.N)/b.Elapsed().Seconds(), "samples/s")
		})
	}
}
