package dispatch

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/tickets"
)

// search is one question to the dispatcher.
type search struct {
	*Dispatcher
	need  tickets.Need
	loads tickets.Loads
	now   time.Time

	line       []string // region of the device and those around it
	near       int      // how many rungs are home or neighbours
	stations   []*fleet.Station
	station    map[string]*fleet.Station
	team       map[string][]*fleet.Technician // by station, in order of ID
	coverage   []fleet.Coverage
	covers     map[string]bool // stations that have any coverage
	authorised map[string]bool // stations that may work on the model and component somewhere
	seen       []candidate
	listed     map[string]int // index in seen, by technician
}

// candidate is a technician as the search sees them.
type candidate struct {
	technician *fleet.Technician
	station    *fleet.Station
	tickets.Candidate
	level    int // of the skill
	distance float64
	placed   bool // distance is known
	load     int
	bound    int
	hours    fleet.Calendar
	opens    time.Time // of the shift; now while on shift, zero when there is none
}

// read looks the fleet over once.
func (s *search) read() {
	tenant := s.need.Tenant
	s.line = s.lineage(s.need.Region)
	s.station = make(map[string]*fleet.Station)
	s.team = make(map[string][]*fleet.Technician)
	s.covers = make(map[string]bool)
	s.authorised = make(map[string]bool)
	s.listed = make(map[string]int)
	stations := s.cfg.Fleet.Stations(tenant)
	for i := range stations {
		s.station[stations[i].ID] = &stations[i]
		s.stations = append(s.stations, &stations[i])
	}
	slices.SortFunc(s.stations, func(a, b *fleet.Station) int { return strings.Compare(a.ID, b.ID) })
	technicians := s.cfg.Fleet.Technicians(tenant)
	for i := range technicians {
		t := &technicians[i]
		s.team[t.Station] = append(s.team[t.Station], t)
	}
	for _, team := range s.team {
		slices.SortFunc(team, func(a, b *fleet.Technician) int { return strings.Compare(a.ID, b.ID) })
	}
	s.coverage = s.cfg.Fleet.Coverage(tenant)
	for i := range s.coverage {
		c := &s.coverage[i]
		s.covers[c.Station] = true
		if _, ok := s.claimOf(c, true); ok {
			s.authorised[c.Station] = true
		}
	}
	for _, st := range s.stations {
		if !s.covers[st.ID] {
			s.authorised[st.ID] = true
		}
	}
}

// best returns who of a rung takes the ticket, or nil. Off shift it is the one
// whose shift opens first, and for a critical ticket the one who scores best.
func (s *search) best(r rung, offShift bool) *candidate {
	var fit []int
	for _, st := range r.stations {
		for _, t := range s.team[st.ID] {
			i := s.consider(t, st)
			c := &s.seen[i]
			if c.Excluded == "" && !offShift || c.Excluded == "shift" && offShift && !c.opens.IsZero() {
				fit = append(fit, i)
			}
		}
	}
	if len(fit) == 0 {
		return nil
	}
	first := slices.MinFunc(fit, func(i, j int) int {
		a, b := &s.seen[i], &s.seen[j]
		order := cmp.Or(s.avoid(a)-s.avoid(b), -cmp.Compare(a.Score, b.Score), a.load-b.load,
			strings.Compare(a.Candidate.Technician, b.Candidate.Technician))
		if offShift && !s.critical() {
			return cmp.Or(s.avoid(a)-s.avoid(b), a.opens.Compare(b.opens), order)
		}
		return order
	})
	s.seen[first].Excluded = ""
	return &s.seen[first]
}

func (s *search) avoid(c *candidate) int {
	if s.need.Avoid != "" && c.Candidate.Technician == s.need.Avoid {
		return 1
	}
	return 0
}

// consider judges a technician, once in a search.
func (s *search) consider(t *fleet.Technician, st *fleet.Station) int {
	if i, ok := s.listed[t.ID]; ok {
		return i
	}
	c := candidate{technician: t, station: st, load: s.loads.Technicians[t.ID], bound: t.MaxLoad}
	c.Candidate = tickets.Candidate{Technician: t.ID, Name: t.Name, Station: st.ID}
	if c.bound == 0 {
		c.bound = 8
	}
	skilled := s.need.Skill == "" || s.need.SkillOptional
	for _, skill := range t.Skills {
		if skill.Name == s.need.Skill && (skill.Expires.IsZero() || s.now.Before(skill.Expires)) {
			skilled = true
			c.level = max(c.level, min(max(skill.Level, 1), 5))
		}
	}
	region, _ := s.cfg.Fleet.Region(s.need.Tenant, st.Region)
	c.hours = workingHours(t, st, region)
	c.opens = c.hours.NextOpen(s.now)
	switch {
	case t.Inactive:
		c.Excluded = "inactive"
	case !s.authorised[st.ID]:
		c.Excluded = "model"
	case !skilled:
		c.Excluded = "skill"
	case c.load >= c.bound:
		c.Excluded = "load"
	case st.Capacity > 0 && s.loads.Stations[st.ID] >= st.Capacity:
		c.Excluded = "capacity"
	case !c.opens.Equal(s.now):
		c.Excluded = "shift"
	}
	s.score(&c)
	s.listed[t.ID] = len(s.seen)
	s.seen = append(s.seen, c)
	return len(s.seen) - 1
}

// criterion is a weight and its name.
type criterion struct {
	name   string
	weight float64
}

func criteria(w Weights) []criterion {
	return []criterion{{"skill", w.Skill}, {"nearness", w.Nearness}, {"load", w.Load},
		{"first-time-fix", w.FirstTimeFix}, {"parts", w.Parts}, {"language", w.Language}}
}

// score fills in what is known of each criterion and their weighted mean.
func (s *search) score(c *candidate) {
	known := make(map[string]float64, 6)
	if s.need.Skill != "" {
		known["skill"] = float64(c.level) / 5
	}
	if near, ok := s.nearness(c); ok {
		known["nearness"] = near
	}
	known["load"] = max(0, 1-float64(c.load)/float64(c.bound))
	if fix, ok := s.firstTimeFix(c); ok {
		known["first-time-fix"] = fix
	}
	if s.cfg.Stock != nil {
		if share, ok := s.cfg.Stock(s.need.Tenant, c.station.ID, s.need.Model, s.need.Component); ok {
			known["parts"] = min(max(share, 0), 1)
		}
	}
	if s.need.Language != "" {
		known["language"] = 0
		if slices.ContainsFunc(c.technician.Languages, func(l string) bool { return sameLanguage(l, s.need.Language) }) {
			known["language"] = 1
		}
	}
	sum, weight := 0.0, 0.0
	for _, k := range criteria(s.cfg.Weights) {
		if v, ok := known[k.name]; ok {
			known[k.name] = round(v)
			sum += k.weight * v
			weight += k.weight
		}
	}
	if weight > 0 {
		c.Score = round(sum / weight)
	}
	c.Parts = known
}

// round keeps scores to six digits, so that ties are ties on every machine.
func round(v float64) float64 { return math.Round(v*1e6) / 1e6 }

// halfway is the distance at which nearness is one half, in kilometres: about an hour on the road.
const halfway = 60.0

// nearness is 1 at the device and falls to one half at [halfway]; without
// coordinates it is 1 in the device's region and halves with each step up the tree of regions.
func (s *search) nearness(c *candidate) (float64, bool) {
	if s.need.Placed && (c.station.Lat != 0 || c.station.Lon != 0) {
		c.distance, c.placed = kilometres(s.need.Lat, s.need.Lon, c.station.Lat, c.station.Lon), true
		return halfway / (halfway + c.distance), true
	}
	home := s.lineage(c.station.Region)
	for steps, region := range s.line {
		if slices.Contains(home, region) {
			return math.Pow(.5, float64(steps)), true
		}
	}
	return 0, len(s.line) > 0 && len(home) > 0
}

// The prior of the first-time-fix rate: [priorRepairs] imagined repairs of
// which 75 % held, so that one lucky repair does not make an expert.
const (
	priorRepairs = 10.0
	priorHeld    = 7.5
)

func (s *search) firstTimeFix(c *candidate) (float64, bool) {
	if s.cfg.Record == nil {
		return 0, false
	}
	repairs, held := s.cfg.Record(s.need.Tenant, c.Candidate.Technician, s.need.Component)
	return min((float64(held)+priorHeld)/(float64(repairs)+priorRepairs), 1), true
}

// sameLanguage compares the primary subtags of two BCP 47 tags.
func sameLanguage(a, b string) bool {
	primary := func(tag string) string {
		first, _, _ := strings.Cut(strings.ReplaceAll(tag, "_", "-"), "-")
		return strings.ToLower(first)
	}
	return primary(a) == primary(b)
}
