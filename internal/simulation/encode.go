package simulation

import (
	"encoding/json"
	"strconv"

	"github.com/presage-pdm/presage/telemetry"
)

// Topic returns the topic of one kind of message of a device: "telemetry", "event" or "state".
func Topic(device, kind string) string { return "presage/v1/" + device + "/" + kind }

// AppendTelemetry appends the samples of a batch as the payload of its telemetry topic: an object
// for readings of one time, an array of objects when there are several, such as a backfill.
func AppendTelemetry(dst []byte, b *telemetry.Batch) []byte {
	rows := 0
	start := len(dst)
	for i := range b.Samples {
		s := &b.Samples[i]
		if i == 0 || s.Time != b.Samples[i-1].Time {
			if rows > 0 {
				dst = append(dst, "}},"...)
			}
			rows++
			dst = append(dst, `{"ts":`...)
			dst = strconv.AppendInt(dst, s.Time, 10)
			dst = append(dst, `,"values":{`...)
		} else {
			dst = append(dst, ',')
		}
		dst = appendString(dst, s.Metric)
		dst = append(dst, ':')
		dst = strconv.AppendFloat(dst, s.Value, 'g', -1, 64)
	}
	if rows == 0 {
		return dst
	}
	dst = append(dst, "}}"...)
	if rows > 1 {
		dst = append(dst, 0)
		copy(dst[start+1:], dst[start:])
		dst[start] = '['
		dst = append(dst, ']')
	}
	return dst
}

// appendString appends a JSON string.
func appendString(dst []byte, s string) []byte {
	if plain(s) {
		return append(append(append(dst, '"'), s...), '"')
	}
	quoted, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always has a JSON form
	}
	return append(dst, quoted...)
}

// plain tells that a string is its own JSON form, as every metric name of the simulation is.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// event is the payload of the event topic.
type event struct {
	TS         int64              `json:"ts"`
	ID         string             `json:"id,omitempty"`
	Code       string             `json:"code"`
	Severity   telemetry.Severity `json:"severity,omitempty"`
	Attributes map[string]string  `json:"attributes,omitempty"`
}

// EncodeEvents returns events as the payload of the event topic, an array.
func EncodeEvents(events []telemetry.Event) ([]byte, error) {
	out := make([]event, len(events))
	for i, e := range events {
		out[i] = event{TS: e.Time, ID: e.ID, Code: e.Code, Severity: e.Severity, Attributes: e.Attributes}
	}
	return json.Marshal(out)
}
