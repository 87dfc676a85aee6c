package payload

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/telemetry"
)

// spb writes Sparkplug messages field by field.
type spb []byte

func (b spb) number(field protowire.Number, v uint64) spb {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func (b spb) text(field protowire.Number, s string) spb {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func (b spb) double(v float64) spb {
	return protowire.AppendFixed64(protowire.AppendTag(b, fieldDouble, protowire.Fixed64Type), math.Float64bits(v))
}

func (b spb) float(v float32) spb {
	return protowire.AppendFixed32(protowire.AppendTag(b, fieldFloat, protowire.Fixed32Type), math.Float32bits(v))
}

// sparkplugPayload is a payload of metrics, its time behind them, as protobuf allows.
func sparkplugPayload(time uint64, metrics ...spb) string {
	var b spb
	for _, m := range metrics {
		b = b.text(fieldPayloadMetrics, string(m))
	}
	return string(b.number(fieldPayloadTimestamp, time).number(3, 7))
}

func negative(v int64) uint64 { return uint64(uint32(int32(v))) }

func TestSparkplug(t *testing.T) {
	d := newDecoder(t)
	const at = arrival - 1000
	temperature := spb{}.text(fieldName, "Motor/Temperature").number(fieldAlias, 1).number(fieldDatatype, 10)
	steps := spb{}.text(fieldName, "Steps").number(fieldAlias, 2).number(fieldDatatype, typeInt16)

	born := one(t, d, message("spBv1.0/plant/DBIRTH/edge/press", sparkplugPayload(at,
		append(spb{}, temperature...).double(21.5), append(spb{}, steps...).number(fieldInt, negative(-3)),
		spb{}.text(fieldName, "bdSeq").number(fieldLong, 4),
		spb{}.text(fieldName, "Device Control/Reboot").number(fieldBoolean, 0),
		spb{}.text(fieldName, "Firmware").number(fieldDatatype, 12).text(fieldString, "2.1"))))
	if born.Device != "plant:edge:press" {
		t.Errorf("device %q", born.Device)
	}
	want := []telemetry.Sample{{Metric: "Motor/Temperature", Time: at, Value: 21.5}, {Metric: "Steps", Time: at, Value: -3}}
	if !reflect.DeepEqual(born.Samples, want) {
		t.Errorf("birth: got %v, want %v", born.Samples, want)
	}
	wantState := []telemetry.State{{Time: at, Online: true, Attributes: map[string]string{"Firmware": "2.1"}}}
	if !reflect.DeepEqual(born.States, wantState) {
		t.Errorf("birth: got %v, want %v", born.States, wantState)
	}

	// Data by alias, with the types of the birth, a time of its own, and a null.
	data := one(t, d, message("spBv1.0/plant/DDATA/edge/press", sparkplugPayload(at,
		spb{}.number(fieldAlias, 1).number(fieldTimestamp, at+5).float(22.5),
		spb{}.number(fieldAlias, 2).number(fieldInt, negative(-4)),
		spb{}.text(fieldName, "Steps").number(fieldInt, negative(-5)),
		spb{}.number(fieldAlias, 1).number(fieldIsNull, 1))))
	want = []telemetry.Sample{{Metric: "Motor/Temperature", Time: at + 5, Value: 22.5}, {Metric: "Steps", Time: at, Value: -4}, {Metric: "Steps", Time: at, Value: -5}}
	if !reflect.DeepEqual(data.Samples, want) || len(data.States) != 0 {
		t.Errorf("data: got %v and %v, want %v", data.Samples, data.States, want)
	}

	// Another tenant with the same names does not see the aliases.
	other := message("spBv1.0/plant/DDATA/edge/press", sparkplugPayload(at, spb{}.number(fieldAlias, 1).double(1)))
	other.Tenant = "globex"
	if got := reason(t, d, other); got.Reason != ReasonUnknownAlias || got.Device != "plant:edge:press" {
		t.Errorf("foreign alias: got %v", got)
	}

	// The death of the node is that of the device behind it.
	dead, err := d.Decode(nil, message("spBv1.0/plant/NDEATH/edge", sparkplugPayload(1, spb{}.text(fieldName, "bdSeq").number(fieldLong, 4))))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, b := range dead {
		ids = append(ids, b.Device)
		if len(b.States) != 1 || b.States[0].Online || b.States[0].Time != arrival {
			t.Errorf("death of %s: got %v", b.Device, b.States)
		}
	}
	if !reflect.DeepEqual(ids, []string{"plant:edge", "plant:edge:press"}) {
		t.Errorf("death: got %v", ids)
	}

	// The next birth of the node forgets its devices.
	one(t, d, message("spBv1.0/plant/NBIRTH/edge", sparkplugPayload(at, spb{}.text(fieldName, "Uptime").number(fieldAlias, 9).number(fieldLong, 60))))
	again := message("spBv1.0/plant/DDATA/edge/press", sparkplugPayload(at, spb{}.number(fieldAlias, 1).double(1)))
	if got := reason(t, d, again); got.Reason != ReasonUnknownAlias {
		t.Errorf("alias after the node's birth: got %v", got)
	}
}

func TestSparkplugRefused(t *testing.T) {
	d := newDecoder(t)
	for _, c := range []struct{ name, topic, payload, want string }{
		{"not protobuf", "spBv1.0/g/NDATA/n", "\xff\xff", ReasonMalformedProtobuf},
		{"cut off", "spBv1.0/g/NDATA/n", sparkplugPayload(1, spb{}.text(fieldName, "a").double(1))[:8], ReasonMalformedProtobuf},
		{"NaN", "spBv1.0/g/NDATA/n", sparkplugPayload(1, spb{}.text(fieldName, "a").double(math.NaN())), ReasonNotFinite},
		{"no name", "spBv1.0/g/NDATA/n", sparkplugPayload(1, spb{}.double(1)), ReasonBadMetric},
		{"bad name", "spBv1.0/g/NDATA/n", sparkplugPayload(1, spb{}.text(fieldName, "a\x00").double(1)), ReasonBadMetric},
		{"name not UTF-8", "spBv1.0/g/NDATA/n", sparkplugPayload(1, spb{}.text(fieldName, "\xff").double(1)), ReasonInvalidUTF8},
		{"nothing", "spBv1.0/g/NDATA/n", sparkplugPayload(1), ReasonNoValues},
		{"time out of range", "spBv1.0/g/NDATA/n", sparkplugPayload(1<<62, spb{}.text(fieldName, "a").double(1)), ReasonBadTime},
		{"death not protobuf", "spBv1.0/g/NDEATH/n", "\xff", ReasonMalformedProtobuf},
		{"unknown type", "spBv1.0/g/XDATA/n", "", ReasonBadTopic},
		{"node with device", "spBv1.0/g/NDATA/n/d", "", ReasonBadTopic},
		{"device without device", "spBv1.0/g/DDATA/n", "", ReasonBadTopic},
		{"one level", "spBv1.0/g", "", ReasonBadTopic},
		{"bad device", "spBv1.0/g/NDATA/n ", "", ReasonBadDevice},
	} {
		if got := reason(t, d, message(c.topic, c.payload)); got.Reason != c.want {
			t.Errorf("%s: got %s (%s), want %s", c.name, got.Reason, got.Detail, c.want)
		}
	}
}

func TestSparkplugDeviceIsUnique(t *testing.T) {
	seen := map[string][3]string{}
	for _, parts := range [][3]string{{"a", "b", ""}, {"a", "b", "c"}, {"a:b", "c", ""}, {"a", "b:c", ""}, {"a%3Ab", "c", ""}, {"a", "b", "c:d"}} {
		id := SparkplugDevice(parts[0], parts[1], parts[2])
		if before, taken := seen[id]; taken {
			t.Errorf("%v and %v share the id %q", before, parts, id)
		}
		seen[id] = parts
	}
}

// TestSparkplugMemoryIsBounded lets edge nodes declare more metrics than the limit.
func TestSparkplugMemoryIsBounded(t *testing.T) {
	config := DefaultConfig()
	config.MaxAliases = 10
	d, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		topic := "spBv1.0/g/NBIRTH/n" + string(rune('a'+i%26)) + string(rune('a'+i/26))
		for range 2 { // a second birth of the same node counts once
			one(t, d, message(topic, sparkplugPayload(1, spb{}.text(fieldName, "a").number(fieldAlias, 1).double(1), spb{}.text(fieldName, "b").number(fieldAlias, 2).double(1))))
		}
	}
	held := 0
	for _, n := range d.sparkplug.nodes {
		for _, types := range n.types {
			held += cost(types)
		}
	}
	if held != d.sparkplug.count || held > 10 || held < 8 {
		t.Errorf("%d held, %d counted, at most 10 allowed", held, d.sparkplug.count)
	}
}

func TestRebirthIsAskedFor(t *testing.T) {
	d := newDecoder(t)
	var asked []Rebirth
	d.OnUnknownAlias(func(r Rebirth) { asked = append(asked, r) })
	m := message("spBv1.0/plant/DDATA/edge/press", sparkplugPayload(1, spb{}.number(fieldAlias, 1).double(1)))
	for _, after := range []int64{0, 1, rebirthEvery - 1, rebirthEvery} {
		m.Arrival = arrival + after
		reason(t, d, m)
	}
	if len(asked) != 2 || asked[0].Topic != "spBv1.0/plant/NCMD/edge" || asked[0].Tenant != "acme" {
		t.Fatalf("got %v, want two requests to the edge node", asked)
	}
	var got []string
	err := scanSparkplug(asked[0].Payload, func(time uint64, m *sparkplugMetric) error {
		got = append(got, string(m.name))
		if time != arrival || m.datatype != 11 || m.value != valueBool || m.bits != 1 {
			t.Errorf("got time %d and %+v", time, m)
		}
		return nil
	})
	if err != nil || !reflect.DeepEqual(got, []string{"Node Control/Rebirth"}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func FuzzSparkplug(f *testing.F) {
	f.Add([]byte(sparkplugPayload(arrival, spb{}.text(fieldName, "a").number(fieldAlias, 1).double(1), spb{}.number(fieldAlias, 1).float(2))))
	f.Add([]byte(sparkplugPayload(1, spb{}.text(fieldName, "s").text(fieldString, "x"))))
	f.Fuzz(func(t *testing.T, payload []byte) {
		d := newDecoder(t)
		for _, topic := range []string{"spBv1.0/g/NBIRTH/n", "spBv1.0/g/NDATA/n", "spBv1.0/g/DBIRTH/n/d", "spBv1.0/g/DDATA/n/d", "spBv1.0/g/NDEATH/n"} {
			checkDecode(t, d, ingest.Message{Topic: topic, Payload: payload, Arrival: arrival}, false)
		}
	})
}

func TestSparkplugFilters(t *testing.T) {
	for device, want := range map[string][]string{
		"g:n":       {"spBv1.0/g/+/n", "spBv1.0/g/+/n/#"},
		"g:n:d":     {"spBv1.0/g/+/n/d"},
		"g%3Ah:n":   {"spBv1.0/g:h/+/n", "spBv1.0/g:h/+/n/#"},
		"car-7":     nil,
		"a:b:c:d":   nil,
		"g:":        nil,
		":n":        nil,
		"50%25:n":   {"spBv1.0/50%/+/n", "spBv1.0/50%/+/n/#"},
		"g:n%253A1": {"spBv1.0/g/+/n%3A1", "spBv1.0/g/+/n%3A1/#"},
	} {
		if got := SparkplugFilters(device); !slices.Equal(got, want) {
			t.Errorf("SparkplugFilters(%q) = %q, want %q", device, got, want)
		}
	}
}
