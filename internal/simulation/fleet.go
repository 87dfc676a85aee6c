package simulation

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/telemetry"
)

// Fleet is a simulated fleet. Readings of one device are made by one goroutine
// at a time, in rising time; everything else is safe for concurrent use.
type Fleet struct {
	cfg       Config
	inventory *fleet.Fleet
	devices   []*device
	byID      map[string]*device

	mu     sync.Mutex
	faults []Fault // in the order of declaration
	rng    *rand.Rand
	plan   schedule
}

// device is one device. Its physics belongs to whoever makes its readings; the fault is guarded by Fleet.mu.
type device struct {
	id      string
	model   *model
	place   *place
	zone    *time.Location // of the place
	unit    unit
	weather fluctuation
	rng     *rand.Rand
	last    time.Time // of the newest reading
	values  []float64
	fault   *Fault // the newest declared, nil when there was none
}

// New makes a fleet. Nothing has happened yet.
func New(cfg Config) (*Fleet, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	f := &Fleet{cfg: cfg, byID: map[string]*device{}, rng: rand.New(rand.NewPCG(cfg.Seed, 0))}
	for _, group := range []struct {
		count  int
		models []*model
	}{{cfg.Vehicles, vehicleModels}, {cfg.TVs, tvModels}, {cfg.Machines, machineModels}} {
		for i := range group.count {
			if err := f.add(group.models[i%len(group.models)], i/len(group.models)+1); err != nil {
				return nil, err
			}
		}
	}
	var err error
	f.inventory, err = f.makeInventory()
	return f, err
}

func (f *Fleet) add(m *model, number int) error {
	index := len(f.devices)
	rng := rand.New(rand.NewPCG(f.cfg.Seed, uint64(index)+1))
	suitable := placesFor(m)
	where := suitable[rng.IntN(len(suitable))]
	zone, err := time.LoadLocation(where.timeZone)
	if err != nil {
		return fmt.Errorf("time zone of %s: %w", where.name, err)
	}
	d := &device{
		id:      fmt.Sprintf("%s-%04d", m.prefix, number),
		model:   m,
		place:   where,
		zone:    zone,
		unit:    newUnit(m.class, rng),
		weather: fluctuation{sigma: 1.2, tau: 4 * 3600},
		rng:     rng,
		values:  make([]float64, len(m.metrics)),
	}
	f.devices = append(f.devices, d)
	f.byID[d.id] = d
	return nil
}

// Inventory returns the organisation and its devices, for the registry.
func (f *Fleet) Inventory() *fleet.Fleet { return f.inventory }

// Devices returns how many devices there are; they are numbered from 0.
func (f *Fleet) Devices() int { return len(f.devices) }

// Device returns the ID of a device.
func (f *Fleet) Device(i int) string { return f.devices[i].id }

// Read makes a reading of every metric of device i, and the events since the one before. A
// time that is not after that is an error of the caller's and panics.
func (f *Fleet) Read(i int, now time.Time) telemetry.Batch {
	d := f.devices[i]
	b := telemetry.Batch{Tenant: f.cfg.Tenant, Device: d.id, Arrival: now.UnixMilli()}
	f.read(d, now, &b)
	return b
}

func (f *Fleet) read(d *device, now time.Time, b *telemetry.Batch) {
	if !now.After(d.last) {
		panic(fmt.Sprintf("simulation: reading of %s at %v, not after the one at %v", d.id, now, d.last))
	}
	c := conditions{now: now, dt: now.Sub(d.last).Seconds(), hour: localHour(now, d.zone), rng: d.rng, fault: f.faultOf(d)}
	if d.last.IsZero() {
		c.dt = 1
	}
	if c.fault != nil && c.fault.Level(d.last) > 0 && c.fault.Level(now) == 0 {
		d.unit.rest()
	}
	d.last = now
	c.outside = climate(now, d.place.lat, c.hour) + d.weather.step(c.dt, d.rng)
	d.unit.read(&c, d.values)
	for i, m := range d.model.metrics {
		b.Samples = append(b.Samples, telemetry.Sample{Metric: m.name, Time: now.UnixMilli(), Value: round(d.values[i], m.quantum)})
	}
	if t, ok := d.unit.(talker); ok {
		for _, e := range t.events(&c) {
			// An id lets a redelivered event be told from a second one.
			e.ID = fmt.Sprintf("%s-%d", e.Code, e.Time)
			b.Events = append(b.Events, e)
		}
	}
}

func (f *Fleet) faultOf(d *device) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d.fault == nil {
		return nil
	}
	fault := *d.fault
	return &fault
}

// History makes the readings of every device every step from from, up to but
// not at to, with [Config.PastFaults] faults in it. It yields one batch per device and
// chunk of time, all devices of a chunk before the next chunk. Live operation goes on from there.
func (f *Fleet) History(from, to time.Time, step, chunk time.Duration) iter.Seq[telemetry.Batch] {
	f.declarePast(from, to)
	return func(yield func(telemetry.Batch) bool) {
		for start := from; start.Before(to); start = start.Add(chunk) {
			end := start.Add(chunk)
			if end.After(to) {
				end = to
			}
			for _, d := range f.devices {
				b := telemetry.Batch{Tenant: f.cfg.Tenant, Device: d.id, Arrival: to.UnixMilli()}
				for now := start; now.Before(end); now = now.Add(step) {
					f.read(d, now, &b)
				}
				if !yield(b) {
					return
				}
			}
		}
	}
}
