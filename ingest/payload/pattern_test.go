package payload

import (
	"reflect"
	"strings"
	"testing"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/telemetry"
)

func TestPatterns(t *testing.T) {
	sample := func(metric string, time int64, value float64) telemetry.Sample {
		return telemetry.Sample{Metric: metric, Time: time, Value: value}
	}
	for _, c := range []struct {
		name           string
		pattern        Pattern
		topic, payload string
		want           []telemetry.Batch
	}{
		{"values beside the time", Pattern{Topic: "plant/{device}/data", Values: "$", Time: "time", TimeFormat: "rfc3339"},
			"plant/press/data", `{"time": "2026-03-09T10:14:33.5Z", "temp": 21.5, "name": "north", "ok": true, "tags": []}`,
			[]telemetry.Batch{{Device: "press", Samples: []telemetry.Sample{sample("temp", 1773051273500, 21.5), sample("ok", 1773051273500, 1)}}}},
		{"numeric time is no metric", Pattern{Topic: "plant/{device}/data", Values: "$", Time: "t", TimeFormat: "unix"},
			"plant/press/data", `{"t": 1700000000.25, "temp": 21.5}`,
			[]telemetry.Batch{{Device: "press", Samples: []telemetry.Sample{sample("temp", 1700000000250, 21.5)}}}},
		{"bare number", Pattern{Topic: "shelly/{device}/sensor/{metric}", Value: "$"},
			"shelly/plug-1/sensor/power", `42.5`,
			[]telemetry.Batch{{Device: "plug-1", Samples: []telemetry.Sample{sample("power", arrival, 42.5)}}}},
		{"records of several devices", Pattern{Topic: "gateway/+/up", Each: "body.points", Device: "src.id", Metric: "k", Value: "v.0", Time: "ts"},
			"gateway/g1/up", `{"body": {"points": [
				{"src": {"id": "a"}, "k": "x", "v": [1], "ts": 5}, {"src": {"id": "a"}, "k": "y", "v": [2], "ts": 6}, {"src": {"id": 7}, "k": "x", "v": [3]}]}}`,
			[]telemetry.Batch{
				{Device: "a", Samples: []telemetry.Sample{sample("x", 5, 1), sample("y", 6, 2)}},
				{Device: "7", Samples: []telemetry.Sample{sample("x", arrival, 3)}}}},
		{"numeric strings", Pattern{Topic: "meter/{device}", Values: "$.d", NumericStrings: true},
			"meter/m1", `{"d": {"kWh": " 12.5", "state": "on"}}`,
			[]telemetry.Batch{{Device: "m1", Samples: []telemetry.Sample{sample("kWh", arrival, 12.5)}}}},
		{"dots in names", Pattern{Topic: "meter/{device}", Value: `a\.b.c`, Metric: "m"},
			"meter/m1", `{"a.b": {"c": 3}, "m": "x"}`,
			[]telemetry.Batch{{Device: "m1", Samples: []telemetry.Sample{sample("x", arrival, 3)}}}},
		{"events", Pattern{Topic: "alarms/{device}/#", Code: "dtc", ID: "seq", Severity: "level", Time: "at", TimeFormat: "unix_us"},
			"alarms/truck/engine/1", `{"dtc": 217, "seq": 12, "level": "critical", "at": 1700000000000000}`,
			[]telemetry.Batch{{Device: "truck", Events: []telemetry.Event{{Time: 1700000000000, ID: "12", Code: "217", Severity: telemetry.Critical}}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := newDecoder(t, c.pattern).Decode(nil, message(c.topic, c.payload))
			if err != nil {
				t.Fatal(err)
			}
			for i := range c.want {
				c.want[i].Tenant, c.want[i].Arrival = "acme", arrival
			}
			for i := range got { // nil and empty say the same
				if len(got[i].Samples) == 0 {
					got[i].Samples = nil
				}
				if len(got[i].Events) == 0 {
					got[i].Events = nil
				}
				got[i].States = nil
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestPatternRefuses(t *testing.T) {
	d := newDecoder(t,
		Pattern{Topic: "v/{device}", Values: "values", Time: "t", TimeFormat: "rfc3339"},
		Pattern{Topic: "n/{device}/{metric}", Value: "v"},
		Pattern{Topic: "r", Each: "rows", Device: "id", Values: "$"},
		Pattern{Topic: "e/{device}", Code: "code"},
	)
	for _, c := range []struct{ topic, payload, want string }{
		{"v/a", ``, ReasonEmpty},
		{"v/a", `{`, ReasonMalformedJSON},
		{"v/a", `{}`, ReasonMissingField},
		{"v/a", `{"values": {"a": "x"}}`, ReasonNoValues},
		{"v/a", `{"values": {"a": NaN}}`, ReasonNotFinite},
		{"v/a", `{"t": "yesterday", "values": {"a": 1}}`, ReasonBadTime},
		{"v/a", `{"t": 5, "values": {"a": 1}}`, ReasonWrongType},
		{"v/ a", `{"values": {"a": 1}}`, ReasonBadDevice},
		{"n/a/b", `{}`, ReasonMissingField},
		{"n/a/b", `{"v": "1"}`, ReasonWrongType},
		{"n/a/b", `{"v": null}`, ReasonNoValues},
		{"r", `{"rows": {}}`, ReasonMissingField},
		{"r", `{"rows": []}`, ReasonNoValues},
		{"r", `{"rows": [{"a": 1}]}`, ReasonMissingField},
		{"e/a", `{}`, ReasonMissingCode},
		{"e/a", `{"code": {}}`, ReasonWrongType},
	} {
		if got := reason(t, d, message(c.topic, c.payload)); got.Reason != c.want {
			t.Errorf("%s %s: got %s (%s), want %s", c.topic, c.payload, got.Reason, got.Detail, c.want)
		}
	}
}

func TestConfigErrorsNameTheKey(t *testing.T) {
	for _, c := range []struct {
		pattern Pattern
		want    string
	}{
		{Pattern{Values: "$"}, "patterns[0].topic: it is missing"},
		{Pattern{Topic: "#", Values: "$"}, "patterns[0].topic:"},
		{Pattern{Topic: "a/#/b", Values: "$"}, "patterns[0].topic:"},
		{Pattern{Topic: "a/b+", Values: "$"}, "patterns[0].topic:"},
		{Pattern{Topic: "{device}/{device}", Values: "$"}, "patterns[0].topic:"},
		{Pattern{Topic: "presage/v1/{device}/x", Values: "$"}, "patterns[0].topic:"},
		{Pattern{Topic: "$SYS/{device}", Values: "$"}, "patterns[0].topic:"},
		{Pattern{Topic: "a/{device}"}, "patterns[0].values: give exactly one"},
		{Pattern{Topic: "a/{device}", Values: "$", Code: "c"}, "patterns[0].values: give exactly one"},
		{Pattern{Topic: "a", Values: "$"}, "patterns[0].device:"},
		{Pattern{Topic: "a/{device}", Device: "d", Values: "$"}, "patterns[0].device:"},
		{Pattern{Topic: "a/{device}", Value: "v"}, "patterns[0].metric:"},
		{Pattern{Topic: "a/{device}/{metric}", Values: "$"}, "patterns[0].metric:"},
		{Pattern{Topic: "a/{device}", Values: "$", Metric: "m"}, "patterns[0].metric:"},
		{Pattern{Topic: "a/{device}", Values: "$", Severity: "s"}, "patterns[0].code:"},
		{Pattern{Topic: "a/{device}", Values: "a..b"}, "patterns[0].values:"},
		{Pattern{Topic: "a/{device}", Values: "$", TimeFormat: "iso"}, "patterns[0].time_format:"},
	} {
		config := DefaultConfig()
		config.Patterns = []Pattern{c.pattern}
		if _, err := New(config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want an error with %q", c.pattern, err, c.want)
		}
	}
	if _, err := New(Config{MaxDepth: 1, MaxAliases: 1}); err == nil || !strings.Contains(err.Error(), "max_names") {
		t.Errorf("got %v, want an error that names max_names", err)
	}
}

func FuzzPattern(f *testing.F) {
	for _, seed := range []string{`{"t":1,"a":2}`, `{"rows":[{"id":"x","m":"a","v":1}]}`, `{"code":5}`, `7`} {
		f.Add("a/b", []byte(seed))
	}
	d := newDecoder(f,
		Pattern{Topic: "a/{device}", Values: "$", Time: "t", TimeFormat: "unix", NumericStrings: true},
		Pattern{Topic: "b/#", Each: "rows", Device: "id", Metric: "m", Value: "v"},
		Pattern{Topic: "c/{device}", Code: "code", ID: "id"},
		Pattern{Topic: "d/{device}/{metric}", Value: "$"},
	)
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		for _, topic := range []string{topic, "a/x", "b", "c/x", "d/x/y"} {
			checkDecode(t, d, ingest.Message{Topic: topic, Payload: payload, Arrival: arrival}, false)
		}
	})
}

func TestPayloadNamesDevice(t *testing.T) {
	config := DefaultConfig()
	config.Patterns = []Pattern{
		{Topic: "plant/{device}/data", Values: "v"},
		{Topic: "plant/+/data", Device: "id", Values: "v"}, // the one before wins
		{Topic: "line/#", Device: "id", Values: "v"},
	}
	d, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	for topic, want := range map[string]bool{
		"line/a": true, "line/a/b": true, "plant/a/data": false, "presage/v1/a/senml": false, "presage/oops": false,
		"spBv1.0/oops": false, "chat": false, "": false,
	} {
		if got := d.PayloadNamesDevice(topic); got != want {
			t.Errorf("PayloadNamesDevice(%q) = %v, want %v", topic, got, want)
		}
	}
}
