package diagnosis

import (
	"strconv"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/tickets"
)

// Brief says why a finding was made in a few words, for a line of a list, such as "Coolant temperature 118 °C, usually 82–95 °C, for 12 min".
// lasting is how long the fault lasts; 0 leaves it out.
func (w *Wording) Brief(f *detectors.Finding, lasting time.Duration) tickets.Text {
	return w.each(func(l *language) string {
		t, ok := l.brief[f.Reason.Key]
		if !ok {
			return l.unknownReason(f)
		}
		params := l.params(f)
		params["lasting"] = strconv.FormatInt(coarse(int64(lasting/time.Second)), 10)
		if len(f.Signals) > 0 {
			s := told(f)
			low, high := bound(s.Low), bound(s.High)
			if low != nil && high != nil {
				params["low"], params["high"] = detectors.FormatNumber(*low), detectors.FormatNumber(*high)
			} else if s.Expected != s.Actual {
				params["middle"] = detectors.FormatNumber(s.Expected)
			}
		}
		return t.fill(l, params)
	})
}

// coarse rounds seconds down to their largest unit: a glance asks for no more.
func coarse(seconds int64) int64 {
	for _, unit := range []int64{86400, 3600, 60} {
		if seconds >= unit {
			return seconds - seconds%unit
		}
	}
	return max(seconds, 0)
}
