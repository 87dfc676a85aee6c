package dispatch

import (
	"errors"
	"fmt"
	"time"

	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

// Fleet is who could take a ticket. *fleet.Directory is the one; it answers
// from memory and its lists are not changed by anybody.
type Fleet interface {
	Stations(tenant string) []fleet.Station
	Technicians(tenant string) []fleet.Technician
	Coverage(tenant string) []fleet.Coverage
	Region(tenant, id string) (fleet.Region, bool)
}

// Weights are how much each criterion counts. Those that are unknown for a
// ticket are left out and the others share their weight in proportion.
type Weights struct {
	Skill        float64 // level of the skill, of 5
	Nearness     float64 // of the station to the device
	Load         float64 // free part of the technician's load
	FirstTimeFix float64 // of the technician on the component
	Parts        float64 // on hand at the station
	Language     float64 // the technician speaks the customer's
}

// Config is what a [Dispatcher] works with.
type Config struct {
	Fleet   Fleet
	Weights Weights
	// Record returns how many repairs of a component a technician has done and
	// how many of them held the first time. Nil when nobody keeps count.
	Record func(tenant, technician, component string) (repairs, held int)
	// Stock returns the part of what a repair of the component needs that a
	// station has on hand, in [0, 1]. Nil, or !ok, when that is not known.
	Stock func(tenant, station, model, component string) (onHand float64, ok bool)
}

// DefaultConfig returns the usual weights.
func DefaultConfig() Config {
	return Config{Weights: Weights{Skill: .30, Nearness: .20, Load: .20, FirstTimeFix: .20, Parts: .10, Language: .10}}
}

// Dispatcher chooses who takes a ticket. It implements
// [tickets.Dispatcher], holds no state and is safe for concurrent use.
type Dispatcher struct {
	cfg Config
}

// New returns a dispatcher. It fails when the fleet is missing or a weight is
// negative, or when all of them are zero.
func New(cfg Config) (*Dispatcher, error) {
	if cfg.Fleet == nil {
		return nil, errors.New("dispatch: Config.Fleet is not set")
	}
	sum := 0.0
	for _, c := range criteria(cfg.Weights) {
		if !(c.weight >= 0) || c.weight > 1e6 {
			return nil, fmt.Errorf("dispatch: weight of %s is %v; it must be between 0 and 1000000", c.name, c.weight)
		}
		sum += c.weight
	}
	if sum == 0 {
		return nil, errors.New("dispatch: all weights are zero; at least one criterion must count")
	}
	return &Dispatcher{cfg: cfg}, nil
}

// The rungs of the search.
const (
	rungHome       = "home"
	rungNeighbour  = "neighbour"
	rungParent     = "parent"
	rungNationwide = "nationwide"
	rungPending    = "pending"
)

// maxListed bounds the candidates that are stored with a ticket.
const maxListed = 25

// Dispatch returns who takes a ticket, or that nobody can. See the package for the order of the search.
func (d *Dispatcher) Dispatch(need tickets.Need, loads tickets.Loads, now time.Time) tickets.Dispatch {
	s := &search{Dispatcher: d, need: need, loads: loads, now: now}
	s.read()
	rungs := s.rungs()
	if need.Severity >= telemetry.Critical {
		near := min(len(rungs), s.near)
		for _, pass := range []struct {
			rungs  []rung
			onCall bool
		}{{rungs[:near], false}, {rungs[:near], true}} {
			for _, r := range pass.rungs {
				if c := s.best(r, pass.onCall); c != nil {
					return s.chosen(r, c)
				}
			}
		}
		rungs = rungs[near:]
	}
	for _, r := range rungs {
		for _, offShift := range []bool{false, true} {
			if c := s.best(r, offShift); c != nil {
				return s.chosen(r, c)
			}
		}
	}
	return s.pending()
}
