package quality

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/tickets"
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

// ByReview is the author of changes that no person made.
const ByReview = "review"

// Review returns the changes that a policy asks for. settings are those in force; a rule in shadow is left alone, as is one that opened
// no ticket. After a change of its stage or level a rule is judged only by tickets that it opened since: who puts a rule back gives it a new
// chance. It fails like [Match].
func (p Policy) Review(k *Known, settings []Setting, now time.Time) ([]Setting, error) {
	if p.MinPrecision <= 0 {
		return nil, nil
	}
	in := bySubject(settings)
	labelled, err := k.labelled(p.Labels, func(s Subject) time.Time { return in[s].At })
	if err != nil {
		return nil, err
	}
	var changes []Setting
	for subject, l := range labelled {
		old := in[subject]
		if old.Stage == detectors.StageShadow {
			continue
		}
		bound := Wilson(l.hits, l.n).Low
		if l.n < p.MinLabels || bound >= p.MinPrecision {
			continue
		}
		next := old.WithStage(detectors.StageShadow, 0, ByReview, fmt.Sprintf("%d of the last %d labelled tickets were faults: with 95 %% confidence precision is above %.2f only, the limit is %.2f", l.hits, l.n, bound, p.MinPrecision), now)
		next.Subject = subject
		changes = append(changes, next)
	}
	sortSettings(changes)
	return changes, nil
}

// labelledTickets are the newest tickets of a rule of which something is known.
type labelledTickets struct{ hits, n int }

// labelled counts, of each rule and model, the newest labelled tickets that opened after a time, at most so many.
func (k *Known) labelled(most int, after func(Subject) time.Time) (map[Subject]labelledTickets, error) {
	labels, err := k.Labels()
	if err != nil {
		return nil, err
	}
	order := make([]int, len(k.Tickets))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		a, b := &k.Tickets[i], &k.Tickets[j]
		return cmp.Or(b.Opened.Compare(a.Opened), cmp.Compare(a.ID, b.ID))
	})
	counts := map[Subject]labelledTickets{}
	for _, i := range order {
		t := &k.Tickets[i]
		c := counts[t.Subject]
		if labels[i] == tickets.Unlabelled || c.n == most || t.Opened.Before(k.Span.From) || !t.Opened.After(after(t.Subject)) {
			continue
		}
		if c.n++; labels[i] == tickets.Confirmed {
			c.hits++
		}
		counts[t.Subject] = c
	}
	return counts, nil
}
