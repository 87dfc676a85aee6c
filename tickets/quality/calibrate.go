package quality

import (
	"fmt"
	"time"

	"github.com/presage-pdm/presage/detectors"
)

// Bounds of a level and how it moves.
const (
	MinLevel  = 0.5 // half of the evidence that the catalogue asks for
	MaxLevel  = 2.0 // twice as much
	levelStep = 1.25
	// levelPause lies between two steps, so that the next one rests on what the last one did.
	levelPause = 7 * 24 * time.Hour
)

// Mode is what becomes of a better level.
type Mode string

// The modes.
const (
	Off     Mode = "off"     // nothing is worked out
	Suggest Mode = "suggest" // it is shown, and a person applies it
	Apply   Mode = "apply"   // it counts at the next review
)

// Calibration fits the level of the statistical tier to what became known of it.
type Calibration struct {
	Mode Mode
	// MinLabels labelled tickets, or failures, are needed for a step.
	MinLabels int
	// Labels is how many labelled tickets count at most, the newest.
	Labels int
	// Precision is what share of the labelled tickets should have been faults, Recall what share of the failures a ticket should have
	// warned of.
	Precision, Recall float64
}

// DefaultCalibration returns what a server starts with: suggestions, when more than half of at least ten labelled tickets were false or more
// than half of at least ten failures came without a warning.
func DefaultCalibration() Calibration {
	return Calibration{Mode: Suggest, MinLabels: 10, Labels: 50, Precision: 0.5, Recall: 0.5}
}

// Steps returns the levels that should follow those in force, by model. The statistical tier alone has a level: a rule that was
// written by a person means what it says.
//
// Too many false tickets count first: they raise the level by a quarter. Only where precision is well, or unknown, do missed failures lower it by a
// fifth, which undoes one such step. A failure is missed when no rule warned of it. What opened or failed before the last change of the level
// says nothing about it. There is at most one step a week, and none beyond [MinLevel] and [MaxLevel]. It fails like [Match].
func (c Calibration) Steps(k *Known, settings []Setting, now time.Time) ([]Setting, error) {
	if c.Mode == Off {
		return nil, nil
	}
	in := bySubject(settings)
	labelled, err := k.labelled(c.Labels, func(s Subject) time.Time { return in[s].LevelAt })
	if err != nil {
		return nil, err
	}
	failures := map[string][]Failure{}
	subjects := map[Subject]bool{}
	for s := range labelled {
		if s.Rule == detectors.BaseRule {
			subjects[s] = true
		}
	}
	for _, f := range k.Failures {
		s := Subject{detectors.BaseRule, f.Model}
		if f.FailedAt.After(in[s].LevelAt) {
			failures[f.Model], subjects[s] = append(failures[f.Model], f.Failure), true
		}
	}
	var steps []Setting
	for s := range subjects {
		old := in[s]
		level := old.EffectiveLevel()
		if now.Sub(old.LevelAt) < levelPause {
			continue
		}
		l := labelled[s]
		reason := ""
		if l.n >= c.MinLabels && float64(l.hits) < c.Precision*float64(l.n) {
			level = min(MaxLevel, level*levelStep)
			reason = fmt.Sprintf("%d of the last %d labelled tickets were faults, fewer than %.0f %%", l.hits, l.n, 100*c.Precision)
		} else if len(failures[s.Model]) >= c.MinLabels {
			found, of, err := k.found(s.Model, failures[s.Model])
			if err != nil {
				return nil, err
			}
			if of >= c.MinLabels && float64(found) < c.Recall*float64(of) {
				level = max(MinLevel, level/levelStep)
				reason = fmt.Sprintf("tickets warned of %d of %d failures, fewer than %.0f %%", found, of, 100*c.Recall)
			}
		}
		if level == old.EffectiveLevel() {
			continue
		}
		old.Subject = s
		steps = append(steps, old.WithLevel(level, ByReview, reason, now))
	}
	sortSettings(steps)
	return steps, nil
}

// found tells of how many failures in the span the tickets of a model warned.
func (k *Known) found(model string, failures []Failure) (found, of int, err error) {
	var all []Ticket
	for _, t := range k.Tickets {
		if t.Model == model {
			all = append(all, t)
		}
	}
	s, err := Match(all, failures, nil, k.Span)
	return s.Found, s.Failures, err
}
