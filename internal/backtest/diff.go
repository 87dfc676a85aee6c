package backtest

import (
	"slices"
	"time"

	"github.com/presage-pdm/presage/tickets"
)

// Pair is the same fault as two catalogues would have told it.
type Pair struct{ New, Old tickets.Rehearsed }

// Changed reports whether the two tell it at another time or with another severity.
func (p Pair) Changed() bool {
	return !p.New.OpenedAt.Equal(p.Old.OpenedAt) || !p.New.OnsetAt.Equal(p.Old.OnsetAt) || p.New.Severity != p.Old.Severity
}

// Difference is what changes from one catalogue to another.
type Difference struct {
	OnlyNew, OnlyOld []tickets.Rehearsed
	Both             []Pair
}

// Compare pairs the tickets of two results. Two tickets are of the same fault when device, component and code are the same and they
// were open at the same time, from the onset to the clearing or to the end of the span; each has one partner, the earliest.
func Compare(newer, older Result, to time.Time) Difference {
	end := func(t *tickets.Rehearsed) time.Time {
		if t.ClearedAt.IsZero() {
			return to
		}
		return t.ClearedAt
	}
	byKey := map[tickets.Key][]int{}
	for i := range older.Tickets {
		k := older.Tickets[i].Key()
		byKey[k] = append(byKey[k], i)
	}
	var d Difference
	taken := make([]bool, len(older.Tickets))
	for _, t := range newer.Tickets {
		i := slices.IndexFunc(byKey[t.Key()], func(i int) bool {
			o := &older.Tickets[i]
			return !taken[i] && !t.OnsetAt.After(end(o)) && !o.OnsetAt.After(end(&t))
		})
		if i < 0 {
			d.OnlyNew = append(d.OnlyNew, t)
			continue
		}
		i = byKey[t.Key()][i]
		taken[i] = true
		d.Both = append(d.Both, Pair{New: t, Old: older.Tickets[i]})
	}
	for i := range older.Tickets {
		if !taken[i] {
			d.OnlyOld = append(d.OnlyOld, older.Tickets[i])
		}
	}
	return d
}
