package main

import (
	"context"

	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/internal/sqlstore"
)

// registry tells the intake which devices are known: from memory, and with
// the database behind it for those that become known.
type registry struct {
	directory *fleet.Directory
	store     *sqlstore.Store
}

// Admit implements ingest.Registry.
func (r registry) Admit(tenant, device string) ingest.Admission {
	switch known, retired := r.directory.Known(tenant, device); {
	case retired:
		return ingest.Refused
	case known:
		return ingest.Admitted
	}
	return ingest.Unknown
}

// Count implements ingest.Registry.
func (r registry) Count(tenant string) int { return r.directory.Count(tenant) }

// Register implements ingest.Registry.
func (r registry) Register(ctx context.Context, tenant, device string) error {
	d, err := r.store.RegisterDevice(ctx, tenant, device)
	if err != nil {
		return err
	}
	r.directory.PutDevice(tenant, d)
	return nil
}
