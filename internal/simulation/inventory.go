package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/presage-pdm/presage/fleet"
)

// placesFor returns where devices of a model stand.
func placesFor(m *model) []*place {
	var fit []*place
	for _, p := range places {
		if p.kinds == nil || slices.Contains(p.kinds, m.kind) {
			fit = append(fit, p)
		}
	}
	return fit
}

// siteNames are the kinds of sites by kind of device, by language.
var siteNames = map[string]map[string]string{
	"vehicle": {"de": "Betriebshof", "fr": "Dépôt", "zh": "车辆基地", "en": "Depot", "pt": "Garagem"},
	"tv":      {"de": "Kundschaft", "fr": "Clientèle", "zh": "客户家庭", "en": "Households", "pt": "Residências"},
	"machine": {"de": "Werk", "fr": "Usine", "zh": "工厂", "en": "Plant", "pt": "Fábrica"},
}

// customers are those of the example organisation, by country; all are invented.
var customers = []struct {
	country string
	fleet.Customer
}{
	{"de", fleet.Customer{ID: "isartal-logistik", Name: "Isartal Logistik", Tier: "gold", Language: "de"}},
	{"de", fleet.Customer{ID: "hansa-medien", Name: "Hansa Medien", Tier: "standard", Language: "de"}},
	{"fr", fleet.Customer{ID: "rhone-express", Name: "Rhône Express", Tier: "standard", Language: "fr"}},
	{"cn", fleet.Customer{ID: "huadong-transit", Name: "华东公交", Tier: "vip", Language: "zh"}},
	{"cn", fleet.Customer{ID: "pearl-river", Name: "珠江制造", Tier: "gold", Language: "zh"}},
	{"us", fleet.Customer{ID: "great-lakes", Name: "Great Lakes Freight", Tier: "gold", Language: "en"}},
	{"us", fleet.Customer{ID: "lone-star", Name: "Lone Star Homes", Tier: "standard", Language: "en"}},
	{"br", fleet.Customer{ID: "paulista", Name: "Grupo Paulista", Tier: "standard", Language: "pt"}},
}

// inventoryEpoch dates what the inventory says, so that it does not depend on today.
var inventoryEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// makeInventory describes the organisation and the devices.
func (f *Fleet) makeInventory() (*fleet.Fleet, error) {
	inv := &fleet.Fleet{}
	for _, c := range countries {
		inv.Regions = append(inv.Regions, fleet.Region{ID: c.id, Name: c.name, TimeZone: c.timeZone, Language: c.language})
	}
	for _, p := range places {
		hours, err := fleet.ParseHours(p.hours)
		if err != nil {
			return nil, fmt.Errorf("hours of %s: %w", p.name, err)
		}
		inv.Regions = append(inv.Regions, fleet.Region{ID: p.region, Name: regionNames[p.region], Parent: p.parent, TimeZone: p.timeZone, Language: p.language})
		inv.Stations = append(inv.Stations, fleet.Station{
			ID: "st-" + p.id, Name: "Service " + p.name, Region: p.region, TimeZone: p.timeZone, Lat: p.lat, Lon: p.lon,
			Neighbours: prefixed("st-", p.neighbours), Capacity: 60,
			Calendar: fleet.Calendar{TimeZone: p.timeZone, Hours: hours},
		})
		for i, t := range p.technicians {
			inv.Technicians = append(inv.Technicians, fleet.Technician{
				ID: fmt.Sprintf("%s-%d", p.id, i+1), Name: t.name, Station: "st-" + p.id,
				Skills: levels(t.skills), Languages: t.languages, MaxLoad: 20,
			})
		}
		inv.Coverage = append(inv.Coverage, fleet.Coverage{Station: "st-" + p.id, Region: p.region})
		for _, kind := range []string{"vehicle", "tv", "machine"} {
			if p.kinds != nil && !slices.Contains(p.kinds, kind) {
				continue
			}
			inv.Sites = append(inv.Sites, fleet.Site{
				ID: siteID(p, kind), Name: siteNames[kind][p.language] + " " + p.name, Region: p.region,
				TimeZone: p.timeZone, Lat: p.lat, Lon: p.lon,
			})
		}
	}
	// Above the towns, the first station of a country stands in for the others.
	for _, c := range countries {
		for _, p := range places {
			if p.parent == c.id {
				inv.Coverage = append(inv.Coverage, fleet.Coverage{Station: "st-" + p.id, Region: c.id, Rank: 1})
				break
			}
		}
	}
	for _, c := range customers {
		inv.Customers = append(inv.Customers, c.Customer)
	}
	for _, m := range allModels() {
		inv.Models = append(inv.Models, fleet.Model{ID: m.id, Name: m.name, Kind: m.kind, Maker: m.maker, Components: m.components})
	}
	for i, d := range f.devices {
		inv.Devices = append(inv.Devices, describe(d, i))
	}
	return inv, nil
}

// describe makes the registry's entry of a device. It has randomness of its own, so that
// what is told of devices does not change how they behave.
func describe(d *device, index int) fleet.Device {
	rng := rand.New(rand.NewPCG(uint64(index), 0x5eed))
	var owners []string
	for _, c := range customers {
		if c.country == d.place.parent {
			owners = append(owners, c.ID)
		}
	}
	bought := inventoryEpoch.AddDate(0, 0, -30-rng.IntN(5*365))
	years := 3
	if d.model.kind == "tv" {
		years = 2
	}
	return fleet.Device{
		ID:          d.id,
		Name:        fmt.Sprintf("%s %s", d.model.name, d.id[len(d.id)-4:]),
		Model:       d.model.id,
		Site:        siteID(d.place, d.model.kind),
		Customer:    owners[rng.IntN(len(owners))],
		Serial:      fmt.Sprintf("%s%02d%06d", d.model.prefix, bought.Year()%100, 100000+rng.IntN(900000)),
		Batch:       fmt.Sprintf("%d-W%02d", bought.Year(), 1+bought.YearDay()/7),
		Firmware:    firmwares[rng.IntN(len(firmwares))],
		Criticality: 1 + rng.IntN(3),
		Purchased:   bought,
		Warranty:    bought.AddDate(years, 0, 0),
	}
}

var firmwares = []string{"4.1.0", "4.1.2", "4.2.0"}

func siteID(p *place, kind string) string { return "site-" + p.id + "-" + kind }

func prefixed(prefix string, ids []string) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = prefix + id
	}
	return out
}

// levels makes the first skill of a technician the strongest.
func levels(names []string) []fleet.Skill {
	skills := make([]fleet.Skill, len(names))
	for i, n := range names {
		skills[i] = fleet.Skill{Name: n, Level: max(2, 4-i)}
	}
	return skills
}
