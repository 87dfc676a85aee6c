package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/presage-pdm/presage/internal/realserver"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		config sqlstore.Config
		want   string
	}{
		{"nothing", sqlstore.Config{}, "neither a URL nor a path"},
		{"both", sqlstore.Config{URL: "postgres://x/y", Path: "z"}, "both a URL and a path"},
		{"another engine", sqlstore.Config{URL: "mysql://u:geheim@h/db"}, "only postgres:// URLs"},
		{"a URL that cannot be read", sqlstore.Config{URL: "postgres://u:geheim@h:port/db"}, "open database"},
		{"a folder", sqlstore.Config{Path: t.TempDir()}, "open database"},
		{"nobody there", sqlstore.Config{URL: "postgres://u:geheim@/db?host=" + t.TempDir()}, tickets.ErrUnavailable.Error()},
	} {
		s, err := sqlstore.Open(t.Context(), c.config)
		if err == nil {
			s.Close()
			t.Errorf("%s: was opened", c.name)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: error %q, want one that says %q and not the password", c.name, err, c.want)
		}
	}
}

func TestMigrateRefusesNewerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "presage.db")
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`INSERT INTO schema_versions (version, name, applied_at) VALUES (999, 'future', '2099-01-01')`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = sqlstore.Open(t.Context(), sqlstore.Config{Path: path})
	if !errors.Is(err, sqlstore.ErrNewerSchema) || !strings.Contains(err.Error(), "999") {
		t.Errorf("a newer schema: error %v", err)
	}
}

// openTogether opens one new database from several sides at once, as processes that start together do.
func openTogether(t *testing.T, config sqlstore.Config) {
	t.Helper()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := sqlstore.Open(t.Context(), config)
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			if _, err := s.RegisterDevice(t.Context(), telemetry.DefaultTenant, "tv-1"); err != nil {
				t.Errorf("register: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	wg.Wait()
}

func TestOpenTogether(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		openTogether(t, sqlstore.Config{Path: filepath.Join(t.TempDir(), "presage.db")})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		openTogether(t, sqlstore.Config{URL: realserver.Postgres(t).URL})
	})
}

// report opens a ticket of a device unless it has one.
func report(s *sqlstore.Store, device string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return s.Update(ctx, telemetry.DefaultTenant, tickets.Fence{}, func(ctx context.Context, tx tickets.Tx) error {
		t := tickets.Ticket{Kind: tickets.Fault, Device: device, Component: "cooling", FaultCode: "overheat", State: "new", Category: tickets.CategoryNew}
		err := tx.Insert(ctx, &t)
		if errors.Is(err, tickets.ErrConflict) {
			return nil
		}
		return err
	})
}

func TestPostgresGoesAndComesBack(t *testing.T) {
	server := realserver.Postgres(t)
	for _, c := range []struct {
		name string
		end  func()
	}{{"stopped", server.Stop}, {"killed", server.Kill}} {
		t.Run(c.name, func(t *testing.T) {
			s, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := report(s, c.name); err != nil {
				t.Fatal(err)
			}
			c.end()
			// Connections that were open break in one way, new ones in another.
			for range 3 {
				if err := report(s, c.name+" meanwhile"); !errors.Is(err, tickets.ErrUnavailable) {
					t.Errorf("without its server: error %v, want ErrUnavailable", err)
				}
				if _, err := s.List(t.Context(), telemetry.DefaultTenant, tickets.Filter{}); !errors.Is(err, tickets.ErrUnavailable) {
					t.Errorf("reading without its server: error %v, want ErrUnavailable", err)
				}
			}
			server.Start()
			// What was committed is there, and what is tried again is taken once.
			for range 2 {
				for _, device := range []string{c.name, c.name + " meanwhile"} {
					if err := report(s, device); err != nil && !errors.Is(err, tickets.ErrUnavailable) {
						t.Errorf("with its server again: %v", err)
					}
				}
			}
			page, err := s.List(t.Context(), telemetry.DefaultTenant, tickets.Filter{Text: c.name})
			if err != nil || page.Total != 2 {
				t.Errorf("%d tickets (error %v), want 2", page.Total, err)
			}
		})
	}
}

func TestSQLiteSharedWithAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "presage.db")
	config := sqlstore.Config{Path: path, BusyTimeout: 50 * time.Millisecond}
	s, err := sqlstore.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := report(s, "bus-1"); !errors.Is(err, tickets.ErrUnavailable) {
		t.Errorf("while another process writes: error %v, want ErrUnavailable", err)
	}
	if _, err := s.List(t.Context(), telemetry.DefaultTenant, tickets.Filter{}); err != nil {
		t.Errorf("reading while another process writes: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := report(s, "bus-1"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
