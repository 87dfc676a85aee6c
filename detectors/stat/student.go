package stat

import "math"

// StudentSurprise returns -log10 of the two-sided p-value of a Student t statistic with nu > 0 degrees of freedom.
// It is 0 for NaN and below a |t| of 1 (nu 1) to 1.7 (nu large), where nothing is surprising, and finite for every t.
//
// The tail is the regularised incomplete beta function I(nu/(nu+t^2); nu/2, 1/2) (Abramowitz & Stegun 26.7.1), by its
// continued fraction (26.5.8) in the modified form of Lentz, in logarithms so that tails far below the smallest float
// have their true size. Costs about 0.3 us: 10 to 20 terms.
func StudentSurprise(t, nu float64) float64 {
	if !(nu > 0) || math.IsNaN(t) {
		return 0
	}
	t = min(math.Abs(t), 1e100)
	x := nu / (nu + t*t)
	a, b := nu/2, 0.5
	if x > (a+1)/(a+b+2) {
		return 0
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	ln := a*math.Log(x) + b*math.Log1p(-x) - (la + lb - lab) - math.Log(a)
	const tiny, accuracy = 1e-30, 1e-10
	guard := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/guard(1-(a+b)*x/(a+1))
	h := d
	for m := 1.0; m < 200; m++ {
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d = 1 / guard(1+even*d)
		c = guard(1 + even/c)
		h *= d * c
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d = 1 / guard(1+odd*d)
		c = guard(1 + odd/c)
		h *= d * c
		if math.Abs(d*c-1) < accuracy {
			break
		}
	}
	return max(0, -(ln+math.Log(h))/math.Ln10)
}
