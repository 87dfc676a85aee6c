package telemetry

// Batch is what one message of one device said. It is the unit that is
// validated, journalled, applied and acknowledged together.
type Batch struct {
	// Tenant comes from the credential of the connection, never from the topic
	// or the payload; [DefaultTenant] when there is one tenant.
	Tenant string
	// Device satisfies [ValidDeviceID].
	Device string
	// Arrival is when the message was accepted, in Unix milliseconds of the
	// accepting process.
	Arrival int64
	Samples []Sample
	Events  []Event
	States  []State
}

// DefaultTenant is the tenant of an installation that has only one.
const DefaultTenant = "default"

// Rejected is a payload that could not be turned into a batch: kept with its
// reason, so that somebody can see it, mend the mapping and try it again.
type Rejected struct {
	Tenant  string
	Device  string // empty when the topic did not yield one
	Topic   string
	Arrival int64 // Unix milliseconds
	// Reason is a stable slug such as "malformed-json", "unknown-device" or
	// "payload-too-large"; it is a metric label, so it comes from a fixed list.
	Reason string
	// Detail is a sentence that names the place and the remedy.
	Detail string
	// Payload is the message as it arrived, cut at a limit of the intake.
	Payload []byte
	// Truncated tells that Payload was cut, so that a retry cannot succeed.
	Truncated bool
}
