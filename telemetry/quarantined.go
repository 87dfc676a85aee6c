package telemetry

// Quarantined is a rejected payload as the quarantine keeps it.
type Quarantined struct {
	ID string // UUIDv7
	Rejected
}
