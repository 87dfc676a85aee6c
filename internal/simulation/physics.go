package simulation

import (
	"math"
	"math/rand/v2"
	"time"
)

// fluctuation is an Ornstein-Uhlenbeck process: it wanders about zero with standard
// deviation sigma and forgets with time constant tau, in seconds. The step is exact, so that
// its spread does not depend on how often it is read (Gillespie 1996, Phys. Rev. E 54, equation 3.1).
type fluctuation struct {
	sigma, tau float64
	x          float64
	begun      bool
}

func (f *fluctuation) step(dt float64, rng *rand.Rand) float64 {
	if !f.begun {
		f.begun = true
		f.x = f.sigma * rng.NormFloat64()
		return f.x
	}
	keep := math.Exp(-dt / f.tau)
	f.x = f.x*keep + f.sigma*math.Sqrt(1-keep*keep)*rng.NormFloat64()
	return f.x
}

// lag follows its target with a time constant of tau seconds. It starts on it.
type lag struct {
	tau   float64
	x     float64
	begun bool
}

func (l *lag) step(dt, target float64) float64 {
	if !l.begun {
		l.begun = true
		l.x = target
		return l.x
	}
	l.x += (target - l.x) * (1 - math.Exp(-dt/l.tau))
	return l.x
}

// settle makes the lag start on its next target.
func (l *lag) settle() { l.begun = false }

// round rounds to a multiple of quantum, the resolution of the sensor.
func round(v, quantum float64) float64 {
	// Dividing by the number of steps a unit keeps decimals short in JSON: 91.3, not 91.30000000000001.
	per := math.Round(1 / quantum)
	return math.Round(v*per) / per
}

// bump is a smooth bump of height 1 at hour centre, with width hours to either
// side, on a clock of 24 hours (a von Mises curve, so that midnight has no edge).
func bump(hour, centre, width float64) float64 {
	const perHour = 2 * math.Pi / 24
	kappa := 1 / (width * perHour * width * perHour)
	return math.Exp(kappa * (math.Cos((hour-centre)*perHour) - 1))
}

// localHour returns the hour of the day, 0 to 24, in a zone.
func localHour(t time.Time, zone *time.Location) float64 {
	l := t.In(zone)
	return float64(l.Hour()) + float64(l.Minute())/60 + float64(l.Second())/3600
}

// climate is the outside temperature of a site without weather, in °C: a mean by
// latitude, a wave over the year and one over the day, highest at 15:00 (orders of magnitude only).
func climate(t time.Time, latitude, hour float64) float64 {
	mean := 27 - 0.38*math.Abs(latitude)
	year := float64(t.UTC().YearDay()-200) / 365.25 * 2 * math.Pi // warmest in late July
	season := math.Cos(year) * 0.2 * latitude                     // and coldest there on the southern half
	return mean + season + 4*math.Cos((hour-15)*2*math.Pi/24)
}
