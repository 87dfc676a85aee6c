package tickets

import (
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// Dispatcher finds somebody to take a ticket. It is implemented by
// tickets/dispatch: a pure function of what it is given and of the fleet.
type Dispatcher interface {
	Dispatch(need Need, loads Loads, now time.Time) Dispatch
}

// Need is what a ticket asks of whoever takes it.
type Need struct {
	Tenant    string
	Device    string
	Model     string // fleet.Model.ID, empty when unknown
	Component string // fleet.Component.ID
	// Skill is the qualification the work needs; empty when any technician will do.
	Skill string
	// SkillOptional tells that nobody declared the need for the skill: who has it is preferred, and anybody may do.
	SkillOptional bool
	Region        string // fleet.Region.ID, empty when unknown
	Language      string // of the customer, BCP 47; empty when it does not matter
	Severity      telemetry.Severity
	// Lat and Lon are where the device stands, in degrees, when Placed is set.
	Placed   bool
	Lat, Lon float64
	// Avoid is a technician who takes the ticket only when nobody else of the same stations can: the
	// one whose repair did not last.
	Avoid string
}

// Loads are the open tickets that everybody already has.
type Loads struct {
	Technicians map[string]int // by fleet.Technician.ID
	Stations    map[string]int // by fleet.Station.ID
}
