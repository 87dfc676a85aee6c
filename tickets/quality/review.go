package quality

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/presage-pdm/presage/tickets"

	"github.com/presage-pdm/presage/detectors"
)

// Policy says when a rule loses the right to open tickets. It drops when the lower end of the interval of its precision, over its last
// Labels labelled tickets, is below MinPrecision, and at least MinLabels are known. MinPrecision 0 turns it off.
type Policy struct {
	MinPrecision float64
	MinLabels    int
	Labels       int
}

// DefaultPolicy returns what a server starts with: of the last 50 labelled tickets, or of the first 10, so few were faults that
// fewer than one in five may have been. That is 14 of 50, or 4 of 10.
func DefaultPolicy() Policy { return Policy{MinPrecision: 0.2, MinLabels: 10, Labels: 50} }

// Setting is the stage of a rule on the devices of a model where it differs from the catalogue's, or did once.
type Setting struct {
	Subject
	// Stage is empty where the catalogue's counts again; Canary is the share of a canary, as in [detectors.Rollout].
	Stage  detectors.Stage `json:"stage,omitempty"`
	Canary float64         `json:"canary,omitempty"`
	By     string          `json:"by"`     // who changed it: a user's id, or [ByReview]
	Reason string          `json:"reason"` // in words
	At     time.Time       `json:"at"`
}

// ByReview is the author of changes that no person made.
const ByReview = "review"

// Review returns the changes that a policy asks for. settings are those in force; a rule in shadow is left alone, as is one that opened
// no ticket. After a change of its stage a rule is judged only by tickets that it opened since: who puts a rule back gives it a new
// chance.
func (p Policy) Review(outcomes []Outcome, settings []Setting, now time.Time) []Setting {
	if p.MinPrecision <= 0 {
		return nil
	}
	in := map[Subject]Setting{}
	for _, s := range settings {
		in[s.Subject] = s
	}
	labelled := map[Subject][]Outcome{}
	for _, o := range outcomes {
		if o.Label() != tickets.Unlabelled && o.Opened.After(in[o.Subject].At) {
			labelled[o.Subject] = append(labelled[o.Subject], o)
		}
	}
	var changes []Setting
	for subject, list := range labelled {
		if s := in[subject]; s.Stage == detectors.StageShadow {
			continue
		}
		slices.SortFunc(list, func(a, b Outcome) int { return cmp.Or(b.Closed.Compare(a.Closed), cmp.Compare(a.Ticket, b.Ticket)) })
		list = list[:min(len(list), p.Labels)]
		hits := 0
		for _, o := range list {
			if o.Label() == tickets.Confirmed {
				hits++
			}
		}
		bound := Wilson(hits, len(list)).Low
		if len(list) < p.MinLabels || bound >= p.MinPrecision {
			continue
		}
		changes = append(changes, Setting{
			Subject: subject, Stage: detectors.StageShadow, By: ByReview, At: now,
			Reason: fmt.Sprintf("%d of the last %d labelled tickets were faults: with 95 %% confidence precision is above %.2f only, the limit is %.2f", hits, len(list), bound, p.MinPrecision),
		})
	}
	slices.SortFunc(changes, func(a, b Setting) int { return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Model, b.Model)) })
	return changes
}
