package simulation

import (
	"errors"
	"fmt"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// Config says what to simulate. Start from [DefaultConfig].
type Config struct {
	// Seed makes another fleet with other faults.
	Seed uint64
	// Tenant is written into every batch.
	Tenant string
	// Vehicles, TVs and Machines are how many of each there are.
	Vehicles, TVs, Machines int
	// Interval is the time between two live readings of a device.
	Interval time.Duration
	// PastFaults is how many faults the history holds, all of them repaired.
	PastFaults int
	// FirstFault is when after the start of live operation the first fault
	// begins, and Between the time from one to the next.
	FirstFault, Between time.Duration
	// ToCall is the time from the start of a live fault until the customer would
	// call: half of it for the first one, three times for a stuck sensor, which nobody hears or smells.
	ToCall time.Duration
}

// DefaultConfig is 200 vehicles, 100 TVs and 50 machines that report every
// four seconds, and a fault every 50 seconds.
func DefaultConfig() Config {
	return Config{
		Seed: 1, Tenant: telemetry.DefaultTenant,
		Vehicles: 200, TVs: 100, Machines: 50,
		Interval:   4 * time.Second,
		PastFaults: 9,
		FirstFault: 2 * time.Second,
		Between:    50 * time.Second,
		ToCall:     3 * time.Minute,
	}
}

// maxDevices bounds a fleet; every device has an MQTT connection of its own.
const maxDevices = 20_000

func (c Config) validate() error {
	n := c.Vehicles + c.TVs + c.Machines
	switch {
	case c.Vehicles < 0 || c.TVs < 0 || c.Machines < 0 || n == 0 || n > maxDevices:
		return fmt.Errorf("simulation of %d vehicles, %d TVs and %d machines: use 1 to %d devices", c.Vehicles, c.TVs, c.Machines, maxDevices)
	case c.PastFaults < 0 || c.PastFaults > n:
		return fmt.Errorf("simulation with %d past faults: use 0 to one for each device", c.PastFaults)
	case c.Tenant == "":
		return errors.New("simulation without a tenant: start from DefaultConfig")
	case c.Interval <= 0 || c.FirstFault < 0 || c.Between <= 0 || c.ToCall <= 0:
		return errors.New("simulation: interval, time between faults and time to the call must be positive; start from DefaultConfig")
	}
	return nil
}
