package quality

import (
	"cmp"
	"slices"
	"time"

	"github.com/presage-pdm/presage/detectors"
)

// Setting is the stage and the level of a rule on the devices of a model where they differ from the catalogue's, or did once.
type Setting struct {
	Subject
	// Stage is empty where the catalogue's counts; Canary is the share of a canary, as in [detectors.Rollout].
	Stage  detectors.Stage `json:"stage,omitempty"`
	Canary float64         `json:"canary,omitempty"`
	// Level is as in [detectors.Plan.Level]; 0 stands for 1. LevelAt is when it was changed last, zero when it never was.
	Level   float64   `json:"level,omitempty"`
	LevelAt time.Time `json:"level_at,omitzero"`
	By      string    `json:"by"`     // who changed it: a user's id, or [ByReview]
	Reason  string    `json:"reason"` // in words
	At      time.Time `json:"at"`
}

// EffectiveLevel returns the level with 1 for none.
func (v Setting) EffectiveLevel() float64 {
	if v.Level == 0 {
		return 1
	}
	return v.Level
}

// WithLevel returns the setting with another level.
func (v Setting) WithLevel(level float64, by, reason string, at time.Time) Setting {
	v = v.with(by, reason, at)
	if v.Level, v.LevelAt = level, at; level == 1 {
		v.Level = 0
	}
	return v
}

// WithStage returns the setting with another stage.
func (v Setting) WithStage(stage detectors.Stage, canary float64, by, reason string, at time.Time) Setting {
	v = v.with(by, reason, at)
	v.Stage, v.Canary = stage, canary
	return v
}

func (v Setting) with(by, reason string, at time.Time) Setting {
	v.By, v.Reason, v.At = by, reason, at
	return v
}

func bySubject(settings []Setting) map[Subject]Setting {
	in := make(map[Subject]Setting, len(settings))
	for _, s := range settings {
		in[s.Subject] = s
	}
	return in
}

func sortSettings(all []Setting) {
	slices.SortFunc(all, func(a, b Setting) int { return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Model, b.Model)) })
}
