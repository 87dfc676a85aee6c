package quality

import "math"

// Interval is a confidence interval of a share, both ends in [0, 1].
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// z is the standard normal quantile of a two-sided level of 90 %: each end is passed with a chance of 5 %.
const z = 1.6448536269514722

// Wilson returns the score interval of a share of which hits were seen in n trials, at a two-sided level of 90 %. It assumes
// independent trials; unlike the normal approximation it never leaves [0, 1] and holds its level down to few trials. Without
// trials it is everything.
//
// Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927) 209-212; recommended for small n
// by Brown, Cai and DasGupta, "Interval estimation for a binomial proportion", Statistical Science 16 (2001) 101-133, eq. (4).
func Wilson(hits, n int) Interval {
	if n <= 0 {
		return Interval{0, 1}
	}
	trials, p := float64(n), float64(hits)/float64(n)
	middle := p + z*z/(2*trials)
	half := z * math.Sqrt(p*(1-p)/trials+z*z/(4*trials*trials))
	scale := 1 + z*z/trials
	return Interval{max(0, (middle-half)/scale), min(1, (middle+half)/scale)}
}
