package fleet

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

func (im *Importer) takeRegion(r *record) {
	r.what = "region"
	v := Region{ID: im.identify(r), Name: r.text("name"), Parent: r.text("parent"), TimeZone: r.zone("time_zone"), Language: r.text("language")}
	im.refer(r, "parent", "region", v.Parent, "region "+v.ID)
	if v.ID != "" {
		im.fleet.Regions = append(im.fleet.Regions, v)
	}
}

func (im *Importer) takeStation(r *record) {
	r.what = "station"
	v := Station{ID: im.identify(r), Name: r.text("name"), Region: r.required("region"), TimeZone: r.zone("time_zone"),
		Lat: r.number("lat", -90, 90), Lon: r.number("lon", -180, 180), Neighbours: r.texts("neighbours"),
		Capacity: r.integer("capacity", 0, 1_000_000), Calendar: readCalendar(r, "calendar")}
	by := "station " + v.ID
	im.refer(r, "region", "region", v.Region, by)
	for _, n := range v.Neighbours {
		im.refer(r, "neighbours", "station", n, by)
		if n == v.ID {
			r.fail(r.lineOf("neighbours"), "%s is its own neighbour", by)
		}
	}
	if v.ID != "" {
		im.fleet.Stations = append(im.fleet.Stations, v)
	}
}

func (im *Importer) takeTechnician(r *record) {
	r.what = "technician"
	v := Technician{ID: im.identify(r), Name: r.required("name"), Station: r.required("station"), Languages: r.texts("languages"),
		Shift: readCalendar(r, "shift"), MaxLoad: r.integer("max_load", 0, 10_000), User: strings.ToLower(r.text("user")), Inactive: r.boolean("inactive")}
	for _, text := range r.texts("skills") {
		skill, err := parseSkill(text)
		if err != nil {
			r.fail(r.lineOf("skills"), "%v", err)
			continue
		}
		v.Skills = append(v.Skills, skill)
	}
	im.refer(r, "station", "station", v.Station, "technician "+v.ID)
	if v.ID != "" {
		im.fleet.Technicians = append(im.fleet.Technicians, v)
	}
}

// parseSkill reads "high-voltage", "high-voltage:3" or "high-voltage:3:2027-06-30":
// the name, the level from 1 to 5, and the last day.
func parseSkill(text string) (Skill, error) {
	parts := strings.Split(text, ":")
	s := Skill{Name: strings.TrimSpace(parts[0])}
	if s.Name == "" || len(parts) > 3 {
		return s, fmt.Errorf("skill %q is not like \"cooling\", \"cooling:3\" or \"cooling:3:2027-06-30\"", text)
	}
	if len(parts) > 1 {
		level, err := strconv.Atoi(strings.TrimSpace(parts[1]))
		if err != nil || level < 1 || level > 5 {
			return s, fmt.Errorf("skill %q: the level is a number from 1 (trained) to 5 (expert)", text)
		}
		s.Level = level
	}
	if len(parts) > 2 {
		last, err := parseDate(strings.TrimSpace(parts[2]))
		if err != nil {
			return s, fmt.Errorf("skill %q: %w", text, err)
		}
		s.Expires = last
	}
	return s, nil
}

func (im *Importer) takeCoverage(r *record) {
	r.what = "coverage"
	v := Coverage{Station: r.required("station"), Region: r.text("region"), Model: r.text("model"), Component: r.text("component"),
		Rank: r.integer("rank", 0, 1_000_000)}
	by := "coverage of " + v.Station
	im.refer(r, "station", "station", v.Station, by)
	im.refer(r, "region", "region", v.Region, by)
	im.refer(r, "model", "model", v.Model, by)
	if v.Station != "" && im.once(r, "coverage", strings.Join([]string{v.Station, v.Region, v.Model, v.Component}, " ")) != "" {
		im.fleet.Coverage = append(im.fleet.Coverage, v)
	}
}

func (im *Importer) takeCustomer(r *record) {
	r.what = "customer"
	v := Customer{ID: im.identify(r), Name: r.required("name"), Tier: r.choice("tier", "standard", "gold", "vip"),
		Language: r.text("language"), Contact: r.text("contact")}
	if v.ID != "" {
		im.fleet.Customers = append(im.fleet.Customers, v)
	}
}

func (im *Importer) takeSite(r *record) {
	r.what = "site"
	v := Site{ID: im.identify(r), Name: r.text("name"), Region: r.text("region"), Customer: r.text("customer"), TimeZone: r.zone("time_zone"),
		Lat: r.number("lat", -90, 90), Lon: r.number("lon", -180, 180)}
	im.refer(r, "region", "region", v.Region, "site "+v.ID)
	im.refer(r, "customer", "customer", v.Customer, "site "+v.ID)
	if v.ID != "" {
		im.fleet.Sites = append(im.fleet.Sites, v)
	}
}

func (im *Importer) takeModel(r *record) {
	r.what = "model"
	v := Model{ID: im.identify(r), Name: r.text("name"), Kind: r.text("kind"), Maker: r.text("maker")}
	for _, c := range r.records("components", "component") {
		component := readComponent(c)
		c.done()
		if component.ID != "" && im.once(c, "component of "+v.ID, component.ID) != "" {
			v.Components = append(v.Components, component)
		}
	}
	if v.ID != "" {
		im.fleet.Models = append(im.fleet.Models, v)
	}
}

func readComponent(r *record) Component {
	return Component{ID: r.required("id"), Name: r.text("name"), Skill: r.text("skill"), Parts: r.texts("parts")}
}

// takeComponent adds a component to a model: the rows of components.csv, because
// a row of models.csv has no room for them.
func (im *Importer) takeComponent(r *record) {
	r.what = "component"
	model := r.required("model")
	c := readComponent(r)
	if model == "" || c.ID == "" {
		return
	}
	for i := range im.fleet.Models {
		if m := &im.fleet.Models[i]; m.ID == model {
			if im.once(r, "component of "+model, c.ID) != "" {
				m.Components = append(m.Components, c)
			}
			return
		}
	}
	r.fail(r.lineOf("model"), "component %s: model %q is not in this import", c.ID, model)
}

func (im *Importer) takeDevice(r *record) {
	r.what = "device"
	v := Device{ID: im.identify(r), Name: r.text("name"), Model: r.text("model"), Site: r.text("site"), Region: r.text("region"),
		Customer: r.text("customer"), Serial: r.text("serial"), Batch: r.text("batch"), Firmware: r.text("firmware"),
		Criticality: r.integer("criticality", 1, 5), Purchased: r.date("purchased"), Warranty: r.date("warranty"),
		Attributes: r.pairs("attributes"), Retired: r.boolean("retired")}
	by := "device " + v.ID
	im.refer(r, "model", "model", v.Model, by)
	im.refer(r, "site", "site", v.Site, by)
	im.refer(r, "region", "region", v.Region, by)
	im.refer(r, "customer", "customer", v.Customer, by)
	if !v.Warranty.IsZero() && v.Warranty.Before(v.Purchased) {
		r.fail(r.lineOf("warranty"), "%s: the warranty ends %s, before the purchase", by, v.Warranty.Format(time.DateOnly))
	}
	if v.ID != "" {
		im.fleet.Devices = append(im.fleet.Devices, v)
	}
}

// readCalendar reads a group with time_zone, hours and holidays.
func readCalendar(r *record, name string) Calendar {
	g := r.group(name)
	c := Calendar{TimeZone: g.zone("time_zone"), Holidays: g.texts("holidays")}
	for _, text := range g.texts("hours") {
		hours, err := ParseHours(text)
		if err != nil {
			g.fail(g.lineOf("hours"), "%s: %v", name, err)
			continue
		}
		c.Hours = append(c.Hours, hours...)
	}
	for _, day := range c.Holidays {
		if _, err := parseDate(day); err != nil {
			g.fail(g.lineOf("holidays"), "%s: %v", name, err)
		}
	}
	g.done()
	return c
}
