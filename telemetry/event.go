package telemetry

// Event is something discrete that happened on a device: a trouble code, a
// crash, the healthy end of a session.
type Event struct {
	// Time is when it happened on the device, in Unix milliseconds.
	Time int64 `json:"time"`
	// ID identifies the event among those of the device; empty when the device
	// sent none. With neither an ID nor a time stamp of its own a redelivery
	// cannot be told from a second event.
	ID string `json:"id,omitempty"`
	// Code is what happened: "P0217", "crash", "session_ok".
	Code string `json:"code"`
	// Severity is what the device thinks of it.
	Severity Severity `json:"severity,omitempty"`
	// Attributes are what the device attached, at most [MaxAttributes].
	Attributes map[string]string `json:"attributes,omitempty"`
}

// State is what a device last said of itself on its retained state topic.
type State struct {
	// Time is when the state was said, in Unix milliseconds.
	Time int64 `json:"time"`
	// Online is false when the broker published the device's last will.
	Online bool `json:"online"`
	// Attributes holds the other members, such as "firmware": "1.4.2".
	Attributes map[string]string `json:"attributes,omitempty"`
}

// MaxAttributes bounds the attributes of one event or state.
const MaxAttributes = 64
