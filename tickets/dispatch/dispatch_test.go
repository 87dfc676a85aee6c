package dispatch

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

// country is a fleet in memory: two regions of Germany with three stations,
// and one in Manila.
type country struct {
	regions     map[string]fleet.Region
	stations    []fleet.Station
	technicians []fleet.Technician
	coverage    []fleet.Coverage
}

func (c *country) Stations(string) []fleet.Station       { return c.stations }
func (c *country) Technicians(string) []fleet.Technician { return c.technicians }
func (c *country) Coverage(string) []fleet.Coverage      { return c.coverage }
func (c *country) Region(_, id string) (fleet.Region, bool) {
	r, ok := c.regions[id]
	return r, ok
}

func newCountry() *country {
	skill := func(name string, level int) []fleet.Skill { return []fleet.Skill{{Name: name, Level: level}} }
	return &country{
		regions: map[string]fleet.Region{
			"world":    {ID: "world"},
			"de":       {ID: "de", Parent: "world", TimeZone: "Europe/Berlin"},
			"de-north": {ID: "de-north", Parent: "de"},
			"de-south": {ID: "de-south", Parent: "de"},
			"ph":       {ID: "ph", Parent: "world", TimeZone: "Asia/Manila"},
		},
		stations: []fleet.Station{
			{ID: "hamburg", Name: "Hamburg", Region: "de-north", Lat: 53.55, Lon: 9.99, Neighbours: []string{"berlin"}},
			{ID: "berlin", Name: "Berlin", Region: "de", Lat: 52.52, Lon: 13.40},
			{ID: "munich", Name: "München", Region: "de-south", Lat: 48.14, Lon: 11.58},
			{ID: "manila", Name: "Manila", Region: "ph", Lat: 14.60, Lon: 120.98},
		},
		technicians: []fleet.Technician{
			{ID: "anna", Name: "Anna", Station: "hamburg", Skills: skill("cooling", 4), Languages: []string{"de"}},
			{ID: "ben", Name: "Ben", Station: "hamburg", Skills: skill("cooling", 2), Languages: []string{"en"}},
			{ID: "clara", Name: "Clara", Station: "berlin", Skills: skill("cooling", 5)},
			{ID: "dirk", Name: "Dirk", Station: "munich", Skills: skill("cooling", 3)},
			{ID: "eva", Name: "Eva", Station: "manila", Skills: skill("cooling", 5)},
		},
	}
}

// noon is a working Wednesday in winter.
var noon = time.Date(2026, 1, 14, 11, 0, 0, 0, time.UTC)

func need() tickets.Need {
	return tickets.Need{Tenant: "default", Device: "d1", Component: "cooling", Skill: "cooling", Region: "de-north",
		Severity: telemetry.Major, Placed: true, Lat: 53.6, Lon: 10.0}
}

func dispatcher(t *testing.T, c *country) *Dispatcher {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Fleet = c
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func loads(m map[string]int) tickets.Loads { return tickets.Loads{Technicians: m} }

func TestDispatch(t *testing.T) {
	day := []fleet.Hours{}
	for d := time.Sunday; d <= time.Saturday; d++ {
		day = append(day, fleet.Hours{Weekday: d, From: "08:00", To: "17:00"})
	}
	late := slices.Clone(day)
	for i := range late {
		late[i].From = "10:00"
	}
	night := time.Date(2026, 1, 14, 23, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		change    func(c *country, n *tickets.Need, l *tickets.Loads)
		now       time.Time
		want      string // technician
		rung      string
		excluded  map[string]string
		mentioned string // in the English reason
	}{
		"the better skilled at home": {want: "anna", rung: "home", mentioned: "skill cooling at level 4 of 5"},
		"the freer one when the other is busy": {
			change: func(_ *country, _ *tickets.Need, l *tickets.Loads) { l.Technicians = map[string]int{"anna": 7} },
			want:   "ben", rung: "home",
		},
		"a full technician is excluded": {
			change: func(_ *country, _ *tickets.Need, l *tickets.Loads) { l.Technicians = map[string]int{"anna": 8} },
			want:   "ben", rung: "home", excluded: map[string]string{"anna": "load"},
		},
		"the customer's language": {
			change: func(c *country, n *tickets.Need, _ *tickets.Loads) {
				n.Language = "en-GB"
				c.technicians[0].Skills[0].Level = 3
			},
			want: "ben", rung: "home", mentioned: "speaks the customer's language",
		},
		"inactive": {
			change: func(c *country, _ *tickets.Need, _ *tickets.Loads) { c.technicians[0].Inactive = true },
			want:   "ben", rung: "home", excluded: map[string]string{"anna": "inactive"},
		},
		"an expired skill is none": {
			change: func(c *country, _ *tickets.Need, _ *tickets.Loads) { c.technicians[0].Skills[0].Expires = noon },
			want:   "ben", rung: "home", excluded: map[string]string{"anna": "skill"},
		},
		"a skill that expires later counts": {
			change: func(c *country, _ *tickets.Need, _ *tickets.Loads) {
				c.technicians[0].Skills[0].Expires = noon.Add(time.Second)
			},
			want: "anna", rung: "home",
		},
		"a full station sends to its neighbour": {
			change: func(c *country, _ *tickets.Need, l *tickets.Loads) {
				c.stations[0].Capacity = 5
				l.Stations = map[string]int{"hamburg": 5}
			},
			want: "clara", rung: "neighbour", excluded: map[string]string{"anna": "capacity", "ben": "capacity"},
			mentioned: "a neighbouring station does",
		},
		"neighbour full too: the parent region": {
			change: func(_ *country, _ *tickets.Need, l *tickets.Loads) {
				l.Technicians = map[string]int{"anna": 8, "ben": 8, "clara": 8}
			},
			want: "dirk", rung: "parent",
		},
		"the whole country full: anywhere": {
			change: func(c *country, _ *tickets.Need, l *tickets.Loads) {
				r := c.regions["de"]
				r.Parent = ""
				c.regions["de"] = r
				l.Technicians = map[string]int{"anna": 8, "ben": 8, "clara": 8, "dirk": 8}
			},
			want: "eva", rung: "nationwide",
		},
		"everybody full: pending, at the home station": {
			change: func(_ *country, _ *tickets.Need, l *tickets.Loads) {
				l.Technicians = map[string]int{"anna": 8, "ben": 8, "clara": 8, "dirk": 8, "eva": 8}
			},
			rung: "pending", mentioned: "5 with all the tickets they can take",
		},
		"nobody has the skill": {
			change: func(_ *country, n *tickets.Need, _ *tickets.Loads) { n.Skill = "100%s" },
			rung:   "pending", mentioned: "5 without skill 100%s",
		},
		"a skill that nobody declared is preferred": {
			change: func(c *country, n *tickets.Need, _ *tickets.Loads) {
				n.Skill, n.SkillOptional = "gearbox", true
				c.technicians[1].Skills[0].Name = "gearbox"
			},
			want: "ben", rung: "home", mentioned: "skill gearbox at level 2",
		},
		"and not demanded": {
			change: func(_ *country, n *tickets.Need, _ *tickets.Loads) { n.Skill, n.SkillOptional = "gearbox", true },
			want:   "anna", rung: "home",
		},
		"no skill needed": {
			change: func(_ *country, n *tickets.Need, l *tickets.Loads) {
				n.Skill = ""
				l.Technicians = map[string]int{"anna": 1}
			},
			want: "ben", rung: "home",
		},
		"a region nobody knows": {
			change: func(_ *country, n *tickets.Need, _ *tickets.Loads) { n.Region, n.Placed = "mars", false },
			want:   "clara", rung: "nationwide",
		},
		"coverage of the model decides, not the place": {
			change: func(c *country, n *tickets.Need, _ *tickets.Loads) {
				n.Model = "m1"
				c.coverage = []fleet.Coverage{
					{Station: "hamburg", Region: "de-north", Model: "m2"},
					{Station: "munich", Region: "de", Model: "m1"},
				}
			},
			want: "dirk", rung: "home",
		},
		"the more specific coverage first": {
			change: func(c *country, n *tickets.Need, _ *tickets.Loads) {
				n.Model = "m1"
				c.coverage = []fleet.Coverage{
					{Station: "hamburg", Region: "de-north"},
					{Station: "berlin", Region: "de-north", Model: "m1"},
				}
			},
			want: "clara", rung: "home",
		},
		"then the lower rank": {
			change: func(c *country, _ *tickets.Need, _ *tickets.Loads) {
				c.coverage = []fleet.Coverage{
					{Station: "hamburg", Region: "de", Rank: 2},
					{Station: "munich", Region: "de", Rank: 1},
				}
			},
			want: "dirk", rung: "home",
		},
		"a neighbour without authority for the model is passed over": {
			change: func(c *country, n *tickets.Need, l *tickets.Loads) {
				n.Model = "m1"
				c.coverage = []fleet.Coverage{{Station: "berlin", Model: "m2"}}
				l.Technicians = map[string]int{"anna": 8, "ben": 8}
			},
			want: "dirk", rung: "parent",
		},
		"at night the shift that opens first": {
			change: func(c *country, _ *tickets.Need, _ *tickets.Loads) {
				c.technicians[0].Shift = fleet.Calendar{Hours: late}
				c.technicians[1].Shift = fleet.Calendar{Hours: day}
			},
			now: night, want: "ben", rung: "home", mentioned: "opens first, at 2026-01-15 08:00",
		},
		"at night a critical fault goes to a neighbour on shift": {
			change: func(c *country, n *tickets.Need, _ *tickets.Loads) {
				n.Severity = telemetry.Critical
				c.stations[0].Calendar = fleet.Calendar{Hours: day}
			},
			now: night, want: "clara", rung: "neighbour",
		},
		"else the best at home is called out": {
			change: func(c *country, n *tickets.Need, _ *tickets.Loads) {
				n.Severity = telemetry.Critical
				c.stations[0].Calendar = fleet.Calendar{Hours: day}
				c.stations[1].Calendar = fleet.Calendar{Hours: day}
			},
			now: night, want: "anna", rung: "home", mentioned: "called out before the shift",
		},
		"avoid the one whose repair did not last": {
			change: func(_ *country, n *tickets.Need, _ *tickets.Loads) { n.Avoid = "anna" },
			want:   "ben", rung: "home",
		},
		"unless there is nobody else at the station": {
			change: func(_ *country, n *tickets.Need, l *tickets.Loads) {
				n.Avoid = "anna"
				l.Technicians = map[string]int{"ben": 8}
			},
			want: "anna", rung: "home",
		},
		"equal scores go by name": {
			change: func(c *country, _ *tickets.Need, _ *tickets.Loads) { c.technicians[1].Skills[0].Level = 4 },
			want:   "anna", rung: "home",
		},
		"equal names do not matter: fewer tickets first": {
			change: func(c *country, _ *tickets.Need, l *tickets.Loads) {
				c.technicians[1].Skills[0].Level = 4
				c.technicians[0].MaxLoad, c.technicians[1].MaxLoad = 4, 2
				l.Technicians = map[string]int{"anna": 2, "ben": 1}
			},
			want: "ben", rung: "home",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c2, n, l := newCountry(), need(), tickets.Loads{}
			if c.change != nil {
				c.change(c2, &n, &l)
			}
			now := c.now
			if now.IsZero() {
				now = noon
			}
			got := dispatcher(t, c2).Dispatch(n, l, now)
			if got.Technician != c.want || got.Rung != c.rung {
				t.Errorf("got %q by %q, want %q by %q: %s", got.Technician, got.Rung, c.want, c.rung, got.Reason["en"])
			}
			if c.rung == "pending" && got.Station != "hamburg" {
				t.Errorf("waits at %q, want hamburg", got.Station)
			}
			for _, x := range got.Candidates {
				if want, ok := c.excluded[x.Technician]; ok && x.Excluded != want {
					t.Errorf("%s excluded by %q, want %q", x.Technician, x.Excluded, want)
				}
			}
			if !strings.Contains(got.Reason["en"], c.mentioned) {
				t.Errorf("reason %q does not mention %q", got.Reason["en"], c.mentioned)
			}
			for _, language := range []string{"en", "de", "zh"} {
				if s := got.Reason[language]; s == "" || strings.Contains(s, "%!") {
					t.Errorf("reason in %s is %q", language, s)
				}
			}
		})
	}
}

// TestSameQuestionSameAnswer holds the search to be a function: the order in
// which the fleet lists its people changes nothing.
func TestSameQuestionSameAnswer(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		c, n, l := newCountry(), need(), tickets.Loads{Technicians: map[string]int{}}
		for i := range c.technicians {
			c.technicians[i].Skills[0].Level = 1 + r.IntN(2)
			l.Technicians[c.technicians[i].ID] = r.IntN(10)
		}
		want, _ := json.Marshal(dispatcher(t, c).Dispatch(n, l, noon))
		r.Shuffle(len(c.technicians), func(i, j int) { c.technicians[i], c.technicians[j] = c.technicians[j], c.technicians[i] })
		r.Shuffle(len(c.stations), func(i, j int) { c.stations[i], c.stations[j] = c.stations[j], c.stations[i] })
		if got, _ := json.Marshal(dispatcher(t, c).Dispatch(n, l, noon)); string(got) != string(want) {
			t.Fatalf("the answer depends on the order of the lists:\n%s\n%s", got, want)
		}
	}
}

func TestScoreNormalisesOverKnownCriteria(t *testing.T) {
	c := newCountry()
	cfg := DefaultConfig()
	cfg.Fleet = c
	cfg.Record = func(_, technician, _ string) (int, int) {
		if technician == "ben" {
			return 30, 30
		}
		return 0, 0
	}
	cfg.Stock = func(string, string, string, string) (float64, bool) { return 1, true }
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	got := d.Dispatch(need(), loads(nil), noon)
	by := map[string]tickets.Candidate{}
	for _, x := range got.Candidates {
		by[x.Technician] = x
	}
	near := halfway / (halfway + kilometres(53.6, 10, 53.55, 9.99))
	for _, x := range []struct {
		who   string
		skill float64
		fix   float64
	}{{"anna", .8, .75}, {"ben", .4, 37.5 / 40}} {
		want := (.3*x.skill + .2*near + .2*1 + .2*x.fix + .1*1) / 1.0
		if math.Abs(by[x.who].Score-want) > 1e-5 {
			t.Errorf("%s scores %v, want %v: %v", x.who, by[x.who].Score, want, by[x.who].Parts)
		}
	}
}

func TestCandidatesAreBounded(t *testing.T) {
	c := newCountry()
	for i := range 200 {
		c.technicians = append(c.technicians, fleet.Technician{ID: "x" + string(rune('a'+i%26)) + string(rune('a'+i/26)), Station: "hamburg"})
	}
	got := dispatcher(t, c).Dispatch(need(), tickets.Loads{}, noon)
	if len(got.Candidates) != maxListed || got.Candidates[0].Technician != "anna" || got.Candidates[1].Technician != "ben" {
		t.Errorf("%d candidates, the first %v", len(got.Candidates), got.Candidates[:2])
	}
}

func TestRegionsInACircleEnd(t *testing.T) {
	c := newCountry()
	c.regions["de"] = fleet.Region{ID: "de", Parent: "de-north"}
	if got := dispatcher(t, c).Dispatch(need(), tickets.Loads{}, noon); got.Technician != "anna" {
		t.Errorf("got %q", got.Technician)
	}
}

func TestNewRefusesBadWeights(t *testing.T) {
	for _, w := range []Weights{{}, {Skill: -1}, {Skill: math.NaN()}, {Skill: math.Inf(1)}} {
		if _, err := New(Config{Fleet: newCountry(), Weights: w}); err == nil {
			t.Errorf("accepted %+v", w)
		}
	}
	if _, err := New(DefaultConfig()); err == nil {
		t.Error("accepted a configuration without a fleet")
	}
}
