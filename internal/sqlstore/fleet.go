package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/presage-pdm/presage/fleet"
)

// The kinds of fleet documents.
const (
	kindModel      = "model"
	kindSite       = "site"
	kindRegion     = "region"
	kindStation    = "station"
	kindTechnician = "technician"
	kindCustomer   = "customer"
)

// putDocument stores one document of a kind.
func putDocument(ctx context.Context, q querier, tenant, kind, id, name string, v any) error {
	body, err := toJSON(v)
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, `INSERT INTO fleet_documents (tenant, kind, id, name, body) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (tenant, kind, id) DO UPDATE SET name = excluded.name, body = excluded.body`, tenant, kind, id, clean(name), body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", kind, id, err)
	}
	return nil
}

// documents reads all documents of a kind, in the order of identifiers.
func documents[T any](ctx context.Context, s *Store, q querier, tenant, kind string) ([]T, error) {
	all, err := collect(ctx, q, func(r row) (v T, err error) { return v, r.Scan(document(&v)) },
		`SELECT body FROM fleet_documents WHERE tenant = $1 AND kind = $2 ORDER BY id`, tenant, kind)
	if all == nil {
		all = []T{}
	}
	return all, s.fail(ctx, "list each "+kind, err)
}

// names returns the names of a kind by identifier.
func (s *Store) names(ctx context.Context, q querier, tenant, kind string) (map[string]string, error) {
	rows, err := q.QueryContext(ctx, `SELECT id, name FROM fleet_documents WHERE tenant = $1 AND kind = $2`, tenant, kind)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names := map[string]string{}
	for rows.Next() {
		var id, name string
		if err := rows.Scan(&id, &name); err != nil {
			return nil, err
		}
		names[id] = name
	}
	return names, rows.Err()
}

// siteRegions returns the region of each site.
func (s *Store) siteRegions(ctx context.Context, q querier, tenant string) (map[string]string, error) {
	sites, err := documents[fleet.Site](ctx, s, q, tenant, kindSite)
	regions := make(map[string]string, len(sites))
	for _, site := range sites {
		regions[site.ID] = site.Region
	}
	return regions, err
}

// PutFleet stores everything in f, new or known. What f does not mention stays,
// but coverage: a station in f.Stations or f.Coverage covers from now on what
// f.Coverage says. Devices are stored some hundreds at a time, so that tickets are
// opened meanwhile; after an error it can be called again with the same fleet.
func (s *Store) PutFleet(ctx context.Context, tenant string, f *fleet.Fleet) error {
	const op = "store the fleet"
	if err := s.putDocuments(ctx, op, tenant, f); err != nil {
		return err
	}
	now := time.Now()
	for devices := range slices.Chunk(f.Devices, 500) {
		err := s.transact(ctx, op, func(tx *transaction) error { return s.putDevices(ctx, tx, tenant, devices, now) })
		if err != nil {
			return err
		}
	}
	// Last, so that directories are not loaded with a part of it and then left alone.
	return s.transact(ctx, op, func(tx *transaction) error {
		_, err := count(ctx, tx, tenant, counterFleet, 1)
		return err
	})
}

// putDocuments stores everything in f but its devices, in one transaction.
func (s *Store) putDocuments(ctx context.Context, op, tenant string, f *fleet.Fleet) error {
	return s.transact(ctx, op, func(tx *transaction) error {
		var err error
		put := func(kind, id, name string, v any) {
			if err == nil {
				err = putDocument(ctx, tx, tenant, kind, id, name, v)
			}
		}
		for _, v := range f.Regions {
			put(kindRegion, v.ID, v.Name, v)
		}
		for _, v := range f.Stations {
			put(kindStation, v.ID, v.Name, v)
		}
		for _, v := range f.Technicians {
			put(kindTechnician, v.ID, v.Name, v)
		}
		for _, v := range f.Customers {
			put(kindCustomer, v.ID, v.Name, v)
		}
		for _, v := range f.Sites {
			put(kindSite, v.ID, v.Name, v)
		}
		for _, v := range f.Models {
			put(kindModel, v.ID, v.Name, v)
		}
		if err != nil {
			return err
		}
		for _, v := range f.Sites {
			_, err := tx.ExecContext(ctx, `UPDATE devices SET served_region = $3
				WHERE tenant = $1 AND site = $2 AND region = '' AND served_region <> $3`, tenant, v.ID, v.Region)
			if err != nil {
				return fmt.Errorf("site %s: %w", v.ID, err)
			}
		}
		return putCoverage(ctx, tx, tenant, f)
	})
}

func putCoverage(ctx context.Context, q querier, tenant string, f *fleet.Fleet) error {
	stations := map[string]bool{}
	for _, v := range f.Stations {
		stations[v.ID] = true
	}
	for _, v := range f.Coverage {
		stations[v.Station] = true
	}
	for station := range stations {
		if _, err := q.ExecContext(ctx, `DELETE FROM coverage WHERE tenant = $1 AND station = $2`, tenant, station); err != nil {
			return fmt.Errorf("coverage of %s: %w", station, err)
		}
	}
	for _, v := range f.Coverage {
		_, err := q.ExecContext(ctx, `INSERT INTO coverage (tenant, station, region, model, component, rank) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (tenant, station, region, model, component) DO UPDATE SET rank = excluded.rank`,
			tenant, v.Station, v.Region, v.Model, v.Component, v.Rank)
		if err != nil {
			return fmt.Errorf("coverage of %s: %w", v.Station, err)
		}
	}
	return nil
}

// Models lists the models.
func (s *Store) Models(ctx context.Context, tenant string) ([]fleet.Model, error) {
	return documents[fleet.Model](ctx, s, s.read, tenant, kindModel)
}

// Sites lists the sites.
func (s *Store) Sites(ctx context.Context, tenant string) ([]fleet.Site, error) {
	return documents[fleet.Site](ctx, s, s.read, tenant, kindSite)
}

// Regions lists the regions.
func (s *Store) Regions(ctx context.Context, tenant string) ([]fleet.Region, error) {
	return documents[fleet.Region](ctx, s, s.read, tenant, kindRegion)
}

// Stations lists the stations.
func (s *Store) Stations(ctx context.Context, tenant string) ([]fleet.Station, error) {
	return documents[fleet.Station](ctx, s, s.read, tenant, kindStation)
}

// Technicians lists the technicians.
func (s *Store) Technicians(ctx context.Context, tenant string) ([]fleet.Technician, error) {
	return documents[fleet.Technician](ctx, s, s.read, tenant, kindTechnician)
}

// Customers lists the customers.
func (s *Store) Customers(ctx context.Context, tenant string) ([]fleet.Customer, error) {
	return documents[fleet.Customer](ctx, s, s.read, tenant, kindCustomer)
}

// Coverage lists who serves what.
func (s *Store) Coverage(ctx context.Context, tenant string) ([]fleet.Coverage, error) {
	all, err := collect(ctx, s.read, func(r row) (v fleet.Coverage, err error) {
		return v, r.Scan(&v.Station, &v.Region, &v.Model, &v.Component, &v.Rank)
	}, `SELECT station, region, model, component, rank FROM coverage WHERE tenant = $1
		ORDER BY rank, station, region, model, component`, tenant)
	return all, s.fail(ctx, "list the coverage", err)
}

// Fleet reads the whole fleet of a tenant.
func (s *Store) Fleet(ctx context.Context, tenant string) (*fleet.Fleet, error) {
	f := &fleet.Fleet{}
	var err error
	if f.Regions, err = s.Regions(ctx, tenant); err != nil {
		return nil, err
	}
	if f.Stations, err = s.Stations(ctx, tenant); err != nil {
		return nil, err
	}
	if f.Technicians, err = s.Technicians(ctx, tenant); err != nil {
		return nil, err
	}
	if f.Customers, err = s.Customers(ctx, tenant); err != nil {
		return nil, err
	}
	if f.Sites, err = s.Sites(ctx, tenant); err != nil {
		return nil, err
	}
	if f.Models, err = s.Models(ctx, tenant); err != nil {
		return nil, err
	}
	if f.Coverage, err = s.Coverage(ctx, tenant); err != nil {
		return nil, err
	}
	f.Devices, err = collect(ctx, s.read, func(r row) (fleet.Device, error) { return scanDevice(r) },
		`SELECT `+deviceColumns+` FROM devices WHERE tenant = $1 ORDER BY id`, tenant)
	return f, s.fail(ctx, "list all devices", err)
}

// counterFleet counts the changes of a tenant's fleet.
const counterFleet = "fleet"

// LoadDirectory brings a directory up to date with the fleets of all tenants. It
// reads a fleet only when it was changed since the directory was loaded last,
// so that it can be called often. Registrations are no such change: who
// registers a device puts it into its own directory.
func (s *Store) LoadDirectory(ctx context.Context, d *fleet.Directory) error {
	type version struct{ tenant, number string }
	// The version is read before the fleet: what changes in between is read again next time.
	versions, err := collect(ctx, s.read, func(r row) (v version, err error) { return v, r.Scan(&v.tenant, &v.number) },
		`SELECT tenant, CAST(MAX(number) AS TEXT) FROM (
			SELECT DISTINCT tenant, 0 AS number FROM devices UNION ALL
			SELECT tenant, value AS number FROM counters WHERE name = $1) versions GROUP BY tenant`, counterFleet)
	if err != nil {
		return s.fail(ctx, "list tenants", err)
	}
	for _, v := range versions {
		if err := d.Refresh(v.tenant, v.number, func() (*fleet.Fleet, error) { return s.Fleet(ctx, v.tenant) }); err != nil {
			return err
		}
	}
	return nil
}
