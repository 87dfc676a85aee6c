package main

import (
	"slices"
	"time"

	"github.com/presage-pdm/presage/tickets/quality"
)

// QualitySettings says how rules are held to account: when one loses the right to open tickets, and what becomes of a better level.
type QualitySettings struct {
	// MinPrecision is what the lower end of the interval of a rule's precision may not fall below; 0 turns it off.
	MinPrecision float64 `koanf:"min_precision"`
	// MinLabels are needed before anything happens, and the newest Labels count.
	MinLabels int `koanf:"min_labels"`
	Labels    int `koanf:"labels"`
	// Horizon is how long before an imported failure a ticket counts as its warning.
	Horizon time.Duration `koanf:"horizon"`
	// Recalibrate is what becomes of a level of the statistical tier that would suit the labels better: off, suggest or apply.
	Recalibrate string `koanf:"recalibrate"`
	// ReviewEvery is how often that is looked at.
	ReviewEvery time.Duration `koanf:"review_every"`
}

func defaultQuality() QualitySettings {
	p := quality.DefaultPolicy()
	return QualitySettings{MinPrecision: p.MinPrecision, MinLabels: p.MinLabels, Labels: p.Labels, Horizon: 30 * 24 * time.Hour, Recalibrate: string(quality.DefaultCalibration().Mode), ReviewEvery: time.Minute}
}

func (s QualitySettings) policy() quality.Policy {
	return quality.Policy{MinPrecision: s.MinPrecision, MinLabels: s.MinLabels, Labels: s.Labels}
}

func (s QualitySettings) calibration() quality.Calibration {
	c := quality.DefaultCalibration()
	c.Mode, c.MinLabels, c.Labels = quality.Mode(s.Recalibrate), s.MinLabels, s.Labels
	return c
}

func (s QualitySettings) validate(fail func(key, format string, args ...any)) {
	if !(s.MinPrecision >= 0 && s.MinPrecision < 1) {
		fail("quality.min_precision", "%v is not within 0 and 1", s.MinPrecision)
	}
	if s.MinLabels < 1 || s.MinLabels > s.Labels {
		fail("quality.min_labels", "%d is not within 1 and quality.labels (%d)", s.MinLabels, s.Labels)
	}
	if s.Labels > 1000 {
		fail("quality.labels", "%d is more than 1000", s.Labels)
	}
	if s.Horizon < time.Minute || s.Horizon > 400*24*time.Hour {
		fail("quality.horizon", "%s is not within 1m and 9600h", s.Horizon)
	}
	if !slices.Contains([]quality.Mode{quality.Off, quality.Suggest, quality.Apply}, quality.Mode(s.Recalibrate)) {
		fail("quality.recalibrate", "%q is none of off, suggest and apply", s.Recalibrate)
	}
	if s.ReviewEvery < time.Second || s.ReviewEvery > 24*time.Hour {
		fail("quality.review_every", "%s is not within 1s and 24h", s.ReviewEvery)
	}
}
