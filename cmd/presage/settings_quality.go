package main

import (
	"time"

	"github.com/presage-pdm/presage/tickets/quality"
)

// QualitySettings says when a rule loses the right to open tickets.
type QualitySettings struct {
	// MinPrecision is what the lower end of the interval of a rule's precision may not fall below; 0 turns it off.
	MinPrecision float64 `koanf:"min_precision"`
	// MinLabels are needed before anything happens, and the newest Labels count.
	MinLabels int `koanf:"min_labels"`
	Labels    int `koanf:"labels"`
	// ReviewEvery is how often that is looked at.
	ReviewEvery time.Duration `koanf:"review_every"`
}

func defaultQuality() QualitySettings {
	p := quality.DefaultPolicy()
	return QualitySettings{MinPrecision: p.MinPrecision, MinLabels: p.MinLabels, Labels: p.Labels, ReviewEvery: time.Minute}
}

func (s QualitySettings) policy() quality.Policy {
	return quality.Policy{MinPrecision: s.MinPrecision, MinLabels: s.MinLabels, Labels: s.Labels}
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
	if s.ReviewEvery < time.Second || s.ReviewEvery > 24*time.Hour {
		fail("quality.review_every", "%s is not within 1s and 24h", s.ReviewEvery)
	}
}
