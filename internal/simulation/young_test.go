package simulation

import (
	"testing"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// Devices that join a fleet learn from those of their model how much a metric wanders in hours that they have not seen: they are left
// alone in their first hundred minutes, and one whose bearing gets hot is not.
func TestYoungDevicesBorrowFromTheirModel(t *testing.T) {
	f := newFleet(t, func(c *Config) {
		c.Seed, c.Vehicles, c.TVs, c.Machines = 302, 80, 40, 40
		c.PastFaults, c.FirstFault = 0, 240*time.Hour
	})
	d := newDesk(t, f)
	young, hot := map[string]bool{}, ""
	for i := range f.Devices() {
		young[f.Device(i)] = i/8%2 == 1
		if young[f.Device(i)] && f.byID[f.Device(i)].model.id == "boreal-rs75" {
			hot = f.Device(i)
		}
	}
	start := midnight.Add(11 * time.Hour)
	joining := start.Add(4 * time.Hour)
	runFast(f, start, 340*time.Minute, func(at time.Time, b telemetry.Batch) {
		if young[b.Device] && at.Before(joining) {
			return
		}
		for i := range b.Samples {
			if s := &b.Samples[i]; b.Device == hot && s.Metric == "bearing_temp" && at.After(joining.Add(80*time.Minute)) {
				s.Value += 12
			}
		}
		d.apply(b)
	})
	wrong, found := 0, false
	for _, ticket := range d.tickets {
		switch {
		case ticket.Device == hot && ticket.OpenedAt.After(joining.Add(80*time.Minute)):
			found = true
		case young[ticket.Device]:
			wrong++
		}
	}
	t.Logf("%d false tickets in 133 hours of young devices; the fault found: %v", wrong, found)
	if wrong > 0 || !found {
		t.Errorf("%d false tickets of young devices, the fault found: %v\n%s", wrong, found, d.unexplained(nil))
	}
}
