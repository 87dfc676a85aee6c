package tickets

// Label is what became known of the detector that opened a ticket.
type Label string

// The labels of a ticket.
const (
	Confirmed Label = "confirmed" // there was a fault
	Refuted   Label = "refuted"   // there was none
	// Unlabelled tickets are open, or closed in a way that says nothing about the detector: a fault that went away before
	// anybody looked may have been one or not, and a duplicate is counted where it was first.
	Unlabelled Label = ""
)

// LabelOf returns what a closing code says about the detector that opened the ticket.
func LabelOf(resolution string) Label {
	switch resolution {
	case ResolutionRepaired:
		return Confirmed
	case ResolutionNoFaultFound:
		return Refuted
	}
	return Unlabelled
}
