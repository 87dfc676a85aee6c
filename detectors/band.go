package detectors

// Banded is implemented by methods that leave a fixed range to a metric; infinite where open.
type Banded interface{ Band() (low, high float64) }
