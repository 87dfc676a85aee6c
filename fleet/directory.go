package fleet

import (
	"cmp"
	"hash/maphash"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// Fleet is everything that is known of one tenant's devices and of those who
// look after them: what an import reads and a store keeps.
type Fleet struct {
	Regions     []Region
	Stations    []Station
	Technicians []Technician
	Coverage    []Coverage
	Customers   []Customer
	Sites       []Site
	Models      []Model
	Devices     []Device
}

// Directory answers from memory what the fleet is, for every tenant. Reading it
// takes no lock and never waits; what it returns is shared and must not be
// changed. The zero Directory is empty; it is safe for concurrent use.
type Directory struct {
	writing sync.Mutex // held by whoever makes the next version
	current atomic.Pointer[map[string]*snapshot]
}

// NewDirectory returns an empty directory.
func NewDirectory() *Directory { return &Directory{} }

// shardCount spreads the devices of a tenant over small maps, so that making one
// more device known copies a few hundred entries and not all of them.
const shardCount = 512

// shardSeed differs from run to run, so that nobody can choose identifiers that
// all fall into one shard.
var shardSeed = maphash.MakeSeed()

// snapshot is one version of a tenant's fleet. It is immutable.
type snapshot struct {
	devices     [shardCount]map[string]*Device
	count       int
	regions     table[Region]
	stations    table[Station]
	technicians table[Technician]
	customers   table[Customer]
	sites       table[Site]
	models      table[Model]
	coverage    []Coverage
	version     string // of Refresh
}

var nothing = &snapshot{}

// table is a list in the order of identifiers and its index.
type table[T any] struct {
	list []T
	byID map[string]int
}

func newTable[T any](items []T, id func(*T) string) table[T] {
	t := table[T]{list: slices.Clone(items), byID: make(map[string]int, len(items))}
	slices.SortStableFunc(t.list, func(a, b T) int { return cmp.Compare(id(&a), id(&b)) })
	for i := range t.list {
		t.byID[id(&t.list[i])] = i
	}
	return t
}

func (t *table[T]) get(id string) (item T, ok bool) {
	i, ok := t.byID[id]
	if ok {
		item = t.list[i]
	}
	return item, ok
}

func shardOf(device string) int {
	return int(maphash.String(shardSeed, device) % shardCount)
}

func (d *Directory) of(tenant string) *snapshot {
	if all := d.current.Load(); all != nil {
		if s, ok := (*all)[tenant]; ok {
			return s
		}
	}
	return nothing
}

// change puts the snapshot that make returns in the place of a tenant's current one.
func (d *Directory) change(tenant string, make func(old *snapshot) *snapshot) {
	d.writing.Lock()
	defer d.writing.Unlock()
	next := map[string]*snapshot{}
	if all := d.current.Load(); all != nil {
		next = maps.Clone(*all)
	}
	old := next[tenant]
	if old == nil {
		old = nothing
	}
	if next[tenant] = make(old); next[tenant] != nothing {
		d.current.Store(&next)
	}
}

// Replace makes f the whole fleet of a tenant.
func (d *Directory) Replace(tenant string, f *Fleet) {
	s := newSnapshot(f)
	d.change(tenant, func(*snapshot) *snapshot { return s })
}

// Refresh replaces the fleet of a tenant by what load returns, unless it was
// loaded with that version before. A device that is put meanwhile waits and is put
// into the new fleet, so that it is in it whether load saw it or not.
func (d *Directory) Refresh(tenant, version string, load func() (*Fleet, error)) error {
	var err error
	d.change(tenant, func(old *snapshot) *snapshot {
		if old != nothing && old.version == version {
			return old
		}
		var f *Fleet
		if f, err = load(); err != nil {
			return old
		}
		s := newSnapshot(f)
		s.version = version
		return s
	})
	return err
}

func newSnapshot(f *Fleet) *snapshot {
	s := &snapshot{
		regions:     newTable(f.Regions, func(v *Region) string { return v.ID }),
		stations:    newTable(f.Stations, func(v *Station) string { return v.ID }),
		technicians: newTable(f.Technicians, func(v *Technician) string { return v.ID }),
		customers:   newTable(f.Customers, func(v *Customer) string { return v.ID }),
		sites:       newTable(f.Sites, func(v *Site) string { return v.ID }),
		models:      newTable(f.Models, func(v *Model) string { return v.ID }),
		coverage:    slices.Clone(f.Coverage),
	}
	for _, dev := range f.Devices {
		shard := &s.devices[shardOf(dev.ID)]
		if *shard == nil {
			*shard = map[string]*Device{}
		}
		if _, known := (*shard)[dev.ID]; !known {
			s.count++
		}
		(*shard)[dev.ID] = &dev
	}
	return s
}

// PutDevice makes one device known, or known anew, in the time of a copy of a
// few kilobytes.
func (d *Directory) PutDevice(tenant string, dev Device) {
	d.change(tenant, func(old *snapshot) *snapshot {
		s := *old
		i := shardOf(dev.ID)
		shard := make(map[string]*Device, len(old.devices[i])+1)
		maps.Copy(shard, old.devices[i])
		if _, known := shard[dev.ID]; !known {
			s.count++
		}
		shard[dev.ID] = &dev
		s.devices[i] = shard
		return &s
	})
}

// Known tells whether a device is known and whether it is retired. It is asked for every message.
func (d *Directory) Known(tenant, device string) (known, retired bool) {
	dev, ok := d.of(tenant).devices[shardOf(device)][device]
	return ok, ok && dev.Retired
}

// Device returns a device.
func (d *Directory) Device(tenant, id string) (Device, bool) {
	if dev, ok := d.of(tenant).devices[shardOf(id)][id]; ok {
		return *dev, true
	}
	return Device{}, false
}

// Devices ranges over all devices of a tenant as they were at the call, in no order.
func (d *Directory) Devices(tenant string) iter.Seq[*Device] {
	s := d.of(tenant)
	return func(yield func(*Device) bool) {
		for _, shard := range s.devices {
			for _, dev := range shard {
				if !yield(dev) {
					return
				}
			}
		}
	}
}

// Count returns how many devices a tenant has.
func (d *Directory) Count(tenant string) int { return d.of(tenant).count }

// Tenants lists the tenants that have a fleet, in order.
func (d *Directory) Tenants() []string {
	all := d.current.Load()
	if all == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(*all))
}

// Model returns a model.
func (d *Directory) Model(tenant, id string) (Model, bool) { return d.of(tenant).models.get(id) }

// Models lists the models by identifier.
func (d *Directory) Models(tenant string) []Model { return d.of(tenant).models.list }

// Site returns a site.
func (d *Directory) Site(tenant, id string) (Site, bool) { return d.of(tenant).sites.get(id) }

// Sites lists the sites by identifier.
func (d *Directory) Sites(tenant string) []Site { return d.of(tenant).sites.list }

// Customer returns a customer.
func (d *Directory) Customer(tenant, id string) (Customer, bool) {
	return d.of(tenant).customers.get(id)
}

// Region returns a region.
func (d *Directory) Region(tenant, id string) (Region, bool) { return d.of(tenant).regions.get(id) }

// Regions lists the regions by identifier.
func (d *Directory) Regions(tenant string) []Region { return d.of(tenant).regions.list }

// RegionPath returns a region and those around it, outermost last. It is empty
// for a region that is not known, and ends before a circle.
func (d *Directory) RegionPath(tenant, id string) []Region {
	s := d.of(tenant)
	var path []Region
	for id != "" && !slices.ContainsFunc(path, func(r Region) bool { return r.ID == id }) {
		r, ok := s.regions.get(id)
		if !ok {
			break
		}
		path = append(path, r)
		id = r.Parent
	}
	return path
}

// RegionOf returns the region a device is served in: its own, else that of its site.
func (d *Directory) RegionOf(tenant, device string) string {
	s := d.of(tenant)
	dev, ok := s.devices[shardOf(device)][device]
	if !ok {
		return ""
	}
	if dev.Region != "" {
		return dev.Region
	}
	site, _ := s.sites.get(dev.Site)
	return site.Region
}

// Station returns a station.
func (d *Directory) Station(tenant, id string) (Station, bool) { return d.of(tenant).stations.get(id) }

// Stations lists the stations by identifier.
func (d *Directory) Stations(tenant string) []Station { return d.of(tenant).stations.list }

// Technician returns a technician.
func (d *Directory) Technician(tenant, id string) (Technician, bool) {
	return d.of(tenant).technicians.get(id)
}

// Technicians lists the technicians by identifier.
func (d *Directory) Technicians(tenant string) []Technician { return d.of(tenant).technicians.list }

// Coverage lists who serves what, as it was given.
func (d *Directory) Coverage(tenant string) []Coverage { return d.of(tenant).coverage }
