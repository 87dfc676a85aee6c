package detectors

// Plans tells an engine which detectors watch a device. It is implemented by
// detectors/catalog and answers from memory.
type Plans interface {
	// Plan returns how a device is watched. Plans that are equal have the same
	// pointer, so that an engine notices a change of catalogue by comparing
	// pointers. It never returns nil.
	Plan(tenant, device string) *Plan
}

// Plan is how one device is watched.
type Plan struct{}
