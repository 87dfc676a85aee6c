package quality

import "time"

// Quartiles of times. They are order statistics interpolated linearly at (n-1)q, type 7 of Hyndman and Fan (1996).
type Quartiles struct {
	Lower  Seconds `json:"lower_seconds"`
	Median Seconds `json:"median_seconds"`
	Upper  Seconds `json:"upper_seconds"`
}

// Seconds is a time in seconds.
type Seconds float64

// Duration returns the same time to the nanosecond.
func (s Seconds) Duration() time.Duration { return time.Duration(float64(s) * float64(time.Second)) }

// quantile of sorted values, of which there is at least one.
func quantile(sorted []float64, q float64) Seconds {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return Seconds(sorted[len(sorted)-1])
	}
	return Seconds(sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i]))
}
