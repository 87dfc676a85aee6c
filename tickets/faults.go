package tickets

import "github.com/presage-pdm/presage/fleet"

// Faults knows the fault codes. It is implemented by tickets/diagnosis and answers from memory.
type Faults interface {
	// Describe words a fault code on a component of a model. It knows every
	// code: one that nobody described gets a title that shows it.
	Describe(code string, component fleet.Component) FaultInfo
}

// FaultInfo is what is known of a fault code.
type FaultInfo struct {
	Title Text
	// Subject is what the fault is a fault of.
	Subject Subject
	// Parts are what a repair probably needs, beside those of the component.
	Parts []string
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
