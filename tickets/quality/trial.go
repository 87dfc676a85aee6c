package quality

// Trial is what a rule in shadow, or on the devices outside of a canary, found on the devices of a model within a window.
type Trial struct {
	Subject
	// Raised are the faults that it would have reported to the desk.
	Raised int `json:"raised"`
	// Ticketed are those of them that came while a ticket of the same component of the device was open anyway; the rest is new.
	Ticketed int `json:"ticketed"`
}
