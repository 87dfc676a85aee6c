package sqlstore

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/telemetry"
)

// TestSQLiteSurvivesACrash opens what is on the disk while the store is still
// open, which is what a process that was killed leaves behind.
func TestSQLiteSurvivesACrash(t *testing.T) {
	dir, crashed := t.TempDir(), t.TempDir()
	s, err := Open(t.Context(), Config{Path: filepath.Join(dir, "presage.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.RegisterDevice(t.Context(), telemetry.DefaultTenant, "bus-1"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"presage.db", "presage.db-wal"} {
		copyFile(t, filepath.Join(dir, name), filepath.Join(crashed, name))
	}
	again, err := Open(t.Context(), Config{Path: filepath.Join(crashed, "presage.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if v, err := again.Device(t.Context(), telemetry.DefaultTenant, "bus-1"); err != nil || v.Health != fleet.HealthUnknown {
		t.Errorf("after the crash: %+v (error %v)", v, err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	src, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dst, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(dst, src); err != nil {
		t.Fatal(err)
	}
	if err := dst.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestSQLiteSettings checks what durability over a power cut rests on: every
// commit is synced (2 is FULL), and readers cannot write.
func TestSQLiteSettings(t *testing.T) {
	s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "a folder?#%", "presage.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "busy_timeout": "10000"} {
		var got string
		if err := s.write.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s (error %v), want %s", pragma, got, err, want)
		}
	}
	if _, err := s.read.Exec(`DELETE FROM devices`); err == nil {
		t.Error("a reading connection could write")
	}
}
