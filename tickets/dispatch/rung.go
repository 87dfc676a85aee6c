package dispatch

import (
	"cmp"
	"slices"
	"strings"

	"github.com/presage-pdm/presage/fleet"
)

// rung is a group of stations that are asked together.
type rung struct {
	name     string
	stations []*fleet.Station
}

// claim is how well a coverage fits a need; smaller is better.
type claim struct {
	steps  int // up the tree from the device's region to the covered one; [anyRegion] when it names none
	unkind int // 0 for model and component named, 3 for neither
	rank   int
}

// anyRegion is more steps than any tree of regions has.
const anyRegion = maxDepth + 1

// maxDepth bounds the climb, so that a region that is its own ancestor ends it.
const maxDepth = 32

func (a claim) compare(b claim) int {
	return cmp.Or(cmp.Compare(a.steps, b.steps), cmp.Compare(a.unkind, b.unkind), cmp.Compare(a.rank, b.rank))
}

// lineage returns the device's region and those it lies in, innermost first.
func (s *search) lineage(region string) []string {
	var line []string
	for region != "" && len(line) < maxDepth {
		line = append(line, region)
		r, ok := s.cfg.Fleet.Region(s.need.Tenant, region)
		if !ok {
			break
		}
		region = r.Parent
	}
	return line
}

// claimOf returns how a coverage fits the need. ok is false when it speaks of
// another model, component or, unless anywhere is set, region.
func (s *search) claimOf(c *fleet.Coverage, anywhere bool) (claim, bool) {
	fit := claim{steps: anyRegion, rank: c.Rank}
	if c.Region != "" {
		if fit.steps = slices.Index(s.line, c.Region); fit.steps < 0 {
			if !anywhere {
				return fit, false
			}
			fit.steps = anyRegion
		}
	}
	for _, field := range []struct {
		covered, needed string
		weight          int
	}{{c.Model, s.need.Model, 2}, {c.Component, s.need.Component, 1}} {
		switch field.covered {
		case "":
			fit.unkind += field.weight
		case field.needed:
		default:
			return fit, false
		}
	}
	return fit, true
}

// rungs returns the groups of stations in the order of asking, each station once, and sets
// s.near to the number of those that are home or neighbours.
func (s *search) rungs() []rung {
	asked := make(map[string]bool)
	var rungs []rung
	add := func(name string, stations []*fleet.Station) {
		fresh := slices.DeleteFunc(stations, func(st *fleet.Station) bool { return asked[st.ID] })
		for _, st := range fresh {
			asked[st.ID] = true
		}
		if len(fresh) > 0 {
			rungs = append(rungs, rung{name, fresh})
		}
	}

	homes := s.homes()
	for _, group := range homes {
		add(rungHome, group)
	}
	for _, group := range homes {
		for _, home := range group {
			for _, id := range home.Neighbours {
				if st := s.station[id]; st != nil && s.authorised[id] {
					add(rungNeighbour, []*fleet.Station{st})
				}
			}
		}
	}
	s.near = len(rungs)
	for _, region := range s.line {
		var inside []*fleet.Station
		for _, st := range s.stations {
			if s.authorised[st.ID] && slices.Contains(s.lineage(st.Region), region) {
				inside = append(inside, st)
			}
		}
		add(rungParent, inside)
	}
	var all []*fleet.Station
	for _, st := range s.stations {
		if s.authorised[st.ID] {
			all = append(all, st)
		}
	}
	add(rungNationwide, all)
	return rungs
}

// homes returns the stations that serve the device's region, in groups of the same claim, best first.
func (s *search) homes() [][]*fleet.Station {
	if len(s.line) == 0 {
		return nil
	}
	best := make(map[string]claim)
	for i := range s.coverage {
		c := &s.coverage[i]
		fit, ok := s.claimOf(c, false)
		if now, known := best[c.Station]; ok && s.station[c.Station] != nil && (!known || fit.compare(now) < 0) {
			best[c.Station] = fit
		}
	}
	for _, st := range s.stations {
		if !s.covers[st.ID] && st.Region == s.line[0] {
			best[st.ID] = claim{steps: 0, unkind: 3}
		}
	}
	ids := make([]string, 0, len(best))
	for id := range best {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(best[a].compare(best[b]), strings.Compare(a, b))
	})
	var groups [][]*fleet.Station
	for i, id := range ids {
		if i == 0 || best[id] != best[ids[i-1]] {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], s.station[id])
	}
	return groups
}
