package dispatch

import (
	"fmt"
	"testing"

	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/tickets"
)

// BenchmarkDispatch looks for somebody among 200 stations with ten technicians each.
func BenchmarkDispatch(b *testing.B) {
	c := newCountry()
	for s := range 200 {
		station := fleet.Station{ID: fmt.Sprintf("s%03d", s), Region: []string{"de-north", "de-south", "ph"}[s%3], Lat: 50 + float64(s%10)/3, Lon: 10}
		c.stations = append(c.stations, station)
		for i := range 10 {
			c.technicians = append(c.technicians, fleet.Technician{ID: fmt.Sprintf("%s-%d", station.ID, i), Station: station.ID,
				Skills: []fleet.Skill{{Name: "cooling", Level: 1 + i%5}}})
		}
	}
	cfg := DefaultConfig()
	cfg.Fleet = c
	d, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if d.Dispatch(need(), tickets.Loads{}, noon).Technician == "" {
			b.Fatal("nobody was found")
		}
	}
}
