package sqlstore_test

import (
	"testing"

	"github.com/presage-pdm/presage/internal/realserver"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/internal/sqlstore/storetest"
)

// openPostgres returns an empty store in a database of its own.
func openPostgres(t testing.TB, server *realserver.PostgresServer) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: server.Database(t), MaxRejected: storetest.MaxRejected})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func TestPostgres(t *testing.T) {
	server := realserver.Postgres(t)
	storetest.Run(t, func(t *testing.T) *sqlstore.Store { return openPostgres(t, server) })
}
