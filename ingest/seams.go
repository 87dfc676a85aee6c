package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

// Message is one publish of a device as the broker handed it over.
type Message struct {
	Tenant  string // from the credential
	Client  string // MQTT client identifier, for logs and limits
	Topic   string
	Payload []byte // only valid during the call that carries it
	Arrival int64  // Unix milliseconds
	// Sender is the device, or the gateway, whose connection this came over, from the credential; empty for one that
	// speaks for any. SpeaksFor, when not nil, tells whether the connection speaks for a
	// device: it is asked about every device that the message was decoded to.
	Sender    string
	SpeaksFor func(topic, device string) bool
	// Refused, when not nil, is told why the message is refused, once, before done is
	// called with nil: MQTT 5 has codes for some of the reasons.
	Refused func(*RejectError)
	// Slow, when not nil, is told before Accept returns for how long nothing more should be read from the sender, because a device of
	// the message has sent more messages than it may. The message is taken all the same.
	Slow func(time.Duration)
}

// Decoder turns a message into batches. It is implemented by ingest/payload.
type Decoder interface {
	// Decode appends the batches of m to dst. It fails with a [*RejectError] for a payload that cannot
	// be read; what was appended then does not count: a message is taken whole or not at all.
	// Elements between the length and the capacity of dst are of an earlier call, and their slices may be used again.
	// Tenant and Arrival of the batches are set by the caller. It is called by many goroutines at once.
	Decode(dst []telemetry.Batch, m Message) ([]telemetry.Batch, error)
}

// RejectError says why a message cannot be taken. The message goes to the quarantine.
type RejectError struct {
	Device string // when the topic yielded one
	Reason string // see telemetry.Rejected
	Detail string
}

func (e *RejectError) Error() string { return fmt.Sprintf("%s: %s", e.Reason, e.Detail) }

// Admission is what the registry says of a device.
type Admission int

// The admissions.
const (
	Admitted Admission = iota
	Unknown            // the policy for unknown devices decides
	Refused            // retired or blocked
)

// Registry knows the devices. It answers from memory: it is asked for every message.
type Registry interface {
	Admit(tenant, device string) Admission
	// Count is how many devices a tenant has.
	Count(tenant string) int
	// Register makes an unknown device known. It is asked once per device.
	Register(ctx context.Context, tenant, device string) error
}

// Reporter takes findings and opens tickets; *tickets.Desk is the one.
// Reporting a finding again changes nothing.
type Reporter interface {
	Report(ctx context.Context, fence tickets.Fence, findings []detectors.Finding) error
}

// Records keeps what a batch carries beside samples. Storing again changes nothing.
type Records interface {
	PutEvents(ctx context.Context, tenant string, events []DeviceEvent) error
	PutStates(ctx context.Context, tenant string, states []DeviceState) error
	PutRejected(ctx context.Context, rejected []telemetry.Rejected) error
}

// DeviceEvent and DeviceState say whose event or state it is.
type (
	DeviceEvent = telemetry.DeviceEvent
	DeviceState = telemetry.DeviceState
)

// Watcher is the detection of one lane; *detectors.Engine is the one. It is
// used by one goroutine at a time.
type Watcher interface {
	// Apply feeds a batch in journal order and returns what was found, valid until the next call.
	// A reading that was applied before changes nothing.
	Apply(b *telemetry.Batch) []detectors.Finding
	// Tick tells the journal's clock, once a second of arrival time, for the detection of silence: everything that had
	// arrived by then was applied. A jump of more than some seconds between two ticks is time in which this process, or the
	// broker before it, was not there, and nobody could be heard. A tick that was told before changes nothing.
	Tick(arrival int64) []detectors.Finding
	// AppendState appends the whole state in its versioned binary form.
	AppendState(dst []byte) []byte
	// Restore replaces the state by one that AppendState wrote.
	Restore(state []byte) error
}
