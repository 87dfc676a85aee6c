package tickets

// Faults knows the fault codes. It is implemented by tickets/diagnosis and answers from memory.
type Faults interface {
	// Describe returns what is known of a fault code on a device. It knows every
	// code: one that nobody described gets a title that shows it.
	Describe(tenant, device, code string) FaultInfo
}

// FaultInfo is what is known of a fault code.
type FaultInfo struct {
	Title Text
	// Subject is what the fault is a fault of.
	Subject Subject
}

// Subject is what a fault is a fault of: a sensor that lies is another matter
// than the machine it looks at.
type Subject string

// The subjects.
const (
	Machine    Subject = "machine"
	Sensor     Subject = "sensor"
	Connection Subject = "connection"
)
