package diagnosis

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/tickets"
)

// contextKeys are the sentences about how unusual a signal is, with the blanks that each may have.
var contextKeys = map[string]string{
	// What was expected, since the signal is off.
	"between":  "onset low high actual",
	"at-most":  "onset high actual",
	"at-least": "onset low actual",
	"expected": "onset expected actual",
	// The cycle that the expectation takes into account.
	"day":  "",
	"week": "",
	// The actual value against the signal's own readings.
	"higher":  "rank readings since",
	"lower":   "rank readings since",
	"highest": "readings since",
	"lowest":  "readings since",
	"usual":   "readings since",
	// What a finding saw, by the test of its method.
	"rare": "rank",
	// The actual value against those of peers.
	"peers-higher":  "count size name",
	"peers-lower":   "count size name",
	"peers-highest": "size name",
	"peers-lowest":  "size name",
	"peers-usual":   "size name",
}

// context says of a signal since when it is off, what was expected of it and where it stands in its own history, with times on the
// clocks of a zone. It is nil when there is nothing to say.
func (w *Wording) context(c *Chart, zone string) tickets.Text {
	var keys []string
	if key := c.expectation(); key != "" {
		keys = append(keys, key)
		if c.Season != "" {
			keys = append(keys, c.Season)
		}
	}
	params := map[string]string{
		"unit": c.Unit, "actual": detectors.FormatNumber(c.Actual), "expected": detectors.FormatNumber(c.Expected),
	}
	for name, bound := range map[string]*float64{"low": c.Low, "high": c.High} {
		if bound != nil {
			params[name] = detectors.FormatNumber(*bound)
		}
	}
	if h := c.History; h != nil {
		key, count := standing(h.Below, h.Above, h.Readings)
		keys = append(keys, key)
		params["rank"], params["readings"] = floorPercent(count, h.Readings), strconv.Itoa(h.Readings)
	}
	if len(keys) == 0 {
		return nil
	}
	return w.each(func(l *language) string {
		params := maps.Clone(params)
		if c.Onset != 0 {
			params["onset"] = l.moment(local(fromMillis(c.Onset), zone))
		}
		if c.History != nil {
			params["since"] = l.moment(local(fromMillis(c.History.Since), zone))
		}
		sentences := make([]string, len(keys))
		for i, key := range keys {
			sentences[i] = l.sentence(l.context[key].fill(l, params))
		}
		return strings.Join(sentences, l.space)
	})
}

// peers says where a device stands among those of its model.
func (w *Wording) peers(c *Cohort) tickets.Text {
	key, count := standing(c.Below, c.Above, c.Size)
	params := map[string]string{"name": c.Name, "size": strconv.Itoa(c.Size), "count": strconv.Itoa(count)}
	return w.each(func(l *language) string { return l.context["peers-"+key].fill(l, params) })
}

// Unusual says of the signal that a finding owes most to what was expected of it, and how rare so much is in the device's own history by
// the p-value of the finding, which rests on the test of its method; a rule has none. It is nil when there is nothing to say.
func (w *Wording) Unusual(f *detectors.Finding) tickets.Text {
	if f.Phase == detectors.Cleared || len(f.Signals) == 0 {
		return nil
	}
	if f.PValue == 0 && f.Reason.Params["limit"] != "" {
		return nil // the reason says just that
	}
	s := told(f)
	c := Chart{Unit: s.Unit, Share: s.Share, Actual: s.Actual, Expected: s.Expected, Low: bound(s.Low), High: bound(s.High)}
	said := w.context(&c, "")
	if !(f.PValue > 0 && f.PValue < 1) {
		return said
	}
	const whole = 10_000_000 // digits of the percentage that anybody reads
	rank := floorPercent(whole-int(math.Ceil(f.PValue*whole)), whole)
	rare := w.each(func(l *language) string { return l.context["rare"].fill(l, map[string]string{"rank": rank}) })
	if said == nil {
		return rare
	}
	for _, l := range w.languages {
		said[l.tag] += l.space + rare[l.tag]
	}
	return said
}

// told returns the signal that the reason of a finding speaks of, else the first; there is one.
func told(f *detectors.Finding) *detectors.Signal {
	at := slices.IndexFunc(f.Signals, func(s detectors.Signal) bool { return s.Metric == f.Reason.Params["metric"] })
	return &f.Signals[max(at, 0)]
}

// expectation chooses the sentence that says what was expected, none when the actual value is as expected.
func (c *Chart) expectation() string {
	switch {
	case c.Share == 0:
		return ""
	case c.Low != nil && c.High != nil && (c.Actual < *c.Low || c.Actual > *c.High):
		return "between"
	case c.High != nil && c.Actual > *c.High:
		return "at-most"
	case c.Low != nil && c.Actual < *c.Low:
		return "at-least"
	case c.Low == nil && c.High == nil && c.Actual != c.Expected:
		return "expected"
	}
	return ""
}

// standing chooses what can be said of a value that is higher than below of total others, and lower than above, and tells how many
// it is higher or lower than. It says "highest" only of a value that no other reaches.
func standing(below, above, total int) (key string, count int) {
	switch {
	case below == total:
		return "highest", below
	case above == total:
		return "lowest", above
	case below == 0 && above == 0:
		return "usual", total
	case below >= above:
		return "higher", below
	}
	return "lower", above
}

// floorPercent writes a part of a whole in percent, rounded down, with as many digits as it takes to tell from the whole; so it never
// says 100 of a part that is less.
func floorPercent(part, whole int) string {
	if part >= whole {
		return "100"
	}
	// The whole less the part is at least one step of the last digit.
	scale, digits := 100, 0
	for ; (whole-part)*scale < whole; digits++ {
		scale *= 10
	}
	s := strconv.Itoa(part * scale / whole)
	if digits == 0 {
		return s
	}
	return s[:len(s)-digits] + "." + s[len(s)-digits:]
}
