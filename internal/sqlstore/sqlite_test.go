package sqlstore_test

import (
	"path/filepath"
	"testing"

	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/internal/sqlstore/storetest"
)

// openSQLite returns an empty store in a temporary folder.
func openSQLite(t testing.TB) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "fleet", "presage.db"), MaxRejected: storetest.MaxRejected})
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

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *sqlstore.Store { return openSQLite(t) })
}
