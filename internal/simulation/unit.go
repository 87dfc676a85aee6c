package simulation

import (
	"math/rand/v2"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// class is a set of devices that can have the same faults.
type class uint8

const (
	combustion class = 1 << iota
	electric
	tv
	pump
	compressor

	machine = pump | compressor
)

// metric is one reading of a model: its name, and how finely its sensor resolves.
type metric struct {
	name    string
	quantum float64
}

// conditions is what a device meets during one step.
type conditions struct {
	now     time.Time
	dt      float64 // seconds since the last step
	hour    float64 // local, 0 to 24
	outside float64 // °C
	rng     *rand.Rand
	fault   *Fault // nil when the device is well
}

// level returns how bad a fault of the kind is, 0 when the device does not have it.
func (c *conditions) level(k Kind) float64 {
	if c.fault == nil || c.fault.Kind != k {
		return 0
	}
	return c.fault.Level(c.now)
}

// noise returns white noise of a sensor.
func (c *conditions) noise(sigma float64) float64 { return sigma * c.rng.NormFloat64() }

// unit is the physics of one device.
type unit interface {
	// read makes one step and writes a value for every metric of the model, in order.
	read(c *conditions, out []float64)
	// rest lets temperatures settle at once, as they do over the hours that a repair takes.
	rest()
}

// talker is a unit that reports events too.
type talker interface {
	// events returns what happened during the step.
	events(c *conditions) []telemetry.Event
}

// newUnit makes a unit of a class. Its character, a few per cent to either side, is its own.
func newUnit(k class, rng *rand.Rand) unit {
	character := 1 + 0.04*clamp(rng.NormFloat64(), -2, 2)
	switch k {
	case combustion:
		return newCombustion(character)
	case electric:
		return newElectric(character)
	case tv:
		return newTelevision(character, rng)
	case pump:
		return newPump(character)
	default:
		return newCompressor(character)
	}
}

func clamp(v, low, high float64) float64 { return max(low, min(high, v)) }
