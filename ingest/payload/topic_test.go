package payload

import (
	"errors"
	"strings"
	"testing"

	"github.com/presage-pdm/presage/ingest"
)

// FuzzTopic holds what the broker relies on: a topic that is taken is decoded or refused with a reason, and the device
// by which access is decided is the one that the readings are of, or every device of theirs is behind it.
func FuzzTopic(f *testing.F) {
	for _, topic := range []string{
		"presage/v1/car-1/telemetry", "presage/v1/car-1/telemetry/x", "presage/v1//event", "presage/", "presage/v1/\xff/state",
		"spBv1.0/g/NDATA/n", "spBv1.0/g/DDATA/n/d", "spBv1.0/STATE/x", "spBv1.0/g/NCMD/n", "spBv1.0//NDATA/n",
		"line/a/1/x", "line/a/b/c/d", "", "/", "$SYS/x",
	} {
		f.Add(topic, []byte(`{"a":1}`))
	}
	d := newDecoder(f,
		Pattern{Topic: "line/{device}/+/x", Values: "$"},
		Pattern{Topic: "line/+/#", Device: "id", Values: "v"},
		Pattern{Topic: "m/{device}/{metric}", Value: "$"},
	)
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		m := ingest.Message{Topic: topic, Payload: payload, Arrival: arrival}
		if !d.Takes(topic, payload) {
			return
		}
		checkDecode(t, d, m, false)
		device := d.DeviceOf(topic)
		batches, err := d.Decode(nil, m)
		var refused *ingest.RejectError
		if errors.As(err, &refused) && refused.Device != "" && device != "" && refused.Device != device {
			t.Errorf("%q: access is decided for %q, the quarantine says %q", topic, device, refused.Device)
		}
		for _, b := range batches {
			if device == "" || b.Device == device || strings.HasPrefix(topic, sparkplugRoot) && strings.HasPrefix(b.Device, device+":") {
				continue
			}
			t.Errorf("%q: access is decided for %q, the readings are of %q", topic, device, b.Device)
		}
	})
}
