package detectors

import "sync/atomic"

// Counts tells how much of what came was out of order, summed over the engines that share it. It is safe for concurrent use; the zero value is ready.
type Counts struct {
	// Held is how many readings and events wait just now to be judged in order.
	Held atomic.Int64
	// Reordered counts readings and events that were put before others that had come earlier.
	Reordered atomic.Uint64
	// Late counts readings and events that came after newer ones of their kind had been judged.
	Late atomic.Uint64
}
